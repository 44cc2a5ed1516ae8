"""The registry under several processes, damage and rebuilding."""

import multiprocessing
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import Annotations, write_annotations
from vidpred_engine.store.evaluations import Evaluation, write_evaluation
from vidpred_engine.store.registry import Registry, read_entry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import Status, this_process, write_status


def finished_run(runs: Path, name: str, **summary: float) -> RunDirectory:
    run = create_run(runs, RunSettings(name=name, lr=0.5))
    write_status(run.status_file, Status("finished", epoch=3, epochs=3, step=30, summary=dict(summary)))
    return run


def index_many(runs: str, prefix: str) -> None:
    for number in range(6):
        Registry(Path(runs)).index(finished_run(Path(runs), f"{prefix}{number}", best_psnr=float(number)))


def test_writers_of_four_processes_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=index_many, args=(str(tmp_path), name)) for name in "abcd"]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        Registry(tmp_path).entries()  # a reader beside them never stumbles
        writers[0].join(0.01)
    assert [writer.exitcode for writer in writers] == [0] * 4
    indexed = Registry(tmp_path)._read(tmp_path / "registry.json", "runs")
    assert sorted(entry["name"] for entry in indexed.values()) == sorted(f"{a}{n}" for a in "abcd" for n in range(6))


def test_entries_tell_what_the_directories_hold(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    assert registry.entries() == []
    run = finished_run(tmp_path, "one", best_psnr=28.5)
    registry.index(run)
    (entry,) = registry.entries()
    assert (entry.name, entry.state, entry.epoch, entry.summary) == ("one", "finished", 3, {"best_psnr": 28.5})
    assert entry.changed == {"name": "one", "lr": 0.5}


def test_runs_not_indexed_yet_are_seen_and_removed_ones_are_not(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    kept, gone = finished_run(tmp_path, "kept"), finished_run(tmp_path, "gone")
    registry.index(gone)
    for path in sorted(gone.path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    gone.path.rmdir()
    assert [entry.run_id for entry in registry.entries()] == [kept.run_id]


def test_a_run_whose_process_is_gone_shows_as_lost_though_the_index_says_running(tmp_path: Path) -> None:
    run = finished_run(tmp_path, "killed")
    write_status(run.status_file, Status("running", pid=2**22 + 1, process_started=1.0))
    Registry(tmp_path).index(run)
    (entry,) = Registry(tmp_path).entries()
    assert entry.state == "lost"


def test_one_unusable_run_hides_only_itself(tmp_path: Path) -> None:
    good, bad = finished_run(tmp_path, "good"), finished_run(tmp_path, "bad", best_psnr=30.0)
    sound = bad.settings_file.read_text()
    bad.settings_file.write_text("lr = 'fast'")
    registry = Registry(tmp_path)
    entries = {entry.run_id: entry for entry in registry.entries()}
    assert entries[good.run_id].state == "finished"
    assert entries[bad.run_id].state == "lost"
    assert "no usable settings" in entries[bad.run_id].cause
    assert (entries[bad.run_id].epoch, entries[bad.run_id].summary) == (3, {"best_psnr": 30.0})
    bad.settings_file.write_text(sound)  # in its place, as some editors do
    entries = {entry.run_id: entry for entry in registry.entries()}
    assert entries[bad.run_id].state == "finished"
    assert entries[bad.run_id].changed == {"name": "bad", "lr": 0.5}


def test_a_damaged_index_is_set_aside_and_rebuilt_from_the_directories(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    runs = [finished_run(tmp_path, name) for name in ("a", "b")]
    registry.index_all(runs)
    (tmp_path / "registry.json").write_bytes((tmp_path / "registry.json").read_bytes()[:40])
    assert {entry.name for entry in registry.entries()} == {"a", "b"}
    registry.index(runs[0])
    assert (tmp_path / "registry.json.damaged").exists()
    assert registry.rebuild() == 2
    assert set(registry._read(tmp_path / "registry.json", "runs")) == {run.run_id for run in runs}


def test_curves_lie_in_a_file_of_their_own(tmp_path: Path) -> None:
    run, registry = finished_run(tmp_path, "one"), Registry(tmp_path)
    evaluation = Evaluation("val", 0, "prior", 1, 0, "best", 9, "last", "d", [20.0, 30.0], [10.0, 12.0], [11.0, 11.0])
    write_evaluation(run, replace(evaluation, checkpoint="best"))
    registry.index(run)
    curve = registry.curve(run.run_id)
    assert curve is not None
    assert curve["psnr"] == [20.0, 30.0]
    assert b"20.0,30.0" not in (tmp_path / "registry.json").read_bytes()
    registry.remove(run.run_id)
    assert registry.curve(run.run_id) is None


def strip_fields(runs: Path, *names: str) -> None:
    """Make the index one of an older version, which had fewer fields."""
    tables = orjson.loads((runs / "registry.json").read_bytes())
    for document in tables["runs"].values():
        for name in names:
            del document[name]
    (runs / "registry.json").write_bytes(orjson.dumps(tables))


def test_an_index_from_before_annotations_is_read_and_brought_up_to_date(tmp_path: Path) -> None:
    run, plain = finished_run(tmp_path, "old"), finished_run(tmp_path, "plain")
    Registry(tmp_path).index_all([run, plain])
    write_annotations(run, Annotations("shown", ("kl",), "why", starred=True))
    strip_fields(tmp_path, "tags", "note", "starred")
    entries = {entry.run_id: entry for entry in Registry(tmp_path).entries()}
    assert entries[run.run_id] == read_entry(run)
    assert (entries[run.run_id].name, entries[run.run_id].tags) == ("shown", ("kl",))
    assert entries[plain.run_id].tags == ()
    indexed = Registry(tmp_path)._read(tmp_path / "registry.json", "runs")
    assert indexed[run.run_id]["note"] == "why", "the index has what it lacked, so that it is read from it next time"


def test_a_document_with_values_of_the_wrong_kind_is_read_from_its_folder(tmp_path: Path) -> None:
    run = finished_run(tmp_path, "one")
    Registry(tmp_path).index(run)
    good = (tmp_path / "registry.json").read_bytes()
    for name, value in (
        ("name", 5),
        ("summary", []),
        ("tags", "kl"),
        ("tags", None),
        ("created", "now"),
        ("run_id", "x"),
    ):
        tables = orjson.loads(good)
        tables["runs"][run.run_id][name] = value
        (tmp_path / "registry.json").write_bytes(orjson.dumps(tables))
        assert Registry(tmp_path).entries() == [read_entry(run)], name


def test_a_second_listing_reads_only_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vidpred_engine.store.registry.UNSEEN_NS", 0)  # as if some time had gone by since the writes
    registry = Registry(tmp_path)
    ended = [finished_run(tmp_path, name) for name in ("a", "b", "c")]
    registry.index_all(ended)
    killed = finished_run(tmp_path, "killed")
    write_status(killed.status_file, Status("running", **this_process()))
    registry.index(killed)
    write_status(killed.status_file, Status("running", pid=2**22 + 1, process_started=1.0))
    first = registry.entries()
    assert {entry.name: entry.state for entry in first}["killed"] == "lost"
    read: list[str] = []

    def status(run: RunDirectory) -> Status:
        read.append(run.run_id)
        return Status("stopped")

    monkeypatch.setattr(RunDirectory, "status", status)
    second = registry.entries()
    assert read == []
    assert all(new is old for new, old in zip(second, first, strict=True))
    write_status(killed.status_file, Status("stopped"))
    assert {entry.name: entry.state for entry in registry.entries()}["killed"] == "stopped"
    assert read == [killed.run_id]


def test_runs_that_nobody_indexed_are_indexed_by_who_lists_them(tmp_path: Path) -> None:
    runs = [finished_run(tmp_path, name) for name in ("a", "b")]
    broken = finished_run(tmp_path, "broken")
    broken.settings_file.unlink()  # as between making a folder and writing into it
    assert len(Registry(tmp_path).entries()) == 3
    indexed = Registry(tmp_path)._read(tmp_path / "registry.json", "runs")
    assert set(indexed) == {run.run_id for run in runs}


def test_a_folder_that_cannot_be_written_to_can_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished_run(tmp_path, "one")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    assert [entry.run_id for entry in Registry(tmp_path).entries()] == [run.run_id]
    assert not (tmp_path / "registry.json").exists()


def test_many_runs_cost_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [finished_run(tmp_path, f"run{number}") for number in range(5)]
    writes: list[Path] = []
    monkeypatch.setattr("vidpred_engine.store.index_file.write_atomic", lambda path, _: writes.append(path))
    Registry(tmp_path).index_all(runs)
    assert writes == [tmp_path / "registry.json"]


@pytest.mark.parametrize("field", ['"epoch": "two"', '"summary": [1]', '"cause": null', '"heartbeat": "now"'])
def test_a_status_of_the_wrong_kind_hides_nothing_else_of_its_run(tmp_path: Path, field: str) -> None:
    run = finished_run(tmp_path, "odd")
    run.status_file.write_text(f'{{"state": "stopped", {field}}}')
    (entry,) = Registry(tmp_path).entries()
    assert (entry.name, entry.state, entry.epoch, entry.summary) == ("odd", "lost", 0, {})
    assert "status.json cannot be read" in entry.cause
