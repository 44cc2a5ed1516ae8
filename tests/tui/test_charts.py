"""Charts: ticks, thinning, drawings that nothing can break, and when they are drawn."""

import asyncio
import math
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.color import Color
from textual.content import Content, Span
from textual.style import Style

from tui.fake_runs import step_record, until, validation_record
from vidpred_engine.curve import Curve, thin
from vidpred_engine.schedules import teacher_forcing_ratio
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.status import Status
from vidpred_tui.charts.canvas import LABEL_WIDTH
from vidpred_tui.charts.drawing import draw
from vidpred_tui.charts.head import head
from vidpred_tui.charts.plan import ChartPlan, Level, Line
from vidpred_tui.charts.planned_charts import planned_charts
from vidpred_tui.charts.run_charts import run_charts
from vidpred_tui.charts.ticks import round_ticks, tick_labels
from vidpred_tui.history import HistoryBuilder
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.theme import BASELINE_STYLES, RUN_STYLES
from vidpred_tui.widgets import chart as chart_module
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.pacer import Pacer, least_rest


def curve(values: list[float]) -> Curve:
    return Curve(np.arange(float(len(values))), np.array(values, dtype=float))


def test_ticks_are_round_and_within_the_range() -> None:
    assert round_ticks(0.0, 1.0, 3) == [0.0, 0.5, 1.0]
    assert round_ticks(17.3, 24.9, 4) == [18.0, 20.0, 22.0, 24.0]
    assert round_ticks(-1.0, 1.0, 2) == [-1.0, 1.0]


@pytest.mark.parametrize(
    ("ticks", "labels"),
    [
        ([0.0, 0.5, 1.0], ["0.0", "0.5", "1.0"]),
        ([18.0, 20.0], ["18", "20"]),
        ([0.0, 5e-5, 1e-4], ["0", "0.5e-4", "1e-4"]),
        ([0.0, 20_000.0, 40_000.0], ["0", "20k", "40k"]),
        ([0.02, 0.04], ["0.02", "0.04"]),
        ([1e6, 1_000_002.0, 1_000_004.0], ["1e6", "1.000002e6", "1.000004e6"]),
        ([5.0], ["5"]),
        ([], []),
    ],
)
def test_tick_labels(ticks: list[float], labels: list[str]) -> None:
    assert tick_labels(ticks) == labels


@given(st.floats(-1e100, 1e100), st.floats(1e-90, 1e100), st.integers(2, 12))
def test_there_are_two_ticks_at_least_and_never_too_many(low: float, span: float, most: int) -> None:
    high = low + max(span, 1e-8 * abs(low))
    ticks = round_ticks(low, high, most)
    assert 2 <= len(ticks) <= most
    assert ticks == sorted(set(ticks))


def test_thinning_keeps_the_extremes_and_both_ends() -> None:
    values = np.sin(np.arange(100_000) / 900)
    values[[31_416, 77_777]] = 9.0, -9.0
    values[50_000] = math.nan
    thinned = thin(Curve(np.arange(100_000.0), values), columns=60, start=0, end=100_000)
    assert len(thinned) <= 2 * 60 + 2
    assert (thinned.values.max(), thinned.values.min()) == (9.0, -9.0)
    assert (thinned.steps[0], thinned.steps[-1]) == (0.0, 99_999.0)
    assert np.isfinite(thinned.values).all()


def test_a_curve_that_grows_keeps_its_thinned_points() -> None:
    values = np.random.default_rng(0).standard_normal(2000)
    before = thin(Curve(np.arange(1500.0), values[:1500]), columns=40, start=0, end=2000)
    after = thin(Curve(np.arange(1600.0), values[:1600]), columns=40, start=0, end=2000)
    settled = before.steps < 1450
    np.testing.assert_array_equal(after.steps[: settled.sum()], before.steps[settled])


def test_a_chart_that_grows_changes_only_at_its_end() -> None:
    values = np.sin(np.arange(1700.0) / 40)
    drawings = []
    for length in (1610, 1640):
        grown = Curve(np.arange(float(length)), values[:length])
        drawings.append(draw(ChartPlan("loss", (Line("", grown, RUN_STYLES[0]),)), 80, 12).text.split("\n"))
    differing = {
        x
        for before, after in zip(*drawings, strict=True)
        for x, (old, new) in enumerate(zip(before, after, strict=True))
        if old != new
    }
    assert differing
    assert max(differing) - min(differing) <= 3


def test_a_short_curve_is_not_thinned() -> None:
    assert thin(curve([1.0, math.inf, 3.0]), columns=10, start=0, end=2).values.tolist() == [1.0, 3.0]


numbers = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, -0.0, 5e-324, 1.7e308]))


@settings(deadline=None, max_examples=150)
@given(
    st.lists(st.lists(numbers, max_size=300), min_size=1, max_size=3),
    st.lists(numbers, max_size=2),
    st.integers(1, 90),
    st.integers(1, 30),
)
def test_no_value_and_no_size_breaks_a_chart(
    values: list[list[float]], levels: list[float], width: int, height: int
) -> None:
    lines = tuple(Line("line", curve(item), style) for item, style in zip(values, RUN_STYLES, strict=False))
    plan = ChartPlan("title", lines, tuple(Level("level", level, "─") for level in levels), note="note")
    rows = draw(plan, width, height).text.rstrip("\n").split("\n")
    assert len(rows) <= height
    assert max(map(len, rows)) <= max(width, 1)


