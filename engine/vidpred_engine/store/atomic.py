"""Replacing files whole: readers see the old content or the new, never a part, whatever kills the writer."""

import os
import secrets
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
    names = (f"{path.name}.damaged{f'-{number}' if number > 1 else ''}" for number in count(1))
    aside = next(path.with_name(name) for name in names if not path.with_name(name).exists())
    return path.rename(aside)


class replacing:  # noqa: N801 - reads as a statement: `with replacing(path) as temporary`
    """Context manager: yields a temporary path beside `path`; on success it is fsynced and renamed onto `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Path:
        self._temporary = self._path.with_name(f".{self._path.name}.{secrets.token_hex(8)}.tmp")
        # The umask decides who may read it, as of any other file: a runs folder is shared with colleagues.
        os.close(os.open(self._temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        return self._temporary

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self._temporary.unlink(missing_ok=True)
            return
        _fsync(self._temporary)
        self._temporary.replace(self._path)
        _fsync(self._path.parent)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
