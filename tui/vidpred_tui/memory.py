"""What the program remembers of how someone looks at runs: a small JSON file in the user's state folder."""

import os
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.store.reading import read_whole
from vidpred_tui.theme import DEFAULT_THEME

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

VERSION = 1
LARGEST_FILE = 2**16
Kept = TypeVar("Kept", bound="DataclassInstance")


def state_file() -> Path:
    """Where it is kept, by the XDG base directory specification."""
    folder = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(folder) / "vidpred" / "tui.json"


@dataclass(frozen=True)
class Look:
    """The theme by its name, and whether the terminal's bell rings as a run ends."""

    theme: str = DEFAULT_THEME
    rings: bool = True


class Memory:
    """Flat dataclasses by name; a file that is damaged, of another version or absent remembers nothing.

    Several programs may share the file: of what several keep under one name, the last one to save wins.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or state_file()
        self._kept = self._read()
        self._news: dict[str, Any] = {}

    def _read(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            document = codec.decode(read_whole(self._path, LARGEST_FILE))
            if isinstance(document, dict) and document.get("version") == VERSION:
                return document
        return {}

    def recall(self, name: str, default: Kept) -> Kept:
        """The dataclass kept under a name, with the default's value for each field that is not what it should be."""
        found = self._kept.get(name)
        values = {}
        for field in fields(default):
            if isinstance(found, dict) and field.name in found:
                with suppress(TypeError):
                    codec.check_kinds(type(default), {field.name: found[field.name]})
                    values[field.name] = found[field.name]
        return replace(default, **values)

    def keep(self, name: str, value: "DataclassInstance") -> None:
        """Remember a dataclass under a name until `save`."""
        if self._kept.get(name) != (kept := asdict(value)):  # what is as it was is no news to other programs
            self._kept[name] = self._news[name] = kept

    def save(self) -> None:
        """Write what is to be remembered; where that cannot be, it is forgotten, as nobody needs to stop for it."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(self._path, codec.encode({**self._read(), **self._news, "version": VERSION}, indent=True))
