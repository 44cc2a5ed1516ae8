"""Named settings: each preset is one TOML file here, its first comment line says what it is for."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings, validate_settings

FIRST_CHOICE = "best"
"""What the form for a new run starts from."""


@cache
def _files() -> dict[str, str]:
    folder = resources.files(__name__)
    found = {
        entry.name.removesuffix(".toml"): entry.read_text("utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    return dict(sorted(found.items()))


def preset_names() -> tuple[str, ...]:
    """The names of all presets, sorted."""
    return tuple(_files())


def preset_summary(name: str) -> str:
    """What the preset is for, in one line."""
    return preset_text(name).splitlines()[0].lstrip("# ")


def preset_text(name: str) -> str:
    """The preset's TOML text; raises UserError for an unknown name."""
    if name not in _files():
        raise UserError(f"There is no preset '{name}'; choose one of {', '.join(preset_names())}.")
    return _files()[name]


def preset_values(name: str) -> dict[str, Any]:
    """The settings that the preset fixes, by name."""
    return tomllib.loads(preset_text(name))


def preset_settings(name: str) -> RunSettings:
    """The preset over the defaults, complete and validated."""
    return validate_settings(preset_values(name))
