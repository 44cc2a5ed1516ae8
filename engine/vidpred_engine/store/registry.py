"""registry.json and curves.json: TinyDB indexes over all run directories, rebuilt from them at any time.

Every change opens, alters and closes a file inside one file lock, and the storage replaces the file atomically:
unlocked writers corrupt a TinyDB file within 0.1 s, and a kill during a plain write leaves it unreadable. Readers need
no lock, as a replaced file is always whole.
"""

import errno
import time
from collections.abc import Callable, Iterable, Iterator, Set
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_args

import filelock
import tinydb

from vidpred_engine.errors import UserError
from vidpred_engine.settings import differences
from vidpred_engine.store import codec
from vidpred_engine.store.annotations import (
    Annotations,
    annotations_fault,
    read_annotations,
    write_annotations,
)
from vidpred_engine.store.atomic import Stamp, file_stamp, set_aside
from vidpred_engine.store.evaluations import main_evaluation
from vidpred_engine.store.index_file import AtomicStorage, RunTable
from vidpred_engine.store.run_directory import RunDirectory, run_directories, run_ids
from vidpred_engine.store.status import LIVE_STATES, State, Status, lost

INDEX, CURVES = "registry.json", "curves.json"
LOCK_TIMEOUT = 20.0
SECONDS_BETWEEN_TRIES = 0.01  # to take the lock, which is held for some 5 ms: ten times less would wait in vain
# For so long two changes of a folder may bear the same time: kernels before 6.13 count it in ticks of up to 10 ms.
UNSEEN_NS = 20_000_000
# The year 10,000 in Unix seconds, and then some: what lies beyond is in no calendar.
_END_OF_TIME = 3e11
# States in which a run may be in another one by now, although nobody has indexed it.
UNSETTLED_STATES = (*LIVE_STATES, "created", "queued")


@dataclass(frozen=True)
class RunEntry:
    """What lists show of a run: `changed` holds the settings that differ from the defaults; times in Unix seconds.

    `place` is the position in the queue, of which 1 is the next; 0 outside of it.
    `name` is the one people gave it to be shown by, else the one that it was trained under, which `changed` holds.
    """

    run_id: str
    name: str
    created: float
    state: str
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    eta_seconds: float | None = None
    cause: str = ""
    changed: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    note: str = ""
    starred: bool = False
    place: int = 0

    @property
    def label(self) -> str:
        """What the run is called where something must be shown."""
        return self.name or self.run_id


_FIELDS = tuple(item.name for item in fields(RunEntry))


def read_entry(run: RunDirectory) -> RunEntry:
    """Build a run's entry from its directory; unusable settings show as the cause, they hide nothing else."""
    status = run.status()
    try:
        changed = differences(run.settings())
    except UserError as error:
        changed = {}
        status = lost(status, str(error))
    entry = RunEntry(run_id=run.run_id, name="", created=run.created(), state="", changed=changed)
    return _annotated(_in_state(entry, status), read_annotations(run))


def _in_state(entry: RunEntry, status: Status) -> RunEntry:
    return replace(
        entry,
        state=status.state,
        epoch=status.epoch,
        epochs=status.epochs,
        step=status.step,
        place=status.place,
        eta_seconds=status.eta_seconds,
        cause=status.cause,
        summary=status.summary,
    )


def _annotated(entry: RunEntry, said: Annotations) -> RunEntry:
    name = said.name or str(entry.changed.get("name", ""))
    return replace(entry, name=name, tags=said.tags, note=said.note, starred=said.starred)


def _seen(run: RunDirectory) -> tuple[object, ...]:
    """What changes when a run's folder is moved, or what lists show of it is replaced.

    Equals no other where the folder is gone, or has just changed and could do so again unseen.
    """
    try:
        folder = run.path.stat()
    except OSError:
        return (object(),)
    if abs(time.time_ns() - folder.st_ctime_ns) < UNSEEN_NS:
        return (object(),)
    files = (run.settings_file, run.status_file, run.evaluations)
    return folder.st_ino, folder.st_ctime_ns, *map(file_stamp, files)


@dataclass(frozen=True)
class _Reading:
    """What the index is to hold of a run, and what was seen of its folder before that was read."""

    run: RunDirectory
    seen: tuple[object, ...]
    entry: RunEntry
    curve: dict[str, Any] | None = None

    def settled(self) -> "_Reading":
        """This; where anything has changed since, what is read now."""
        return self if self.seen == _seen(self.run) else _read_run(self.run)


