"""Settings from a TOML file into the form and back: what is asked, and the blocking work for a worker."""

from pathlib import Path

from textual.message import Message

from vidpred_engine.settings import RunSettings, validate_settings
from vidpred_engine.settings_toml import read_toml, to_toml
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.typed_paths import check_new, check_there, typed_path
from vidpred_tui import messages
from vidpred_tui.prompts import Prompt


def ask_load() -> Prompt:
    """Ask which file to load."""
    hint = "A TOML file of settings, all or some; what it does not hold stays as it is."

    def wish(text: str) -> Message:
        return messages.SettingsFileNamed(typed_path(text))

    return Prompt("Load settings from", "", hint, _check_there, wish)


def ask_save(settings: RunSettings) -> Prompt:
    """Ask where to save settings."""

    def wish(text: str) -> Message:
        return messages.SettingsFileNamed(typed_path(text), settings)

    suggested = Path.cwd() / f"{settings.name.replace(' ', '-') or 'settings'}.toml"
    return Prompt("Save these settings to", str(suggested), "A new file that ends in .toml.", _check_new, wish)


def _check_there(text: str) -> None:
    check_there(typed_path(text))


def _check_new(text: str) -> None:
    check_new(typed_path(text), "Settings are", (".toml",))


def read_or_write(named: messages.SettingsFileNamed) -> Message:
    """Read settings from a file, or write those that are to be written to it; raises UserError naming it."""
    path, settings = named.path, named.settings
    if settings is None:
        values = read_toml(path)
        validate_settings(values, source=str(path))
        return messages.SettingsRead(path, values)
    _check_new(str(path))
    write_atomic(path, to_toml(settings).encode())
    return messages.RequestDone(f"The settings are in {path}; `vidpred-engine train --settings` takes them.")
