"""Paths as people type them: home folders, and files that are to be new."""

import os
from collections.abc import Sequence
from pathlib import Path

from vidpred_engine.errors import UserError


def typed_path(text: str | Path) -> Path:
    """The path with `~` or `~name` replaced by that home folder; where nobody has that name it stays as it is typed."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises where nobody has that name


def is_no_folder(path: Path) -> bool:
    """Whether something else than a folder is there; what is not there yet, or cannot be looked at, is none."""
    try:
        return path.exists() and not path.is_dir()
    except OSError:
        return False


def check_there(path: Path) -> None:
    """Raise UserError where there is no such file, or none that one may look at."""
    try:
        is_there = path.is_file()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    if not is_there:
        raise UserError(f"There is no file {path}.")


def check_new(path: Path, what: str, endings: Sequence[str]) -> None:
    """Raise UserError where a new file cannot be meant: by its ending, its folder, or as it exists already.

    `what` says what is written, as "Runs are".
    """
    if path.suffix.lower() not in endings:
        raise UserError(f"{what} written as {', '.join(endings)}; {path.name!r:.60} ends otherwise.")
    try:
        has_folder, exists = path.parent.is_dir(), path.exists()
    except OSError as error:
        raise UserError(f"{path!s:.200} cannot be written: {error.strerror}.") from None
    if not has_folder:
        raise UserError(f"There is no folder {path.parent}.")
    if exists:
        raise UserError(f"{path} exists already; take another name.")
