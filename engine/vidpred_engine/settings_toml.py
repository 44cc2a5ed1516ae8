"""settings.toml: a run's settings as a file that people can read and edit."""

import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from vidpred_engine.errors import NewerFormatError, UserError
from vidpred_engine.settings import RunSettings, describe_settings

FORMAT = 2  # format 1 had no last line, so that a file that was cut short between two settings seemed whole
_LAST_LINE = "# end of settings"
LARGEST_FILE = 2**16
"""Bytes of a file of settings; all settings take 2 kB."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file as plain values, not yet validated."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise UserError(f"There is no settings file {path}.") from None
    except OSError as error:
        raise UserError(f"The settings file {path} cannot be read: {error.strerror}.") from None
    return parse_toml(content, path)


def parse_toml(content: bytes, path: Path) -> dict[str, Any]:
    """The plain values of a TOML file of settings, not yet validated; raises UserError naming the file."""
    if len(content) > LARGEST_FILE:
        raise UserError(f"{path} is larger than {LARGEST_FILE // 1024} KiB; it holds something else than settings.")
    try:
        values = tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise UserError(f"The settings file {path} cannot be read: {error}.") from None
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits is no TOMLDecodeError, nor are 1,000 [
        raise UserError(f"The settings file {path} is not valid TOML: {error}.") from None
    found = values.pop("format", 1)
    if not isinstance(found, int) or found > FORMAT:
        known = f"this vidpred reads up to {FORMAT}; use a newer vidpred."
        raise NewerFormatError(f"{path} has format {found!r:.40}, {known}")
    if found > 1 and not content.rstrip().endswith(_LAST_LINE.encode()):
        raise UserError(f"The settings file {path} is cut short: its last line is not '{_LAST_LINE}'.")
    if len(values) > 2 * len(RunSettings.model_fields):
        raise UserError(f"{path} holds {len(values)} settings where there are {len(RunSettings.model_fields)}.")
    if nested := [name for name, value in values.items() if isinstance(value, dict | list)]:
        raise UserError(f"In {path}: setting '{nested[0]}' holds a table or a list; a setting is one plain value.")
    return values


def to_toml(settings: RunSettings) -> str:
    """Write all settings as TOML text with a comment line above each group."""
    lines = [f"format = {FORMAT}"]
    group = ""
    for setting in describe_settings():
        if setting.group != group:
            group = setting.group
            lines += ["", f"# {group}"]
        lines.append(tomli_w.dumps({setting.name: getattr(settings, setting.name)}).rstrip("\n"))
    return "\n".join([*lines, "", _LAST_LINE]) + "\n"
