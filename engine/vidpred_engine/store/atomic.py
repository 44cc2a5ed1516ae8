"""Replacing files whole: readers see the old content or the new, never a part, whatever kills the writer."""

import os
import tempfile
from pathlib import Path


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name beside `path`, flush it to the disk and rename it onto `path`."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


class replacing:  # noqa: N801 - reads as a statement: `with replacing(path) as temporary`
    """Context manager: yields a temporary path beside `path`; on success it is fsynced and renamed onto `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> Path:
        handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", suffix=".tmp", dir=self._path.parent)
        os.close(handle)
        self._temporary = Path(name)
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
