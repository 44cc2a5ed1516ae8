"""Time to quality: the clock's arithmetic, and two presets judged on validation and held-out clips."""

from pathlib import Path

import numpy as np
import pytest

from pngs import write_split
from vidpred_engine.bench import quality
from vidpred_engine.bench.quality import TrainingClock, time_to_quality
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import read_evaluations
from vidpred_engine.store.run_directory import RunDirectory


def test_the_clock_counts_between_looks_of_one_stretch_and_stops_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter([100.0, 101.0, 103.0, 200.0, 200.5, 203.0])
    monkeypatch.setattr("vidpred_engine.bench.quality.time.monotonic", lambda: next(now))
    clock = TrainingClock()
    first = clock.until(3.0)
    assert [first(), first(), first()] == [False, False, True]
    assert (clock.spent, clock.looks) == (3.0, 2)
    second = clock.until(6.0)  # what passed between the stretches does not count
    assert [second(), second(), second()] == [False, False, True]
    assert (clock.spent, clock.looks) == (6.0, 4)


def test_presets_are_judged_on_every_clip_whose_truth_is_known(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Path(tiny.data)
    for number in range(2):
        write_split(tmp_path / "clips", str(number), 5, seed=10 + number)
        for kind, name in (("img", "truth"), ("label", "label")):
            target = data / "test" / f"test_{name}" / str(number)
            target.parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "clips" / str(number) / f"{number}_{kind}").rename(target)
        given = data / "test" / "test_img" / str(number)
        given.mkdir(parents=True)
        first = min((data / "test" / "test_truth" / str(number)).iterdir(), key=lambda path: path.name)
        (given / first.name).write_bytes(first.read_bytes())
    monkeypatch.setattr(quality, "PROBE_STEPS", 1)
    monkeypatch.setattr(quality, "MARKS", (0.5, 1.0))
    by_step = tiny.model_copy(update={"schedule_interval": "step", "lr_schedule": "cosine", "optimizer": "adamw"})
    points = time_to_quality(
        {"steps": by_step, "epochs": tiny}, tmp_path / "runs", 0.2, Progress(), stop_requested=lambda: False
    )
    assert {point.preset for point in points} == {"steps", "epochs"}
    assert {(point.split, point.clip) for point in points} == {("val", 0), ("test", 0), ("test", 1)}
    for run_id in {point.run for point in points}:
        of_run = [point for point in points if point.run == run_id]
        assert [point.seconds for point in of_run] == sorted(point.seconds for point in of_run)
        stored = {(item.split, item.clip): item for item in read_evaluations(RunDirectory(tmp_path / "runs" / run_id))}
        for point in of_run[-3:]:
            curve = stored[point.split, point.clip].psnr
            assert point.psnr == pytest.approx(np.mean(curve))
            assert point.early == point.late == pytest.approx(np.mean(curve)), "fewer than 50 frames"


def test_a_request_to_stop_ends_everything(tmp_path: Path, tiny: RunSettings) -> None:
    assert time_to_quality({"a": tiny, "b": tiny}, tmp_path, 9.0, Progress(), stop_requested=lambda: True) == []
