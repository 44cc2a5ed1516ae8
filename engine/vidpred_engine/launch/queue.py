"""The queue of a folder of runs: which runs wait for their turn, and in which order; the status of each says so itself.

A run in the queue is in state "queued" with a `place`; the least place comes first. So the queue outlives every
process, and a run enters or leaves it by one replacement of one file.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import filelock

from vidpred_engine.errors import UserError
from vidpred_engine.store.registry import Registry, RunEntry
from vidpred_engine.store.run_directory import RunDirectory, run_directories
from vidpred_engine.store.status import Status, read_status, write_status

LOCK_TIMEOUT = 20.0


@contextmanager
def changing(runs: Path) -> Iterator[None]:
    """Be the only one who puts runs into the queue of this folder, moves them or takes them out."""
    runs.mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(runs / "queue.lock", timeout=LOCK_TIMEOUT):
            yield
    except filelock.Timeout:
        raise UserError(f"Another process has held {runs / 'queue.lock'} for {LOCK_TIMEOUT:.0f} s.") from None


def is_waiting(status: Status) -> bool:
    """Whether a run waits for its turn, also where whoever gave it its turn was killed before a process began."""
    return status.place > 0 and (status.state == "queued" or (status.state == "starting" and status.pid == 0))


def in_order(entries: Sequence[RunEntry]) -> list[RunEntry]:
    """Those of the runs that are in the queue, the next first."""
    found = [entry for entry in entries if entry.state == "queued"]
    return sorted(found, key=lambda entry: (entry.place, entry.run_id))


def waiting(runs: Path) -> list[RunDirectory]:
    """The runs in the queue, the next first."""
    entries = sorted((entry for entry in Registry(runs).entries() if entry.place), key=lambda entry: entry.run_id)
    found = [(read_status(run.status_file), run) for run in (RunDirectory(runs / entry.run_id) for entry in entries)]
    return [run for status, run in sorted(found, key=lambda item: item[0].place) if is_waiting(status)]


def add(runs: Path, added: Sequence[RunDirectory]) -> None:
    """Put runs at the end of the queue, new ones or such as can go on.

    Raises UserError, and adds none, where one is at work, finished or in the queue already.
    """
    with changing(runs):
        for run in added:
            status = run.status()
            if status.live or status.state in ("finished", "queued"):
                raise UserError(f"Run {run.run_id} is {status.state} already; it cannot be put into the queue.")
            run.refuse_links()
            run.settings()
        last = max((read_status(run.status_file).place for run in waiting(runs)), default=0)
        for place, run in enumerate(added, start=last + 1):
            status = replace(read_status(run.status_file), state="queued", place=place, cause="", eta_seconds=None)
            write_status(run.status_file, status)
        Registry(runs).index_all(added)  # it holds the state of what has ended, which is not read again


def recover(runs: Path) -> None:
    """Index the runs that wait although the index says that they have ended: whoever put them there was killed."""
    known = {run.run_id for run in waiting(runs)}
    unknown = [run for run in run_directories(runs) if run.run_id not in known]
    if lost := [run for run in unknown if is_waiting(read_status(run.status_file))]:
        Registry(runs).index_all(lost)


def take_out(runs: Path, taken: Sequence[RunDirectory]) -> None:
    """Take runs out of the queue: one that never began is only created again, another one is stopped.

    Raises UserError, and takes none, where one is not in the queue.
    """
    with changing(runs):
        for run in taken:
            _refuse_not_waiting(run)
        for run in taken:
            status = read_status(run.status_file)
            write_status(run.status_file, replace(status, state="stopped" if status.step else "created", place=0))


def move(runs: Path, run: RunDirectory, position: int) -> int:
    """Move a run to a position in the queue, 1 being the next; returns the one it has now, within the queue.

    Raises UserError where the run is not in the queue.
    """
    with changing(runs):
        _refuse_not_waiting(run)
        waited = waiting(runs)
        places = [read_status(other.status_file).place for other in waited]
        order = [other for other in waited if other.run_id != run.run_id]
        position = max(1, min(position, len(waited)))
        order.insert(position - 1, run)
        for index, (place, other) in enumerate(zip(places, order, strict=True)):
            # A kill in the midst of this may leave two runs with one place; the next move parts them.
            places[index] = max(place, places[index - 1] + 1 if index else 1)
            status = read_status(other.status_file)
            if status.place != places[index]:
                write_status(other.status_file, replace(status, place=places[index]))
        return position


def _refuse_not_waiting(run: RunDirectory) -> None:
    if read_status(run.status_file).state != "queued":
        raise UserError(f"Run {run.run_id} is not in the queue; it is {run.status().state}.")