def _read_run(run: RunDirectory) -> _Reading:
    seen, entry, evaluation = _seen(run), read_entry(run), main_evaluation(run)
    return _Reading(run, seen, entry, curve=None if evaluation is None else asdict(evaluation))


class Registry:
    """The index of one runs folder; it remembers what it has read, and reads again only what has changed.

    Changes wait for each other, `patience` seconds at most; then they raise OSError.
    """

    def __init__(self, runs: Path, *, patience: float = LOCK_TIMEOUT) -> None:
        self._runs = runs
        self._entries = runs / INDEX
        self._curves = runs / CURVES
        self._lock = filelock.FileLock(runs / "registry.lock", timeout=patience)
        self._index_stamp: Stamp = None
        self._indexed: dict[str, RunEntry] = {}
        self._unsettled: dict[str, tuple[RunEntry | None, _Reading]] = {}

    def entries(self) -> list[RunEntry]:
        """All runs, newest first, true at this moment.

        Entries of ended runs come from the index; the state of the others is read from their folders; runs that the
        index lacks are read from their folders and indexed; folders that are gone are left out.
        """
        self._read_index()
        found, missing = [], []
        for run_id in run_ids(self._runs):
            entry = self._indexed.get(run_id)
            if entry is None or entry.state in UNSETTLED_STATES:
                reading = self._read_present(RunDirectory(self._runs / run_id))
                entry = reading.entry
                if run_id not in self._indexed and entry.state != "lost":  # lost may be: not written yet
                    missing.append(reading)
            found.append(entry)
        if missing:
            self._index_missing(missing)
        return sorted(_positioned(found), key=lambda entry: (entry.created, entry.run_id), reverse=True)

    def indexed(self, run_id: str) -> RunEntry | None:
        """What the index alone says of a run, None where it says nothing."""
        self._read_index()
        return self._indexed.get(run_id)

    def has_curve(self) -> Set[str]:
        """The ids of the runs whose PSNR curve is in the index."""
        return self._read(self._curves, "curves").keys()

    def index(self, run: RunDirectory) -> None:
        """Put the run's present entry, and its PSNR curve where it has one, into the index."""
        self.index_all([run])

    def index_all(self, runs: Iterable[RunDirectory]) -> None:
        """Index several runs with one write a file; one that was deleted meanwhile stays out."""
        self._put([_read_run(run) for run in runs])  # before the lock: 10,000 take longer than others wait for it

    def annotate(self, runs: Iterable[RunDirectory], change: Callable[[Annotations], Annotations]) -> None:
        """Change what is said of runs, in their folders and in the index.

        Two that annotate at once both get through: what is changed is read under the lock. Raises UserError where it
        cannot be read, lest it be lost.
        """
        listed = list(runs)
        for run in listed:
            with self._locked():
                if fault := annotations_fault(run):
                    raise UserError(
                        f"{run.annotations_file} cannot be read: {fault}; "
                        f"see `vidpred-engine doctor {run.run_id}` before you say more of the run."
                    )
                write_annotations(run, change(read_annotations(run)))
        with self._changing(self._entries, "runs") as table:
            self._read_index()
            known = {run.run_id: self._indexed.get(run.run_id) or read_entry(run) for run in listed}
            said = (_annotated(known[run.run_id], read_annotations(run)) for run in listed if run.path.exists())
            table.put(_documents(said))

    def remove(self, *run_ids: str) -> None:
        """Take runs out of the index."""
        with self._locked():
            for path, table_name in ((self._entries, "runs"), (self._curves, "curves")):
                with self._changing(path, table_name) as table:
                    table.drop(run_ids)

    def curve(self, run_id: str) -> dict[str, Any] | None:
        """The indexed evaluation of a run with its per-frame PSNR, as the fields of `Evaluation`."""
        return self._read(self._curves, "curves").get(run_id)

    def rebuild(self) -> int:
        """Index every run folder afresh and return how many there are.

        An index that can be read is kept as registry.json.old, a damaged one is set aside. Raises OSError where one
        cannot be replaced, also as its format is one to come.
        """
        with self._locked():
            for path in (self._entries, self._curves):
                try:
                    if AtomicStorage(path).read() is not None:
                        path.replace(path.with_suffix(".json.old"))
                except ValueError:
                    set_aside(path)
        runs = run_directories(self._runs)
        self.index_all(runs)
        return len(runs)

    def _read_index(self) -> None:
        stamp = file_stamp(self._entries)
        if stamp is not None and stamp == self._index_stamp:
            return
        before, self._index_stamp = self._indexed, stamp
        self._indexed = {}
        for run_id, document in self._read(self._entries, "runs").items():
            entry = _parse_entry(run_id, document)
            if entry is not None:
                known = before.get(run_id)
                self._indexed[run_id] = known if known is not None and known == entry else entry

    def _read_present(self, run: RunDirectory) -> _Reading:
        """A run whose state the index cannot know; what has ended is not read again before it changes."""
        indexed = self._indexed.get(run.run_id)
        known, reading = self._unsettled.get(run.run_id, (None, None))
        seen = _seen(run)
        if reading is None or (known, reading.seen) != (indexed, seen) or reading.entry.state in LIVE_STATES:
            entry = read_entry(run) if indexed is None else _in_state(indexed, run.status())
            reading = _Reading(run, seen, entry)
            self._unsettled[run.run_id] = indexed, reading
        return reading

    def _index_missing(self, readings: Iterable[_Reading]) -> None:
        """Add runs that nobody has indexed, unless someone just does; a folder that cannot be written to stays so."""
        with suppress(OSError), self._lock.acquire(timeout=0):
            self._read_index()
            self._put(reading for reading in readings if reading.run.run_id not in self._indexed)

    def _put(self, readings: Iterable[_Reading]) -> None:
        """Index what was read without the lock: others may have moved or changed it meanwhile, and indexed that.

        A stale entry over theirs would stay, as nobody reads again what has ended.
        """
        with self._locked():
            present = [settled for reading in readings if (settled := reading.settled()).run.path.exists()]
            with self._changing(self._entries, "runs") as table:
                table.put(_documents(_annotated(item.entry, read_annotations(item.run)) for item in present))
            if curves := {item.run.run_id: item.curve for item in present if item.curve is not None}:
                with self._changing(self._curves, "curves") as table:
                    table.put(curves)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._runs.mkdir(parents=True, exist_ok=True)
        try:
            held = self._lock.acquire(poll_interval=SECONDS_BETWEEN_TRIES)
        except filelock.Timeout:
            raise OSError(errno.ETIMEDOUT, "another process holds registry.lock", str(self._runs)) from None
        with held:
            yield

    @contextmanager
    def _changing(self, path: Path, table_name: str) -> Iterator[RunTable]:
        with self._locked():
            try:
                AtomicStorage(path).read()
            except ValueError:
                set_aside(path)
            with tinydb.TinyDB(path, storage=AtomicStorage) as database:
                yield RunTable(database.storage, table_name, cache_size=0)

    def _read(self, path: Path, table_name: str) -> dict[str, dict[str, Any]]:
        try:
            return dict((AtomicStorage(path).read() or {}).get(table_name, {}))
        except (OSError, ValueError):
            return {}


