"""metrics.jsonl: an append-only log, one flushed JSON line a record, and an incremental reader that follows it.

Kinds of record (field `kind`), all with `step`, `epoch` (both counted from 0) and `time` (Unix seconds):
step        loss, mse, kl, psnr, beta, teacher_forcing, forced, lr, grad_norm, clips_per_s (means since the last record)
epoch       loss, mse, kl, psnr: means over the epoch, beta, teacher_forcing, lr
validation  psnr, repeat_first, mean_frame: mean dB over the rollout (z from the prior), seconds
            (means leave out what was not finite, as in a step that was skipped for it, but in the step record that
            covers such a step the values in question are NaN)
spot_check  as validation, but made on request: best weights and summary know nothing of it
device      every 5 s at most: cpu_percent (of one core), memory_gib of the process; of a GPU gpu_percent,
            gpu_memory_gib, gpu_watts
event       event: start, resume, import, checkpoint, stop, finish, fail; text; of start and resume the device; of
            import the file's last_epoch, lr, tfr
            skip (steps were skipped): terms - of mse, kl, loss, gradient - and how many steps, skipped
            retreat (back to the last checkpoint, at a lower rate): terms, lr_factor
            nan (the run gives up): terms
            control (what was asked of the run, see `control`): request, and whether it is obeyed
            warning (a write failed, training goes on), recovered (it is made good): what
A log begins with a line of kind "format" that holds its `format` alone, which readers keep to themselves; those of
before formats were numbered lack it.
"""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from vidpred_engine.errors import NewerFormatError
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import replacing
from vidpred_engine.store.reading import open_regular, why_unreadable

Record = dict[str, Any]

FORMAT = 1
LONGEST_LINE = 2**16
"""Bytes of the longest line that is a record; those of vidpred have some 300."""

MOST_UNWRITTEN = 16 * 2**20
"""Bytes of records kept while a disk is full: the newest 50,000 or so."""

_HEAD = codec.encode({"kind": "format", "format": FORMAT}) + b"\n"


class MetricWriter:
    """Appends records; each is one `write` of one line, so that a reader or a crash never sees two mixed.

    What cannot be written, as the disk is full, is kept and written with what comes later; `fault` says why.
    A context manager: leaving it flushes the log to the disk and closes it; raises OSError where that fails, unless
    it is left by an exception.
    Raises NewerFormatError where the log is of a format to come.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unwritten = b""
        self.fault = ""
        self._open()

    def _open(self) -> None:
        _refuse_newer(self._path)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        if os.fstat(self._file).st_size == 0:
            self._unwritten = _HEAD + self._unwritten
        elif not ends_with_newline(self._path):
            self._unwritten = b"\n" + self._unwritten

    def append(self, record: Record) -> None:
        """Append one record; it is visible to readers when this returns, unless there is a `fault`."""
        self._unwritten = (self._unwritten + codec.encode(record) + b"\n")[-MOST_UNWRITTEN:]
        try:
            self._write()
            self.fault = ""
        except OSError as error:
            self.fault = error.strerror or str(error)

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
        try:
            while self._unwritten:  # a write that fills the disk writes a part
                self._unwritten = self._unwritten[os.write(self._file, self._unwritten) :]
        except OSError as error:
            error.filename = str(self._path)
            raise

    def __enter__(self) -> "MetricWriter":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            self.sync()
        except OSError:
            if kind is None:
                raise
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

    Readings of the device and spot checks go with their steps. Events stay: they tell what happened. So do
    damaged lines, which somebody may mend, all but half a line at the end.
    Raises NewerFormatError where the log is of a format to come.
    """
    if path.exists():
        _keep(path, lambda record: record is None or _stays(record, next_step, epochs_ended))


def drop_damaged_lines(path: Path) -> None:
    """Write a log anew without its damaged lines; raises NewerFormatError where it is of a format to come."""
    _keep(path, lambda record: record is not None)


def _stays(record: Record, next_step: int, epochs_ended: int) -> bool:
    match record["kind"]:
        case "event":
            return True
        case "step" | "device" | "spot_check":
            return int(record.get("step", -1)) < next_step
        case _:
            return int(record.get("epoch", -1)) < epochs_ended


def _keep(path: Path, stays: Callable[[Record | None], bool]) -> None:
    """Write a log anew with the complete lines that stay, as they are; a damaged one counts as None."""
    _refuse_newer(path)
    with replacing(path) as temporary, open_regular(path) as log, temporary.open("wb") as kept:
        end = kept.write(_HEAD)
        while line := log.readline(LONGEST_LINE):
            records, damaged = parse(line)
            if (damaged and stays(None)) or (records and stays(records[0])):
                kept.write(line)
            if line.endswith(b"\n"):
                end = kept.tell()
        kept.truncate(end)


def _refuse_newer(path: Path) -> None:
    with suppress(FileNotFoundError), open_regular(path) as file:
        if why := _newer(file.readline(LONGEST_LINE)):
            raise NewerFormatError(f"{path} cannot be used: {why}.")


def _newer(first_line: bytes) -> str:
    """Why a log that begins so cannot be read, empty where it can."""
    found = _loaded(first_line)
    if isinstance(found, dict) and found.get("kind") == "format":
        try:
            codec.check_format(found, FORMAT)
        except ValueError as error:
            return str(error)
    return ""


class MetricReader:
    """Follows one log: each call of `read_new` parses only what was appended since the last.

    `replaced` is True after a read that found the file rewritten (a resumed run): the records returned by that read
    start from the beginning again. Lines that are no records are skipped and counted in `damaged`. Where nothing can be
    read at all, as the file is no regular one or of a format to come, `fault` says why.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._inode = -1
        self.damaged = 0
        self.replaced = False
        self.fault = ""

    def unread(self) -> int:
        """How many bytes the next read has before it; 0 while there is no file that can be read."""
        if self.fault:
            return 0
        try:
            found = self._path.lstat()
        except OSError:
            return 0
        return found.st_size if self._is_another(found) else found.st_size - self._offset

    def read_new(self, most: int = -1) -> list[Record]:
        """The complete records in the next `most` bytes (-1: all) that follow those of the last call.

        Empty while there is no file. `most` exceeds the length of any line.
        """
        self.replaced = False
        try:
            with open_regular(self._path) as file:
                found = os.fstat(file.fileno())
                if self._is_another(found):
                    self.replaced = self._inode != -1
                    self._inode, self._offset, self.damaged = found.st_ino, 0, 0
                self.fault = _newer(file.readline(LONGEST_LINE)) if self._offset == 0 else ""
                if self.fault or found.st_size == self._offset:
                    return []
                file.seek(self._offset)
                content = file.read(most)
        except FileNotFoundError:
            return []
        except OSError as error:
            self.fault = why_unreadable(error)
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
    sound = [record for record, line in zip(found, lines, strict=True) if _is_sound(record, line)]
    return [record for record in sound if record["kind"] != "format"], len(lines) - len(sound)


def _is_sound(record: Any, line: bytes) -> bool:
    """Whether whoever uses a record finds fields of the kind it should have."""
    return (
        isinstance(record, dict)
        and isinstance(record.get("kind"), str)
        and type(record.get("step", 0)) is int
        and type(record.get("epoch", 0)) is int
        and isinstance(record.get("text", ""), str)
        and len(line) < LONGEST_LINE
    )


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
    with suppress(OSError), open_regular(path) as file:
        size = file.seek(0, os.SEEK_END)
        for place in range(places):
            file.seek(place * (size - length) // (places - 1))
            if place:
                file.readline()
            content = file.read(length)
            records += parse(content[: content.rfind(b"\n") + 1])[0]
    return records
