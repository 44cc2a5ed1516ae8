"""metrics.jsonl: an append-only log, one flushed JSON line a record, and an incremental reader that follows it.

Kinds of record (field `kind`), all with `step`, `epoch` (both counted from 0) and `time` (Unix seconds):
step        loss, mse, kl, psnr, beta, teacher_forcing, forced, lr, grad_norm, clips_per_s (means since the last record)
epoch       loss, mse, kl, psnr: means over the epoch, beta, teacher_forcing, lr
validation  psnr, repeat_first, mean_frame: mean dB over the rollout (z from the prior), seconds
event       event: start, resume, checkpoint, stop, finish, fail; text
"""

import os
from pathlib import Path
from typing import Any

import orjson

from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic

Record = dict[str, Any]


class MetricWriter:
    """Appends records; each is one `write` of one line, so that a reader or a crash never sees two mixed."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if not ends_with_newline(path):
            os.write(self._file, b"\n")

    def append(self, record: Record) -> None:
        """Append one record; it is visible to readers when this returns."""
        os.write(self._file, codec.encode(record) + b"\n")

    def close(self) -> None:
        """Flush to the disk and close."""
        os.fsync(self._file)
        os.close(self._file)


def ends_with_newline(path: Path) -> bool:
    """Whether the file is empty or its last line is complete (a killed writer may leave half a line)."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def rewind(path: Path, next_step: int) -> None:
    """Drop the records of steps from `next_step` on, so that a run resumed there logs no step twice."""
    if path.exists():
        kept = [record for record in MetricReader(path).read_new() if int(record.get("step", -1)) < next_step]
        write_atomic(path, b"".join(codec.encode(record) + b"\n" for record in kept))


class MetricReader:
    """Follows one log: each call of `read_new` parses only what was appended since the last.

    `replaced` is True after a read that found the file rewritten (a resumed run): the records returned by that read
    start from the beginning again. Lines that cannot be parsed are skipped and counted in `damaged`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._inode = -1
        self.damaged = 0
        self.replaced = False

    def read_new(self) -> list[Record]:
        """The complete records appended since the last call; empty while there is no file."""
        self.replaced = False
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                if found.st_ino != self._inode or found.st_size < self._offset:
                    self.replaced = self._inode != -1
                    self._inode, self._offset, self.damaged = found.st_ino, 0, 0
                if found.st_size == self._offset:
                    return []
                file.seek(self._offset)
                content = file.read()
        except FileNotFoundError:
            return []
        complete = content[: content.rfind(b"\n") + 1]
        self._offset += len(complete)
        return [record for line in complete.splitlines() if (record := self._parse(line)) is not None]

    def _parse(self, line: bytes) -> Record | None:
        if not line.strip():
            return None
        try:
            record = orjson.loads(line)
        except orjson.JSONDecodeError:
            record = None
        if isinstance(record, dict) and "kind" in record:
            return record
        self.damaged += 1
        return None