def test_a_chart_is_as_large_as_its_place_whatever_the_terminal_is_taken_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    plan = ChartPlan("PSNR", (Line("run", curve([20.0, 30.0]), RUN_STYLES[0]),))
    rows = draw(plan, 150, 40).text.splitlines()
    assert len(rows) == 40
    assert len(rows[-2]) == 150  # the axis


@pytest.mark.parametrize("width", [22, 25, 40, 80])
@pytest.mark.parametrize("steps", [9, 60, 900])
def test_an_axis_has_two_numbers_at_least_and_its_name(width: int, steps: int) -> None:
    plan = ChartPlan("beta", (Line("", curve([1.0] * steps), RUN_STYLES[0]),))
    numbers = draw(plan, width, 10).text.splitlines()[-1].split()
    assert len(numbers) >= 3
    assert numbers[-1] == "step"


def test_a_fault_is_marked_at_its_step() -> None:
    broken = curve([1.0] * 50 + [math.nan] + [2.0] * 49)
    drawing = draw(ChartPlan("loss", (Line("", broken, RUN_STYLES[0]),)), 60, 12).text
    top = drawing.split("\n")[1]
    canvas_start = LABEL_WIDTH + 1
    middle = canvas_start + (60 - canvas_start - 1) * 50 / 99
    assert abs(top.index("✕") - middle) <= 1
    assert drawing.count("┊") == 12 - 1 - 2 - 1  # all rows of the canvas but the one with the cross


def test_a_curve_of_faults_alone_is_marked_too() -> None:
    assert "✕" in draw(ChartPlan("loss", (Line("", curve([math.nan] * 5), RUN_STYLES[0]),)), 60, 12).text


def test_curves_that_share_a_chart_carry_their_signs() -> None:
    lines = tuple(Line(name, curve([1.0] * 300), style) for name, style in zip("ab", RUN_STYLES, strict=False))
    body = draw(ChartPlan("loss", lines), 80, 12).text.split("\n", 1)[1]
    assert "●" in body
    assert "▲" in body


def test_a_runs_curve_lies_over_the_baselines() -> None:
    """Where a run falls to a baseline is what one looks for."""
    lines = (Line("run", curve([20.0] * 300), RUN_STYLES[0]), Line("f", curve([20.0] * 300), BASELINE_STYLES[0]))
    rows = draw(ChartPlan("PSNR", lines), 80, 12).rows[1:]
    drawn = [span.style for row in rows for span in row.spans if "⠒" in row.plain[span.start : span.end]]
    assert {style.foreground for style in drawn if isinstance(style, Style)} == {Color(*RUN_STYLES[0].colour)}


def test_an_empty_chart_says_what_it_waits_for() -> None:
    assert "nothing logged yet" in draw(ChartPlan("loss"), 60, 12).text


@pytest.mark.parametrize(("width", "height"), [(60, 3), (60, 4), (15, 12)])
def test_a_chart_without_room_says_so(width: int, height: int) -> None:
    plan = ChartPlan("loss", (Line("", curve([1.0] * 9), RUN_STYLES[0]),))
    assert "too small a pla" in draw(plan, width, height).text


def test_a_runs_charts_name_the_guilty_term_and_the_baselines() -> None:
    builder = HistoryBuilder()
    builder.extend([step_record(0), step_record(120, loss=math.nan, kl=math.nan), validation_record(120, psnr=24.5)])
    charts = run_charts(RunSnapshot("id", None, Status("failed"), builder.snapshot()))
    assert charts["loss"].note == "NaN at step 120 (kl)"
    assert charts["kl"].note == "NaN at step 120 (kl)"
    assert charts["mse"].note == ""
    assert head(charts["psnr"], 60)[0].plain == "PSNR 24.5 dB  ─ first 21.2 ╌ mean 18.8"
    assert [(level.label, level.value) for level in charts["psnr"].levels] == [
        ("first 21.2", 21.25),
        ("mean 18.8", 18.75),
    ]


def test_planned_schedules_are_the_engines_own_whatever_the_number_of_epochs() -> None:
    settings = RunSettings(
        epochs=70, teacher_forcing=1.0, teacher_forcing_decay_start=10, lr_schedule="constant", lr=0.5
    )
    charts = planned_charts(settings)
    forcing = charts["tfr"].lines[0].curve
    for epoch, value in zip(forcing.steps, forcing.values, strict=True):
        assert value == teacher_forcing_ratio(int(epoch), 1.0, 10, settings.teacher_forcing_decay_step)
    assert set(charts["lr"].lines[0].curve.values) == {0.5}
    for epochs in (1, 2, 100_000):
        curve = planned_charts(RunSettings(epochs=epochs, schedule_interval="step"))["lr"].lines[0].curve
        assert 0 < len(curve) <= 600
        assert curve.steps[-1] < epochs


