"""registry.json and curves.json: TinyDB indexes over all run directories, rebuilt from them at any time.

Every change opens, alters and closes a file inside one file lock, and the storage replaces the file atomically:
unlocked writers corrupt a TinyDB file within 0.1 s, and a kill during a plain write leaves it unreadable. Readers need
no lock, as a replaced file is always whole.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import filelock
import tinydb
from tinydb.table import Document, Table

from vidpred_engine.errors import UserError
from vidpred_engine.settings import differences
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.store.evaluations import main_evaluation
from vidpred_engine.store.run_directory import RunDirectory, run_directories
from vidpred_engine.store.status import LIVE_STATES, Status

LOCK_TIMEOUT = 20.0


class AtomicStorage(tinydb.storages.Storage):
    """Reads and writes a whole TinyDB file, replacing it atomically."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, dict[str, Any]] | None:
        """The tables of the file, None where there is none yet; raises ValueError where it is damaged."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        tables = codec.decode(content) if content else None
        if tables is not None and not isinstance(tables, dict):
            raise ValueError(f"{self._path} holds no tables")
        return tables

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Replace the file."""
        write_atomic(self._path, codec.encode(data))


class RunTable(Table):
    """A TinyDB table whose document ids are run ids, so that there is no next id to race for."""

    document_id_class = str  # type: ignore[assignment]
    default_query_cache_capacity = 0


@dataclass(frozen=True)
class RunEntry:
    """What lists show of a run: `changed` holds the settings that differ from the defaults; times in Unix seconds."""

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


def read_entry(run: RunDirectory) -> RunEntry:
    """Build a run's entry from its directory; unusable settings show as the cause, they hide nothing else."""
    status = run.status()
    try:
        settings = run.settings()
        name, changed = settings.name, differences(settings)
    except UserError as error:
        name, changed = "", {}
        status = Status("lost", cause=str(error), heartbeat=status.heartbeat)
    return _entry(run, name, changed, status)


def _entry(run: RunDirectory, name: str, changed: dict[str, Any], status: Status) -> RunEntry:
    return RunEntry(
        run_id=run.run_id,
        name=name,
        created=run.created(),
        state=status.state,
        epoch=status.epoch,
        epochs=status.epochs,
        step=status.step,
        eta_seconds=status.eta_seconds,
        cause=status.cause,
        changed=changed,
        summary=status.summary,
    )


class Registry:
    """The index of one runs folder."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._entries = runs / "registry.json"
        self._curves = runs / "curves.json"

    def entries(self) -> list[RunEntry]:
        """All runs, newest first, true at this moment.

        Entries of ended runs come from the index; runs that are live or not indexed yet are read from their folders;
        folders that are gone are left out.
        """
        known = self._read(self._entries, "runs")
        found = []
        for run in run_directories(self._runs):
            entry = _parse_entry(known.get(run.run_id))
            if entry is None or entry.state in (*LIVE_STATES, "queued"):
                entry = read_entry(run)
            found.append(entry)
        return sorted(found, key=lambda entry: (entry.created, entry.run_id), reverse=True)

    def index(self, run: RunDirectory) -> None:
        """Put the run's present entry, and its PSNR curve where it has one, into the index."""
        self.index_all([run])

    def index_all(self, runs: Iterable[RunDirectory]) -> None:
        """Index several runs with one write a file."""
        listed = list(runs)
        entries = {run.run_id: asdict(read_entry(run)) for run in listed}
        curves = {run.run_id: asdict(item) for run in listed if (item := main_evaluation(run)) is not None}
        self._change(self._entries, "runs", lambda table: _put(table, entries))
        if curves:
            self._change(self._curves, "curves", lambda table: _put(table, curves))

    def remove(self, run_id: str) -> None:
        """Take a run out of the index."""
        for path, table_name in ((self._entries, "runs"), (self._curves, "curves")):
            self._change(path, table_name, lambda table: _drop(table, run_id))

    def curve(self, run_id: str) -> dict[str, Any] | None:
        """The indexed evaluation of a run with its per-frame PSNR, as the fields of `Evaluation`."""
        return self._read(self._curves, "curves").get(run_id)

    def rebuild(self) -> int:
        """Index every run folder afresh and return how many there are; a damaged index is set aside, not read."""
        with self._lock():
            for path in (self._entries, self._curves):
                if path.exists():
                    path.replace(path.with_suffix(".json.old"))
        runs = run_directories(self._runs)
        self.index_all(runs)
        return len(runs)

    def _lock(self) -> filelock.BaseFileLock:
        self._runs.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(self._runs / "registry.lock", timeout=LOCK_TIMEOUT)

    def _read(self, path: Path, table_name: str) -> dict[str, dict[str, Any]]:
        try:
            return dict((AtomicStorage(path).read() or {}).get(table_name, {}))
        except (OSError, ValueError):
            return {}

    def _change(self, path: Path, table_name: str, change: Callable[[RunTable], None]) -> None:
        with self._lock():
            try:
                AtomicStorage(path).read()
            except ValueError:
                path.replace(path.with_suffix(".json.damaged"))
            with tinydb.TinyDB(path, storage=AtomicStorage) as database:
                change(RunTable(database.storage, table_name, cache_size=0))


def _put(table: RunTable, documents: dict[str, dict[str, Any]]) -> None:
    for run_id, document in documents.items():
        table.upsert(Document(document, doc_id=run_id))  # type: ignore[arg-type]


def _drop(table: RunTable, run_id: str) -> None:
    if table.contains(doc_id=run_id):  # type: ignore[arg-type]
        table.remove(doc_ids=[run_id])  # type: ignore[list-item]


def _parse_entry(document: dict[str, Any] | None) -> RunEntry | None:
    try:
        return RunEntry(**{item.name: document[item.name] for item in fields(RunEntry)}) if document else None
    except KeyError:
        return None
