"""metrics.jsonl: an append-only log, one flushed JSON line a record, and an incremental reader that follows it.

Kinds of record (field `kind`), all with `step`, `epoch` (both counted from 0) and `time` (Unix seconds):
step        loss, mse, kl, psnr, beta, teacher_forcing, forced, lr, grad_norm, clips_per_s (means since the last record)
epoch       loss, mse, kl, psnr: means over the epoch, beta, teacher_forcing, lr
validation  psnr, repeat_first, mean_frame: mean dB over the rollout (z from the prior), seconds
            (a step that was skipped as its loss or gradient was not finite is left out of all means, but in the record
            of its interval the values that were not finite are NaN)
event       event: start, resume, import, checkpoint, stop, finish, fail; text; of start and resume the device; of
            import the file's last_epoch, lr, tfr
            skip (steps were skipped): terms - of mse, kl, loss, gradient - and how many steps, skipped
            retreat (back to the last checkpoint, at a lower rate): terms, lr_factor
            nan (the run gives up): terms
            warning (a write failed, training goes on), recovered (it is made good): what
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic

Record = dict[str, Any]

MOST_UNWRITTEN = 16 * 2**20
"""Bytes of records kept while a disk is full: the newest 50,000 or so."""


class MetricWriter:
    """Appends records; each is one `write` of one line, so that a reader or a crash never sees two mixed.

    What cannot be written, as the disk is full, is kept and written with what comes later; `fault` says why.
    A context manager: leaving it flushes the log to the disk and closes it; raises OSError where that fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unwritten = b""
        self.fault = ""
        self._open()

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        if not ends_with_newline(self._path):
            self._unwritten = b"\n" + self._unwritten

    def append(self, record: Record) -> None:
        """Append one record; it is visible to readers when this returns, unless there is a `fault`."""
        self._unwritten = (self._unwritten + codec.encode(record) + b"\n")[-MOST_UNWRITTEN:]
        try:
            self._write()
            self.fault = ""
        except OSError as error:
            self.fault = error.strerror

    def sync(self) -> None:
        """Flush the log to the disk, so that not even a power cut can take it back; raises OSError."""
        self._write()
        os.fsync(self._file)

    def rewind(self, next_step: int, epochs_ended: int) -> None:
        """Go on as a run that is resumed there, see `rewind`; raises OSError."""
        self._write()
        rewind(self._path, next_step, epochs_ended)
        os.close(self._file)
        self._open()

    def _write(self) -> None:
        while self._unwritten:  # a write that fills the disk writes a part
            self._unwritten = self._unwritten[os.write(self._file, self._unwritten) :]

    def __enter__(self) -> "MetricWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            self.sync()
        finally:
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

    def unread(self) -> int:
        """How many bytes the next read has before it; 0 while there is no file."""
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return 0
        return found.st_size if self._is_another(found) else found.st_size - self._offset

    def read_new(self, most: int = -1) -> list[Record]:
        """The complete records in the next `most` bytes (-1: all) that follow those of the last call.

        Empty while there is no file. `most` exceeds the length of any line.
        """
        self.replaced = False
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                if self._is_another(found):
                    self.replaced = self._inode != -1
                    self._inode, self._offset, self.damaged = found.st_ino, 0, 0
                if found.st_size == self._offset:
                    return []
                file.seek(self._offset)
                content = file.read(most)
        except FileNotFoundError:
            return []
        end = content.rfind(b"\n") + 1
        if not end and len(content) == most:  # no line is so long: passed over, lest nothing behind it is ever read
            end = most
        self._offset += end
        records, damaged = parse(content[:end])
        self.damaged += damaged
        return records

    def _is_another(self, found: os.stat_result) -> bool:
        """Whether the file is not the one read so far."""
        return found.st_ino != self._inode or found.st_size < self._offset


def parse(content: bytes) -> tuple[list[Record], int]:
    """The records of whole lines, and how many of the lines hold none; empty lines count as neither."""
    lines = [line for line in content.splitlines() if line and not line.isspace()]
    try:
        found = list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        found = [_loaded(line) for line in lines]
    records = [record for record in found if isinstance(record, dict) and "kind" in record]
    return records, len(lines) - len(records)


def _loaded(line: bytes) -> Any:
    """What a line holds, None where it is damaged."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def sample(path: Path, places: int, length: int) -> list[Record]:
    """The records that lie whole in `length` bytes at so many places, spread evenly from a log's begin to its end.

    For a log much longer than all of them together, of which it takes hundredths of a second; empty without a file.
    """
    records: list[Record] = []
    with suppress(FileNotFoundError), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        for place in range(places):
            file.seek(place * (size - length) // (places - 1))
            if place:
                file.readline()
            content = file.read(length)
            records += parse(content[: content.rfind(b"\n") + 1])[0]
    return records
