"""Replacing files whole: readers see the old content or the new, never a part, whatever kills the writer."""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name beside `path`, flush it to the disk and rename it onto `path`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


Stamp = tuple[int, int, int] | None


def file_stamp(path: Path) -> Stamp:
    """What changes when a file is replaced or grows, for a few microseconds instead of reading it; None without one."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # a name with a null character is a ValueError
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def set_aside(path: Path) -> Path:
    """Rename a damaged file to the first free one of NAME.damaged, NAME.damaged-2 ..., and return its new path."""
    return path.rename(free_name(path, "damaged"))


def free_name(path: Path, ending: str) -> Path:
    """The first of NAME.ending, NAME.ending-2 ... that is not taken."""
    names = (f"{path.name}.{ending}{f'-{number}' if number > 1 else ''}" for number in count(1))
    return next(path.with_name(name) for name in names if not path.with_name(name).exists())


_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}\.tmp")


def abandoned_files(folder: Path) -> list[Path]:
    """The temporary files that killed writers left in a folder: nobody holds their locks."""
    return list(_abandoned(folder))


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files that killed writers left in a folder."""
    for path in _abandoned(folder):
        with suppress(OSError):
            path.unlink()


def _abandoned(folder: Path) -> Iterator[Path]:
    """Such files, each held while it is the present one: a writer that is about to lock it learns what became of it."""
    for path in folder.glob(".*.tmp"):
        if not _TEMPORARY.fullmatch(path.name):
            continue
        with suppress(OSError):
            file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                yield path
            finally:
                os.close(file)


class replacing:  # noqa: N801 - reads as a statement: `with replacing(path) as temporary`
    """Context manager: yields a temporary path beside `path`; on success it is fsynced and renamed onto `path`.

    The file is locked as long as its writer lives, so that `remove_abandoned` can tell what a killed one has left.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Path:
        while True:
            self._temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}.tmp")
            # The umask decides who may read it, as of any other file: a runs folder is shared with colleagues.
            self._file = os.open(self._temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
            with suppress(OSError):  # file systems without locks are without abandoned files to remove, too
                fcntl.flock(self._file, fcntl.LOCK_EX)
            if os.fstat(self._file).st_nlink:
                return self._temporary
            os.close(self._file)  # taken for an abandoned one before it was locked

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None:
                os.fsync(self._file)
                self._temporary.replace(self._path)
                _fsync(self._path.parent)
        finally:
            self._temporary.unlink(missing_ok=True)  # there is none any more where all went well
            os.close(self._file)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
