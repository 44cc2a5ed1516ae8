"""Settings from a TOML file into the form and back: what is asked, and the blocking work for a worker."""

from pathlib import Path

from textual.message import Message

from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings, validate_settings
from vidpred_engine.settings_toml import read_toml, to_toml
from vidpred_engine.store.atomic import write_atomic
from vidpred_tui import messages
from vidpred_tui.prompts import Prompt


def ask_load() -> Prompt:
    """Ask which file to load."""
    hint = "A TOML file of settings, all or some; what it does not hold stays as it is."

    def wish(text: str) -> Message:
        return messages.SettingsFileNamed(Path(text).expanduser())

    return Prompt("Load settings from", "", hint, _check_there, wish)


def ask_save(settings: RunSettings) -> Prompt:
    """Ask where to save settings."""

    def wish(text: str) -> Message:
        return messages.SettingsFileNamed(Path(text).expanduser(), settings)

    suggested = Path.cwd() / f"{settings.name.replace(' ', '-') or 'settings'}.toml"
    return Prompt("Save these settings to", str(suggested), "A new file that ends in .toml.", _check_new, wish)


def _check_there(text: str) -> None:
    path = Path(text).expanduser()
    if not path.is_file():
        raise UserError(f"There is no file {path}.")


def _check_new(text: str) -> None:
    path = Path(text).expanduser()
    if path.suffix != ".toml":
        raise UserError("The file's name should end in .toml.")
    if not path.parent.is_dir():
        raise UserError(f"There is no folder {path.parent}.")
    if path.exists():
        raise UserError(f"{path} is there already; choose another name.")


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