def _positioned(entries: Iterable[RunEntry]) -> list[RunEntry]:
    """The entries, those in the queue with their position as their place: 1 is the next."""
    known = {entry.run_id: entry for entry in entries}
    waiting = [entry for entry in known.values() if entry.state == "queued"]
    waiting.sort(key=lambda entry: (entry.place, entry.run_id))
    known |= {entry.run_id: replace(entry, place=position) for position, entry in enumerate(waiting, start=1)}
    return list(known.values())


def _documents(entries: Iterable[RunEntry]) -> dict[str, Any]:
    return {entry.run_id: asdict(entry) for entry in entries}


def _parse_entry(run_id: str, document: Any) -> RunEntry | None:
    """The entry that a document holds; None where it lacks a field, as older versions' do, or has a wrong one."""
    try:
        values = {name: document[name] for name in _FIELDS}
        values["eta_seconds"] = codec.number(values["eta_seconds"])
        values["tags"] = tuple(map(str, values["tags"])) if isinstance(values["tags"], list) else None
        codec.check_kinds(RunEntry, values)
    except (KeyError, TypeError):
        return None
    shown = [values["name"], values["note"], *values["tags"]]
    is_sound = (
        values["run_id"] == run_id and values["state"] in get_args(State) and abs(values["created"]) < _END_OF_TIME
    )
    return RunEntry(**values) if is_sound and all(map(str.isprintable, shown)) else None
