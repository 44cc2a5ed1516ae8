"""Keeps status.json true while a process works on a run: updates from the work, heartbeats from a thread."""

import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidpred_engine.errors import NewerFormatError, UserError
from vidpred_engine.store.status import (
    State,
    Status,
    beating,
    overwrite_status,
    read_status,
    this_process,
    write_status,
)

HEARTBEAT_SECONDS = 5.0
# Writers faster than this gain nobody anything: screens look 5 times a second, and each write is an fsync.
LEAST_SECONDS_BETWEEN_WRITES = 0.5


class StatusKeeper:
    """Owns a run's status for the calling process; use as a context manager around the work.

    A status that cannot be written never ends the work: `fault` says why, and each heartbeat tries again. Raises
    UserError, and leaves the former status as it is, where not even the first one can be.
    """

    def __init__(self, path: Path, state: State, **fields: Any) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._ended = threading.Event()
        previous = read_status(path)
        self._status = replace(previous, state=state, place=0, cause="", eta_seconds=None, **this_process(), **fields)
        self.fault = ""
        self._written = time.monotonic()
        try:
            write_status(path, beating(self._status))
        except OSError as error:
            raise UserError(f"The run cannot be worked on, as {path} cannot be written: {_reason(error)}.") from None
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> "StatusKeeper":
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._ended.set()
        self._thread.join()
        if error is not None and self._status.live:
            self.update(state="failed", cause=f"{type(error).__name__}: {error}", eta_seconds=None)

    @property
    def status(self) -> Status:
        """The status as last set."""
        return self._status

    def update(self, **changes: Any) -> None:
        """Change fields; a change of state is on the disk when this returns, others within half a second."""
        with self._lock:
            urgent = changes.get("state", self._status.state) != self._status.state
            self._status = replace(self._status, **changes)
            if urgent or time.monotonic() - self._written >= LEAST_SECONDS_BETWEEN_WRITES:
                self._write()

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            self._write()

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            self.flush()

    def _write(self) -> None:
        self._status = beating(self._status)
        try:
            write_status(self._path, self._status)
            self.fault = ""
        except NewerFormatError as error:
            self.fault = str(error)
        except OSError as error:
            self.fault = _reason(error)
            with suppress(OSError):
                overwrite_status(self._path, self._status)
        self._written = time.monotonic()


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
