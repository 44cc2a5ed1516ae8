"""What happens to a run while another process reads it for the index: the index holds what is true in the end."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from test_registry import finished_run
from vidpred_engine.store import registry as module
from vidpred_engine.store.evaluations import Evaluation, write_evaluation
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import Status, write_status
from vidpred_engine.store.trash import delete_runs, restore_runs

Happening = Callable[[RunDirectory], object]
EVALUATION = Evaluation("val", 0, "prior", 1, 0, "best", 9, "best", "d", [30.0, 20.0], [10.0, 12.0], [11.0, 11.0])
ACTS: dict[str, Callable[[Path], object]] = {
    "rebuild": lambda runs: Registry(runs).rebuild(),
    "list": lambda runs: Registry(runs).entries(),
}
"""What reads a run without holding the lock of the index, and then indexes it."""


def nothing(run: RunDirectory) -> None:
    pass


def delete(run: RunDirectory) -> None:
    delete_runs([run])


def restore(run: RunDirectory) -> None:
    restore_runs(run.path.parent, [run.run_id])


def finish(run: RunDirectory) -> None:
    """It is trained on, and ends."""
    write_status(run.status_file, Status("finished", epoch=9, epochs=9))
    Registry(run.path.parent).index(run)


def evaluate(run: RunDirectory) -> None:
    write_evaluation(run, EVALUATION)
    Registry(run.path.parent).index(run)


def index_and_delete(run: RunDirectory) -> None:
    Registry(run.path.parent).index(run)
    delete_runs([run])


def reading(monkeypatch: pytest.MonkeyPatch, first: Happening, then: Happening, what: str = "read_entry") -> None:
    """The next time that something is read of a run for the index, one thing happens just before and one just after."""
    read: Callable[[RunDirectory], object] = getattr(module, what)

    def amid(run: RunDirectory) -> object:
        monkeypatch.setattr(module, what, read)
        first(run)
        found = read(run)
        then(run)
        return found

    monkeypatch.setattr(module, what, amid)


def indexed(runs: Path, index: str = "registry") -> dict[str, dict[str, object]]:
    tables = json.loads((runs / f"{index}.json").read_bytes())
    return {
        run_id: document for name, table in tables.items() if name != "format" for run_id, document in table.items()
    }


@pytest.mark.parametrize("act", ACTS)
def test_a_run_that_was_away_while_it_was_read_is_not_indexed_as_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    run = finished_run(tmp_path, "one")
    reading(monkeypatch, first=delete, then=restore)
    ACTS[act](tmp_path)
    assert indexed(tmp_path)[run.run_id]["state"] == "finished"
    assert [entry.state for entry in Registry(tmp_path).entries()] == ["finished"]


@pytest.mark.parametrize("act", ACTS)
def test_a_run_that_is_deleted_after_it_was_read_is_not_indexed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    run = finished_run(tmp_path, "one")
    write_evaluation(run, EVALUATION)
    reading(monkeypatch, first=nothing, then=index_and_delete)
    ACTS[act](tmp_path)
    assert indexed(tmp_path) == {}
    assert indexed(tmp_path, "curves") == {}


def test_what_changes_after_a_run_was_read_is_what_the_index_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNSEEN_NS", 0)  # as if some time had gone by: the files themselves are to tell
    run = finished_run(tmp_path, "one")
    write_status(run.status_file, Status("stopped", epoch=5, epochs=9))
    for happening, what in ((finish, "read_entry"), (evaluate, "main_evaluation")):
        reading(monkeypatch, first=nothing, then=happening, what=what)
        Registry(tmp_path).rebuild()
        (entry,) = Registry(tmp_path).entries()
        assert (entry.state, entry.epoch) == ("finished", 9)
    assert indexed(tmp_path, "curves")[run.run_id]["psnr"] == [30.0, 20.0]


def test_a_run_that_was_away_while_it_was_listed_does_not_stay_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished_run(tmp_path, "one")
    registry = Registry(tmp_path)
    away = tmp_path / "away"
    reading(monkeypatch, first=lambda run: run.path.rename(away), then=lambda run: away.rename(run.path))
    assert [entry.state for entry in registry.entries()] == ["lost"]
    assert [entry.state for entry in registry.entries()] == ["finished"]
    assert run.path.is_dir()
