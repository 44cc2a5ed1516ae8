"""The charts of one run: what is planned ahead of it, the device, what was asked for; all worked out by hand."""

import pytest

from tui.fake_runs import step_record, validation_record
from vidpred_engine.schedules import Schedules
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.status import Status
from vidpred_tui.charts.canvas import LABEL_WIDTH
from vidpred_tui.charts.drawing import draw
from vidpred_tui.charts.head import head
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.charts.planned_charts import Course, planned_course
from vidpred_tui.charts.run_charts import RUN_CHARTS, TITLES, run_charts
from vidpred_tui.charts.view import View
from vidpred_tui.history import HistoryBuilder
from vidpred_tui.snapshot import RunSnapshot

WIDTH, HEIGHT = 80, 16

WIDTH, HEIGHT = 80, 16


# What is planned ahead.


def test_the_planned_course_is_drawn_ahead_of_the_live_curve_to_the_last_step() -> None:
    """Of 10 epochs of 100 steps with TFR 1.0 less 0.1 an epoch from epoch 5 on, 300 steps are done."""
    given_ = RunSettings(epochs=10, teacher_forcing=1.0, teacher_forcing_decay_start=5, lr_schedule="constant", lr=0.5)
    builder = HistoryBuilder()
    builder.extend(step_record(step, lr=0.5, teacher_forcing=1.0, time=9.0 * step) for step in range(300))
    course = planned_course(given_, 1000, None)
    schedules = Schedules(given_, 100)
    for step, value in zip(course.teacher_forcing.steps, course.teacher_forcing.values, strict=True):
        assert value == schedules.teacher_forcing(int(step))
    assert course.learning_rate.steps[-1] == 999
    snapshot = RunSnapshot("id", given_, Status("running", steps=1000), builder.snapshot())
    plan = run_charts(snapshot, course)["lr"]
    assert plan.span == (0.0, 999.0)
    rows = draw(plan, WIDTH, HEIGHT).text.split("\n")
    ahead = next(row for row in rows if row.count("·") > 20)
    share = (ahead.index("·") - LABEL_WIDTH - 1) / (WIDTH - LABEL_WIDTH - 2)
    assert share == pytest.approx(0.3, abs=0.03), "it begins where the live curve ends"
    assert ahead.rstrip().endswith("·")
    assert len(ahead.rstrip()) == WIDTH
    timed = draw(run_charts(snapshot, course, View(axis="time"))["lr"], WIDTH, HEIGHT).text
    assert "·" not in timed, "nobody knows when steps to come will be"


def test_the_plan_of_a_run_with_short_first_epochs_waits_for_the_first_of_them() -> None:
    """`fast_train` with 0 makes two short epochs, here of 10 steps; the other three have 100 each."""
    given_ = RunSettings(epochs=5, fast_train=True, fast_train_epochs=0)
    assert planned_course(given_, 320, None) == Course()
    course = planned_course(given_, 320, 10.0)
    assert course.epochs.steps.tolist() == [0, 10, 20, 120, 220, 320]
    assert planned_course(RunSettings(epochs=3), 10, None) == Course(), "such steps are not those of three epochs"
    assert planned_course(RunSettings(epochs=3), 0, None) == Course()


def test_a_run_that_went_back_is_planned_at_the_rate_that_is_left() -> None:
    builder = HistoryBuilder()
    builder.extend([{"kind": "event", "event": "retreat", "step": 5, "lr_factor": factor} for factor in (0.25, 0.0625)])
    assert builder.snapshot().rate_factor == 0.0625
    assert HistoryBuilder().snapshot().rate_factor == 1.0
    course = planned_course(RunSettings(epochs=2, lr=0.5, lr_schedule="constant"), 20, None, 0.0625)
    assert set(course.learning_rate.values) == {0.03125}


# The device and what was asked for.


def test_the_device_charts_are_the_gpus_where_there_is_one() -> None:
    def charts(**values: float) -> dict[str, ChartPlan]:
        builder = HistoryBuilder()
        builder.extend([{"kind": "device", "step": 4, "epoch": 0, "time": 1.0, "cpu_percent": 140.4, **values}])
        return run_charts(RunSnapshot("id", None, Status("running"), builder.snapshot()))

    cpu = charts(memory_gib=1.5)
    assert head(cpu["load"], 60)[0].plain == "CPU 140%"
    assert head(cpu["memory"], 60)[0].plain == "memory GiB  ◆ process 1.5"
    assert "no GPU has told of it" in draw(cpu["power"], 60, 10).text
    gpu = charts(memory_gib=1.5, gpu_percent=87.0, gpu_memory_gib=70.25, gpu_watts=312.5)
    assert head(gpu["load"], 60)[0].plain == "GPU 87%"
    assert head(gpu["memory"], 60)[0].plain == "memory GiB  ◆ process 1.5 + GPU 70.25"
    assert head(gpu["power"], 60)[0].plain == "GPU power W 312.5"


def test_a_validation_that_was_asked_for_stands_beside_the_others() -> None:
    builder = HistoryBuilder()
    builder.extend([validation_record(9, psnr=24.5), {**validation_record(14, psnr=25.25), "kind": "spot_check"}])
    plan = run_charts(RunSnapshot("id", None, Status("running"), builder.snapshot()))["psnr"]
    assert head(plan, 90)[0].plain == "PSNR  ▲ validation 24.5 dB ◆ asked for 25.2 dB ─ first 21.2 ╌ mean 18.8"
    alone = HistoryBuilder()
    alone.extend([{**validation_record(4, psnr=25.25), "kind": "spot_check"}])
    plan = run_charts(RunSnapshot("id", None, Status("running"), alone.snapshot()))["psnr"]
    assert [level.label for level in plan.levels] == ["first 21.2", "mean 18.8"], "before the first that is planned"


def test_all_charts_have_a_title_and_the_usual_ones_come_first() -> None:
    assert tuple(TITLES)[: len(RUN_CHARTS)] == RUN_CHARTS
    assert set(run_charts(RunSnapshot("id", None, Status("running")))) == set(TITLES)
