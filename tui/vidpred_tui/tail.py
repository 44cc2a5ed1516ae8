"""The last lines of a growing text file, read as bytes and cleaned for a terminal."""

import codecs
import re
from collections import deque
from pathlib import Path

from vidpred_engine.inert import inert
from vidpred_engine.store.reading import open_regular

LINES_KEPT = 1000
_FIRST_READ = 128 * 1024
_LONGEST_LINE = 4096
_ESCAPES = re.compile(r"(?:\x1b\[|\x9b)[0-9;?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f]")


class LogTail:
    """Follows one file; a progress bar that rewrites its line with carriage returns shows as its newest state."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = -1
        self._open_line = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)

    def read_new(self) -> bool:
        """Read what was appended; whether the tail changed."""
        try:
            with open_regular(self._path) as file:
                size = file.seek(0, 2)
                if size < self._offset:
                    self._offset, self._open_line = 0, ""
                    self._lines.clear()
                if self._offset < 0:
                    self._offset = max(0, size - _FIRST_READ)
                if size == self._offset:
                    return False
                file.seek(self._offset)
                content = file.read(size - self._offset)
        except OSError:
            return False
        self._offset += len(content)
        *complete, self._open_line = (self._open_line + self._decoder.decode(content)).split("\n")
        self._open_line = self._open_line[-_LONGEST_LINE:]
        self._lines.extend(map(_clean, complete))
        return True

    def lines(self) -> tuple[str, ...]:
        """The last lines, oldest first."""
        return (*self._lines, _clean(self._open_line)) if self._open_line else tuple(self._lines)


def _clean(line: str) -> str:
    return inert(_ESCAPES.sub("", line.rstrip("\r").rpartition("\r")[2]).expandtabs(4)).rstrip()