def test_planned_charts_show_the_ramp_and_the_warm_up() -> None:
    """Of 60 epochs in 2 cycles, drawn at 10 steps each: half a cosine over 30 epochs, twice; a rate rising for 6."""
    charts = planned_charts(
        RunSettings(
            epochs=60,
            kl_annealing="cyclical",
            kl_cycles=2,
            kl_ramp="cosine",
            lr=0.5,
            lr_schedule="constant",
            lr_warmup=6.0,
        )
    )
    beta, rate = charts["beta"].lines[0].curve, charts["lr"].lines[0].curve
    expected = [(1 - math.cos(math.pi * (int(epoch) % 30) / 29)) / 2 for epoch in beta.steps]
    assert beta.values == pytest.approx(expected, abs=1e-9)
    assert rate.values == pytest.approx(np.minimum(0.5, 0.5 * (10 * rate.steps + 1) / 60))


def test_charts_share_their_drawing_time() -> None:
    pacer = Pacer(least_rest({}))
    pacer.spend(100.0, 0.001)
    assert pacer.resting_until == 100.5
    pacer.spend(200.0, 0.05)
    assert pacer.resting_until == pytest.approx(201.6)
    pacer.spend(200.0, 0.05)
    assert pacer.resting_until == pytest.approx(203.2)
    pacer.spend(300.0, 0.05)
    assert pacer.resting_until == pytest.approx(301.6)
    for _ in range(100):  # as keys ask for them, one after the other
        pacer.spend(400.0, 0.05)
    assert pacer.resting_until == 405.0


class ChartApp(App[None]):
    """Charts that show nothing yet."""

    def __init__(self, count: int = 1) -> None:
        super().__init__()
        self._count = count

    def compose(self) -> ComposeResult:
        yield from (Chart(ChartPlan("first")) for _ in range(self._count))


async def test_a_chart_rests_after_a_drawing_and_not_after_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Chart, "_pacer", Pacer(least_rest=1e6))
    drawn = ChartPlan("second", (Line("run", curve([1.0, 2.0]), RUN_STYLES[0]),))
    app = ChartApp()
    async with app.run_test(size=(60, 12)) as pilot:
        chart = app.query_one(Chart)
        await until(pilot, lambda: "first" in chart.text)
        chart.show(drawn)
        await until(pilot, lambda: "second" in chart.text)
        chart.show(replace(drawn, title="third"))
        assert chart._due is not None
        assert chart._due.when() > asyncio.get_running_loop().time() + 1e5
        chart.show(replace(drawn, title="fourth"), at_once=True)
        await until(pilot, lambda: "fourth" in chart.text)
        chart.styles.height = 6  # as when it is made large or small again
        await until(pilot, lambda: len(chart.text.splitlines()) == 6)


async def test_a_chart_whose_rest_is_over_in_an_instant_draws_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    app = ChartApp()
    async with app.run_test(size=(60, 12)) as pilot:
        chart = app.query_one(Chart)
        await until(pilot, lambda: "first" in chart.text)
        clock = time.monotonic()
        monkeypatch.setattr(chart._pacer, "resting_until", clock + 1e-9)
        with monkeypatch.context() as stopped:  # so that the rest is not over when it is looked at
            stopped.setattr(
                chart_module, "time", SimpleNamespace(monotonic=lambda: clock, thread_time=time.thread_time)
            )
            chart.show(ChartPlan("second"))
        await until(pilot, lambda: "second" in chart.text)


async def test_charts_that_are_due_are_drawn_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Chart, "_pacer", Pacer(least_rest=0.0))
    app = ChartApp(count=3)
    async with app.run_test(size=(60, 36)) as pilot:
        charts = list(app.query(Chart))
        await until(pilot, lambda: all("first" in chart.text for chart in charts))
        workers = []
        monkeypatch.setattr(app.workers, "add_worker", lambda worker, **_: workers.append(worker))
        for chart in charts:
            chart.show(ChartPlan("second", (Line("run", curve([1.0, 2.0]), RUN_STYLES[0]),)))
        await until(pilot, lambda: workers)
        await pilot.pause()
        assert len(workers) == 1
        assert all(chart._drawing for chart in charts)


@pytest.mark.parametrize(
    ("before", "after", "first", "width"),
    [
        (Content("loss 1.25"), Content("loss 1.25"), 0, 0),
        (Content("loss 1.25"), Content("loss 1.75"), 7, 1),
        (Content("ab cd", [Span(0, 2, "red")]), Content("ab cx", [Span(0, 1, "red"), Span(1, 2, "blue")]), 1, 4),
        (Content("ab", [Span(0, 2, "red")]), Content("ab", [Span(0, 1, "red"), Span(1, 2, "red")]), 0, 0),
        (Content("舞 1"), Content("舞 2"), 0, 4),
    ],
)
def test_what_is_sent_of_a_row_covers_characters_and_colours_that_differ(
    before: Content, after: Content, first: int, width: int
) -> None:
    assert chart_module._differing(before, after) == (first, width)
