"""Many processes at once: one alone trains a run; eight writers, some of them killed, and eight readers lose nothing.

Each writer keeps a diary of its own: what it is about to do, and what it has done, fsynced. In the end the folder of
runs, its index and its trash hold exactly what the diaries say, and of a killed writer perhaps what it was about to do.
"""

import fcntl
import json
import math
import os
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import filelock
import pytest

from test_kill import FORKS, command
from test_training import measured, train
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import Annotations
from vidpred_engine.store.atomic import abandoned_files, remove_abandoned, replacing
from vidpred_engine.store.metric_log import MetricReader
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run, run_ids
from vidpred_engine.store.status import Status, write_status
from vidpred_engine.store.trash import TRASH, delete_runs, restore_runs

WRITERS = READERS = 8
KILLED = 5
ROUNDS = int(os.environ.get("ROUNDS", "12"))
ACTS_A_ROUND = 6


class Diary:
    """What one writer does, a line before and a line after each act."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, what: str, act: str, name: str, value: str = "") -> None:
        os.write(self._file, json.dumps([what, act, name, value]).encode() + b"\n")
        os.fsync(self._file)


def write(runs: Path, diary_file: Path, writer: str, shared: Path) -> None:
    """Make runs, speak of them, delete and restore them, and at times rebuild the whole index."""
    registry, diary, chance = Registry(runs), Diary(diary_file), random.Random(writer)
    own: dict[str, RunDirectory] = {}
    for number in range(ROUNDS):
        name = f"{writer}-{number}"
        diary.note("do", "make", name)
        own[name] = create_run(runs, RunSettings(name=name))
        write_status(own[name].status_file, Status("finished", epoch=number))
        registry.index(own[name])
        diary.note("done", "make", name)
        other = chance.choice(list(own))
        diary.note("do", "say", other, f"said in round {number}")
        registry.annotate([own[other]], partial(noting, f"said in round {number}"))
        diary.note("done", "say", other, f"said in round {number}")
        diary.note("do", "tag", name)
        registry.annotate([RunDirectory(shared)], partial(tagging, name))
        diary.note("done", "tag", name)
        gone = chance.choice(list(own))
        diary.note("do", "delete", gone)
        delete_runs([own[gone]])
        diary.note("done", "delete", gone)
        if chance.random() < 0.6:
            diary.note("do", "restore", gone)
            restore_runs(runs, [own[gone].run_id])
            diary.note("done", "restore", gone)
        else:
            del own[gone]
        if chance.random() < 0.15:
            diary.note("do", "rebuild", "")
            registry.rebuild()
            diary.note("done", "rebuild", "")


def noting(note: str, said: Annotations) -> Annotations:
    return replace(said, note=note)


def tagging(tag: str, said: Annotations) -> Annotations:
    return replace(said, tags=(*said.tags, tag))


def read(runs: Path, end: Path, shared: str, counted: Path) -> None:
    """List runs over and over: each list holds what nobody deletes, as it is."""
    registry, lists = Registry(runs), 0
    while not end.exists():
        (entry,) = [entry for entry in registry.entries() if entry.run_id == shared]
        assert (entry.state, entry.name) == ("finished", "shared")
        lists += 1
        time.sleep(0.05)  # a list takes 5 ms: writers are to have the cores
    counted.write_text(str(lists))


@dataclass
class Told:
    """What diaries tell: where each run is and what was said of it, and what a killed writer was about to do."""

    where: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    under_way: list[tuple[str, str, str]] = field(default_factory=list)
    acts: int = 0

    def add(self, lines: list[list[str]]) -> None:
        for what, act, name, value in lines:
            if what == "do":
                continue
            self.acts += 1
            if act in ("make", "restore"):
                self.where[name] = "present"
            elif act == "delete":
                self.where[name] = "deleted"
            elif act == "say":
                self.notes[name] = value
            elif act == "tag":
                self.tags.add(name)
        if lines and lines[-1][0] == "do":
            _, act, name, value = lines[-1]
            self.under_way.append((act, name, value))

    def doubtful(self, *acts: str) -> set[str]:
        return {name for act, name, _ in self.under_way if act in acts}


def diary_lines(path: Path) -> list[list[str]]:
    """The whole lines of a diary: a kill may cut the last one short."""
    content = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in content.splitlines(keepends=True) if line.endswith("\n")]


def named(ids: Iterable[str]) -> dict[str, str]:
    """Run ids by the name in them, without time and random digits."""
    return {run_id[16:-5]: run_id for run_id in ids}


def call(log: Path, function: Callable[..., None], *arguments: object) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    function(*arguments)


def launch(log: Path, function: Callable[..., None], *arguments: object) -> ForkServerProcess:
    """Call a function in a process of its own that writes to a log."""
    process = FORKS.Process(target=call, args=(log, function, *arguments))
    process.start()
    return process


@pytest.mark.slow
def test_eight_writers_of_which_five_are_killed_and_eight_readers_lose_nothing(tmp_path: Path) -> None:
    runs, end, log = tmp_path / "runs", tmp_path / "end", tmp_path / "log.txt"
    shared = create_run(runs, RunSettings(name="shared"))
    write_status(shared.status_file, Status("finished"))
    Registry(runs).index(shared)
    counts = [tmp_path / f"reader{number}" for number in range(READERS)]
    readers = [launch(log, read, runs, end, shared.run_id, counted) for counted in counts]
    diaries = {f"w{number}": tmp_path / f"w{number}.diary" for number in range(WRITERS)}
    writers = {name: launch(log, write, runs, diary, name, shared.path) for name, diary in diaries.items()}
    chance = random.Random(7)
    for number in range(KILLED):
        name, after = f"w{number}", chance.randrange(10, ROUNDS * ACTS_A_ROUND)
        while writers[name].is_alive() and len(diary_lines(diaries[name])) < after:
            time.sleep(0.002)
        writers[name].kill()
        heir = f"h{number}"
        diaries[heir] = tmp_path / f"{heir}.diary"
        writers[heir] = launch(log, write, runs, diaries[heir], heir, shared.path)
    for name, process in writers.items():
        process.join()
        assert process.exitcode in ((0, -9) if int(name[1:]) < KILLED and name[0] == "w" else (0,)), log.read_text()
    end.touch()
    for reader in readers:
        reader.join()
        assert reader.exitcode == 0, log.read_text()

    told = Told()
    for path in diaries.values():
        told.add(diary_lines(path))
    lists = sum(int(counted.read_text()) for counted in counts)
    print(f"{told.acts} acts, {len(told.under_way)} cut short, {lists} lists")
    assert told.acts > 4 * WRITERS * ROUNDS

    doubtful = told.doubtful("make", "delete", "restore")
    present = {name for name, where in told.where.items() if where == "present"}
    deleted = set(told.where) - present
    registry = Registry(runs)
    listed = {entry.run_id[16:-5]: entry for entry in registry.entries() if entry.run_id != shared.run_id}
    in_trash = named(run_ids(runs / TRASH))
    assert set(listed) - doubtful == present - doubtful
    assert set(in_trash) - doubtful == deleted - doubtful
    assert not set(listed) & set(in_trash)
    assert set(told.where) | doubtful >= set(listed) | set(in_trash) >= set(told.where), "none is in neither place"
    document = json.loads((runs / "registry.json").read_bytes())["runs"]
    assert set(named(document)) - {"shared"} - doubtful == present - doubtful, "the index itself says the same"
    unsure = {name: value for act, name, value in told.under_way if act == "say"}
    for name, entry in listed.items():
        assert entry.note in {told.notes.get(name, ""), unsure.get(name, told.notes.get(name, ""))}
        assert document[entry.run_id]["note"] == entry.note or name in doubtful | set(unsure)
        if name not in doubtful:
            assert (entry.state, entry.epoch) == ("finished", int(name.partition("-")[2]))
    tags = next(entry for entry in registry.entries() if entry.run_id == shared.run_id).tags
    assert len(tags) == len(set(tags))
    assert told.tags <= set(tags) <= told.tags | told.doubtful("tag")
    assert not list(tmp_path.rglob("*.damaged*"))


@pytest.mark.slow
def test_of_four_processes_that_are_to_train_one_run_one_does(tmp_path: Path, tiny: RunSettings) -> None:
    settings = tiny.model_copy(update={"epochs": 30, "validate_every": 30})
    run, alone = create_run(tmp_path / "runs", settings), create_run(tmp_path / "alone", settings)
    logs = [tmp_path / f"log{number}" for number in range(4)]
    processes = [command(log, "train", "--run", str(run.path)) for log in logs]
    for process in processes:
        process.join()
    codes = [process.exitcode for process in processes]
    assert sorted(code or 0 for code in codes) == [0, 2, 2, 2]
    for code, log in zip(codes, logs, strict=True):
        said = log.read_text()
        assert code == 0 or said.count("\n") == 1
        assert code == 0 or "being trained by another process" in said or "is finished" in said
    assert train(alone) == 0
    assert measured(run) == measured(alone)


def test_a_training_waits_once_for_the_registry_and_goes_on_without(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lock is held for good, as a program leaves it that was stopped at a bad moment."""
    monkeypatch.setattr("vidpred_engine.training.journal.PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("vidpred_engine.training.run.PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr("vidpred_engine.store.registry.LOCK_TIMEOUT", math.inf)
    settings = tiny.model_copy(update={"epochs": 20, "validate_every": 1})
    run = create_run(tmp_path / "runs", settings)
    waits: list[float] = []
    acquire = filelock.FileLock.acquire

    def counted(self: filelock.FileLock, *args: Any, **options: Any) -> Any:
        waits.append(self.timeout)
        return acquire(self, *args, **options)

    with filelock.FileLock(run.path.parent / "registry.lock"):
        monkeypatch.setattr(filelock.FileLock, "acquire", counted)
        assert train(run) == 0
        monkeypatch.undo()
    assert len(waits) > 3
    assert sorted(waits)[-3:] == [0.0, 0.2, 0.2], "once as it begins, once as it ends"
    warnings = [record for record in MetricReader(run.metrics_file).read_new() if record.get("event") == "warning"]
    assert [record["text"] for record in warnings] == [
        "registry.json cannot be written: another process holds registry.lock; training goes on and tries again."
    ]
    assert [entry.state for entry in Registry(run.path.parent).entries()] == ["finished"]


def test_a_file_taken_for_an_abandoned_one_before_it_is_locked_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, early = fcntl.flock, [True]

    def late(file: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX and early:
            early.clear()
            remove_abandoned(tmp_path)
            assert not list(tmp_path.iterdir())
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with replacing(tmp_path / "registry.json") as temporary:
        assert not early
        temporary.write_bytes(b"all of it")
        assert abandoned_files(tmp_path) == [], "it is locked"
    assert [path.name for path in tmp_path.iterdir()] == ["registry.json"]


def test_an_abandoned_file_is_removed_under_its_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = tmp_path / f".registry.json.{'0' * 16}.tmp"
    left.touch()
    unlink = Path.unlink

    def checked(path: Path) -> None:
        with path.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unlink(path)

    monkeypatch.setattr(Path, "unlink", checked)
    remove_abandoned(tmp_path)
    assert not list(tmp_path.iterdir())
