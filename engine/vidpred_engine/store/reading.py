"""Reading the small files of a run, which anybody may have written: bounded, regular files only, never through a link.

A link could lead anywhere, a pipe would never answer, and a device never end.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from vidpred_engine.errors import NewerFormatError
from vidpred_engine.store import codec

SMALL_BYTES = 2**20
"""More than any settings, status or annotations: those of a run take 3 kB, 1 kB and less."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read it; raises OSError where it is anything else, or a link."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        return open(handle, "rb")  # noqa: PTH123 - of a handle
    except BaseException:
        os.close(handle)
        raise


def read_whole(path: Path, largest: int | None = SMALL_BYTES) -> bytes:
    """The content of a regular file of at most `largest` bytes; raises OSError."""
    with open_regular(path) as file:
        if largest is not None and os.fstat(file.fileno()).st_size > largest:
            raise OSError(errno.EFBIG, f"it is larger than {largest / 1e6:.0f} MB", str(path))
        return file.read() if largest is None else file.read(largest + 1)


def refuse_newer(path: Path, newest: int) -> None:
    """Raise NewerFormatError where a JSON file that is to be replaced is of a format to come; a damaged one is none."""
    try:
        codec.check_format(codec.decode(read_whole(path, largest=None)), newest)
    except NewerFormatError as error:
        raise NewerFormatError(f"{path} cannot be replaced: {error}.") from None
    except (OSError, ValueError):
        return


def why_unreadable(error: OSError) -> str:
    """What kept a file from being read, to be put behind "cannot be read: "."""
    return "it is a link" if error.errno == errno.ELOOP else error.strerror or str(error)
