"""Deleting runs: to the trash and back, whole, and never while they are at work."""

import threading
from pathlib import Path

import pytest

from vidpred_engine.errors import UserError
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import Status, this_process, write_status
from vidpred_engine.store.trash import delete_runs, find_deleted, restore_runs


def make_run(runs: Path, name: str, status: Status | None = None) -> RunDirectory:
    run = create_run(runs, RunSettings(name=name))
    write_status(run.status_file, status or Status("finished"))
    (run.checkpoints / "last.pt").write_bytes(b"weights")
    Registry(runs).index(run)
    return run


def names(runs: Path) -> set[str]:
    return {entry.name for entry in Registry(runs).entries()}


def test_a_deleted_run_lies_whole_in_the_trash_until_it_is_restored(tmp_path: Path) -> None:
    gone, kept = make_run(tmp_path, "gone"), make_run(tmp_path, "kept")
    before = sorted(path.relative_to(gone.path) for path in gone.path.rglob("*") if path.name != "train.lock")
    delete_runs([gone])
    assert names(tmp_path) == {"kept"}
    assert set(Registry(tmp_path)._read(tmp_path / "registry.json", "runs")) == {kept.run_id}
    assert (tmp_path / ".trash" / gone.run_id / "checkpoints/last.pt").read_bytes() == b"weights"
    assert find_deleted(tmp_path, "-gone-") == gone.run_id
    assert restore_runs(tmp_path, [gone.run_id]) == [gone]
    assert names(tmp_path) == {"gone", "kept"}
    assert before == sorted(path.relative_to(gone.path) for path in gone.path.rglob("*") if path.name != "train.lock")
    delete_runs([gone, kept])
    assert names(tmp_path) == set()


def test_a_live_run_is_not_deleted_nor_are_those_named_with_it(tmp_path: Path) -> None:
    idle, busy = make_run(tmp_path, "idle"), make_run(tmp_path, "busy", Status("running", **this_process()))
    with pytest.raises(UserError, match=f"Run {busy.run_id} is running; stop it before you delete it"):
        delete_runs([idle, busy])
    assert names(tmp_path) == {"idle", "busy"}


def test_a_run_whose_process_has_just_begun_is_not_deleted(tmp_path: Path) -> None:
    run = make_run(tmp_path, "begun", Status("stopped"))
    held, done = threading.Event(), threading.Event()

    def train() -> None:
        with only_trainer(run):
            held.set()
            done.wait(30)

    trainer = threading.Thread(target=train)
    trainer.start()
    held.wait(30)
    with pytest.raises(UserError, match="is being trained by another process"):
        delete_runs([run])
    done.set()
    trainer.join()
    assert names(tmp_path) == {"begun"}


def test_a_run_whose_process_is_gone_can_be_deleted(tmp_path: Path) -> None:
    run = make_run(tmp_path, "killed", Status("running", pid=2**22 + 1, process_started=1.0))
    delete_runs([run])
    assert names(tmp_path) == set()


def test_restoring_never_overwrites_and_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"names 0 of the runs in .*; it is empty"):
        find_deleted(tmp_path, "x")
    run, other = make_run(tmp_path, "one"), make_run(tmp_path, "other")
    delete_runs([run])
    with pytest.raises(UserError, match=f"'nine' names 0 of .*; it holds {run.run_id}"):
        find_deleted(tmp_path, "nine")
    delete_runs([other])
    run.path.mkdir()
    with pytest.raises(UserError, match="exists; move that folder away first"):
        restore_runs(tmp_path, [other.run_id, run.run_id])
    assert not other.path.exists(), "all or none"
    run.path.rmdir()
    restore_runs(tmp_path, [run.run_id])
    assert restore_runs(tmp_path, [run.run_id]) == [], "it is back already"
    with pytest.raises(UserError, match="is no longer in"):
        run.path.rename(tmp_path / "elsewhere")
        restore_runs(tmp_path, [run.run_id])
