"""One command-line flag for each field of RunSettings, made by pydantic-settings from the same declaration."""

import argparse
from collections.abc import Container
from typing import Any

from pydantic_settings import BaseSettings, CliSettingsSource

from vidpred_engine.commands.lab_flags import add_with_lab_name, typed_flag
from vidpred_engine.settings import RunSettings, Setting, describe_settings


class _Flags(RunSettings, BaseSettings):  # type: ignore[misc]
    """RunSettings in the form that pydantic-settings makes flags from."""


def add_setting_flags(
    parser: argparse.ArgumentParser, only: Container[str] = RunSettings.model_fields, heading: str = ""
) -> None:
    """Add a flag, and the lab's name for it, for every setting or `only` some.

    They stand in one argument group for each group of settings, or in one under `heading`.
    """
    settings = {setting.name: setting for setting in describe_settings()}
    groups: dict[str, Any] = {}

    def add_to_group(target: argparse.ArgumentParser, *flags: str, **options: Any) -> None:
        setting = settings[options["dest"]]
        if setting.name not in only:
            return
        title = heading or setting.group
        if title not in groups:
            groups[title] = target.add_argument_group(title)
        options["help"] = _help(setting)
        if setting.kind == "switch":
            groups[title].add_argument(*flags, **options)
        else:
            options["metavar"] = _value_name(setting)
            add_with_lab_name(groups[title], setting.flag, setting.lab_flag, **options)

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


def given_flags(arguments: argparse.Namespace) -> dict[str, str]:
    """As which flag each setting was given, by the setting's name."""
    flags = {setting.name: setting.flag for setting in describe_settings()}
    return {name: typed_flag(arguments, name, flags[name]) for name in given_settings(arguments)}


def _value_name(setting: Setting) -> str:
    if setting.choices:
        return "{" + ",".join(setting.choices) + "}"
    return {"integer": "N", "number": "X"}.get(setting.kind, "TEXT")


def _help(setting: Setting) -> str:
    lab = f"(lab: {setting.lab_flag}) " if setting.lab_flag else ""
    default = f"default {setting.default}" if setting.default != "" else ""
    notes = [note for note in (setting.unit, setting.limits, default) if note]
    return (lab + setting.help + (f" [{'; '.join(notes)}]" if notes else "")).replace("%", "%%")
