"""One command-line flag for each field of RunSettings, made by pydantic-settings from the same declaration."""

import argparse
from typing import Any

from pydantic_settings import BaseSettings, CliSettingsSource

from vidpred_engine.settings import RunSettings, Setting, describe_settings


class _Flags(RunSettings, BaseSettings):  # type: ignore[misc]
    """RunSettings in the form that pydantic-settings makes flags from."""


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every setting, in one argument group for each group of settings."""
    settings = {setting.name: setting for setting in describe_settings()}
    groups: dict[str, Any] = {}

    def add_to_group(target: argparse.ArgumentParser, *flags: str, **options: Any) -> Any:
        setting = settings[options["dest"]]
        if setting.group not in groups:
            groups[setting.group] = target.add_argument_group(setting.group)
        if setting.kind != "switch":
            options["metavar"] = _value_name(setting)
        return groups[setting.group].add_argument(*flags, **{**options, "help": _help(setting)})

    CliSettingsSource(
        _Flags,
        root_parser=parser,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        add_argument_method=add_to_group,
    )


def given_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that were given as flags, by name, not yet validated."""
    return {name: getattr(arguments, name) for name in RunSettings.model_fields if hasattr(arguments, name)}


def _value_name(setting: Setting) -> str:
    if setting.choices:
        return "{" + ",".join(setting.choices) + "}"
    return {"integer": "N", "number": "X"}.get(setting.kind, "TEXT")


def _help(setting: Setting) -> str:
    default = f"default {setting.default}" if setting.default != "" else ""
    notes = [note for note in (setting.unit, setting.limits, default) if note]
    return (setting.help + (f" [{'; '.join(notes)}]" if notes else "")).replace("%", "%%")
