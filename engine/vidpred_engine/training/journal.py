"""What a training says as it goes: records and events in metrics.jsonl, and what events say in log.txt too."""

import time
from collections.abc import Callable
from typing import Any

from vidpred_engine.progress import Progress
from vidpred_engine.store.metric_log import MetricWriter, Record
from vidpred_engine.store.registry import INDEX, Registry
from vidpred_engine.store.run_directory import RunDirectory

# For others that change the registry, which take 5 to 400 ms; one that was stopped meanwhile may hold it for ever.
PATIENCE_SECONDS = 2.0


class Journal:
    """Writes records and events, and says of files that cannot be written: once as that begins, once as it ends.

    `place` gives step and epoch as events name them.
    """

    def __init__(self, log: MetricWriter, progress: Progress, place: Callable[[], dict[str, int]]) -> None:
        self._log, self._progress, self._place = log, progress, place
        self._faults: dict[str, str] = {}
        self._owed: dict[str, Callable[[], object]] = {}

    def record(self, record: Record) -> None:
        """Append a record."""
        self._log.append(record)
        self.note("metrics.jsonl", self._log.fault)

    def event(self, name: str, text: str = "", **more: Any) -> None:
        """Append an event, and say its text."""
        self.record({"kind": "event", "event": name, **self._place(), "time": time.time(), "text": text, **more})
        if text:
            self._progress.say(text)

    def rewind(self, next_step: int, epochs_ended: int) -> None:
        """Drop the records that a training which goes back there will write again."""
        self._log.rewind(next_step, epochs_ended)

    def sync(self) -> None:
        """Bring all records to the disk, where it takes them."""
        self.attempt("metrics.jsonl", self._log.sync)

    def attempt(self, what: str, write: Callable[[], object]) -> bool:
        """Write a file that training can do without for a while; returns whether that succeeded."""
        self._owed.pop(what, None)
        try:
            write()
        except OSError as error:
            self.note(what, error.strerror or str(error))
            return False
        self.note(what, "")
        return True

    def owe(self, what: str, write: Callable[[], object]) -> None:
        """Write a file now, or else at a later `retry`."""
        if not self.attempt(what, write):
            self._owed[what] = write

    def index(self, run: RunDirectory) -> None:
        """Bring the run's entry in the registry up to date, now or later: its folder tells the same meanwhile."""

        def write() -> None:
            patience = 0.0 if INDEX in self._faults else PATIENCE_SECONDS
            Registry(run.path.parent, patience=patience).index(run)

        self.owe(INDEX, write)

    def retry(self) -> None:
        """Write what is owed."""
        for what, write in list(self._owed.items()):
            self.owe(what, write)

    def note(self, what: str, fault: str) -> None:
        """Say that a file cannot be written, or can be again, where that is news."""
        before = self._faults.pop(what, "")
        if fault:
            self._faults[what] = fault
        if fault and not before:
            text = f"{what} cannot be written: {fault}; training goes on and tries again."
            self.event("warning", text, what=what)
        elif before and not fault:
            self.event("recovered", f"{what} is written again.", what=what)
