"""The registry under several processes, damage and rebuilding."""

import multiprocessing
from dataclasses import replace
from pathlib import Path

from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import Evaluation, write_evaluation
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import Status, write_status


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
    good, bad = finished_run(tmp_path, "good"), finished_run(tmp_path, "bad")
    bad.settings_file.write_text("lr = 'fast'")
    entries = {entry.run_id: entry for entry in Registry(tmp_path).entries()}
    assert entries[good.run_id].state == "finished"
    assert entries[bad.run_id].state == "lost"
    assert "no usable settings" in entries[bad.run_id].cause


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
    assert b"30.0" not in (tmp_path / "registry.json").read_bytes()
    registry.remove(run.run_id)
    assert registry.curve(run.run_id) is None
