"""metrics.jsonl: an append-only log, one flushed JSON line a record, and an incremental reader that follows it.

Kinds of record (field `kind`), all with `step`, `epoch` (both counted from 0) and `time` (Unix seconds):
step        loss, mse, kl, psnr, beta, teacher_forcing, forced, lr, grad_norm, clips_per_s (means since the last record)
epoch       loss, mse, kl, psnr: means over the epoch, beta, teacher_forcing, lr
validation  psnr, repeat_first, mean_frame: mean dB over the rollout (z from the prior), seconds
event       event: start, resume, import, checkpoint, stop, finish, fail; text; of start and resume the device; of
            import the file's last_epoch, lr, tfr
"""

import os
from pathlib import Path
from typing import Any

import orjson

from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic

Record = dict[str, Any]


class MetricWriter:
    """Appends records; each is one `write` of one line, so that a reader or a crash never sees two mixed.

    A context manager: leaving it flushes the log to the disk and closes it.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if not ends_with_newline(path):
            os.write(self._file, b"\n")

    def append(self, record: Record) -> None:
        """Append one record; it is visible to readers when this returns."""
        os.write(self._file, codec.encode(record) + b"\n")

    def __enter__(self) -> "MetricWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        os.fsync(self._file)
        os.close(self._file)


def ends_with_newline(path: Path) -> bool:
    """Whether the file is empty or its last line is complete (a killed writer may leave half a line)."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def rewind(path: Path, next_step: int, epochs_ended: int) -> None:
    """Drop what a run resumed there will log again: steps from `next_step` on, epochs from `epochs_ended` on.

    Events stay: they tell what happened.
    """
    if path.exists():
        kept = [record for record in MetricReader(path).read_new() if _stays(record, next_step, epochs_ended)]
        write_atomic(path, b"".join(codec.encode(record) + b"\n" for record in kept))


def _stays(record: Record, next_step: int, epochs_ended: int) -> bool:
    match record["kind"]:
        case "event":
            return True
        case "step":
            return int(record["step"]) < next_step
        case _:
            return int(record["epoch"]) < epochs_ended


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
