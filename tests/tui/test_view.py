"""How charts are looked at, against values worked out by hand: averages, axes, windows, logarithms, the cursor."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.fake_runs import step_record
from vidpred_engine.curve import Curve, thin_between, within
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.status import Status
from vidpred_tui.charts.canvas import LABEL_WIDTH
from vidpred_tui.charts.drawing import draw
from vidpred_tui.charts.head import head
from vidpred_tui.charts.plan import ChartPlan, Level, Line, seen
from vidpred_tui.charts.planned_charts import Course, planned_course
from vidpred_tui.charts.ruler import STEPS, epoch_ruler, time_ruler
from vidpred_tui.charts.run_charts import run_charts
from vidpred_tui.charts.smoothing import smoothed
from vidpred_tui.charts.ticks import log_labels, log_ticks
from vidpred_tui.charts.view import SMOOTHINGS, WHOLE, View
from vidpred_tui.formatting import metric
from vidpred_tui.history import HistoryBuilder
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.theme import RUN_STYLES
from vidpred_tui.widgets.pacer import least_rest

WIDTH, HEIGHT = 80, 16


def curve(values: list[float], steps: list[float] | None = None) -> Curve:
    return Curve(np.array(steps if steps is not None else range(len(values)), float), np.array(values, float))


def chart(values: Curve, view: View = WHOLE, **more: object) -> list[str]:
    """The rows of a drawn chart of one curve."""
    plan = ChartPlan("loss", (Line("", values, RUN_STYLES[0]),), figure=metric, **more)  # type: ignore[arg-type]
    return draw(seen(plan, view, STEPS), WIDTH, HEIGHT).text.split("\n")


# Averages.


def test_an_average_is_tensorboards_by_hand() -> None:
    """0.6: 1; (0.6*1 + 2) / 1.6; (0.36*1 + 0.6*2 + 4) / 1.96."""
    average = smoothed(curve([1.0, 2.0, 4.0]), 0.6, np.arange(3.0))
    assert average.steps.tolist() == [0, 1, 2]
    assert average.values == pytest.approx([1.0, 2.6 / 1.6, 5.56 / 1.96])


def test_an_average_passes_over_what_is_not_finite() -> None:
    average = smoothed(curve([1.0, math.nan, 2.0, math.inf, 4.0]), 0.6, np.arange(5.0))
    assert average.steps.tolist() == [0, 2, 4]
    assert average.values == pytest.approx([1.0, 2.6 / 1.6, 5.56 / 1.96])


@pytest.mark.parametrize("factor", [factor for factor in SMOOTHINGS if factor])
def test_an_average_in_the_midst_of_many_equals_the_recursion_over_all(factor: float) -> None:
    values = np.random.default_rng(0).standard_normal(5000).cumsum()
    mean, expected = 0.0, []
    for number, value in enumerate(values, start=1):
        mean = factor * mean + (1 - factor) * value
        expected.append(mean / (1 - factor**number))
    at = np.array([0, 1, 17, 1374, 1375, 4321, 4999])
    average = smoothed(Curve(np.arange(5000.0), values), factor, at.astype(float))
    assert average.values == pytest.approx(np.array(expected)[at], abs=1e-4)


def test_smoothing_draws_an_average_and_leaves_the_extremes_in_sight() -> None:
    """A constant with one spike: the spike's column is shaded from top to bottom, the line stays at the constant."""
    values = [1.0] * 1000
    values[500] = 100.0
    rows = chart(curve(values), View(smoothing=0.99))
    columns = [x for x in range(WIDTH) if sum(row[x : x + 1] == "░" for row in rows) > HEIGHT // 2]
    middle = LABEL_WIDTH + 1 + (WIDTH - LABEL_WIDTH - 1) * 500 / 1000
    assert len(columns) == 1
    assert abs(columns[0] - middle) <= 2
    assert any(sum("⠀" < cell <= "⣿" for cell in row) > WIDTH / 2 for row in rows[-5:])


@pytest.mark.parametrize("window", [(101.0, 104.0), (99.0, 203.0), (250.0, 490.0)])
def test_an_average_goes_on_to_the_edges_of_a_window(window: tuple[float, float]) -> None:
    """Records at each fifth step, and a window that none of its edges fits, or that holds none at all."""
    steps = [5.0 * index for index in range(100)]
    rows = chart(curve([1.0] * 100, steps), View(window=window, smoothing=0.9))
    line = next(row for row in rows[1:] if sum("⠀" < cell <= "⣿" for cell in row) > 9)
    assert sum("⠀" < cell <= "⣿" for cell in line) == WIDTH - LABEL_WIDTH - 1


# The horizontal axis.


def test_an_epoch_is_told_between_its_first_steps() -> None:
    """Two epochs of 5 steps, then of 20."""
    ruler = epoch_ruler(curve([0, 1, 2, 3], [0, 5, 10, 30]))
    assert ruler.places(np.array([0.0, 2.5, 5.0, 10.0, 20.0, 30.0])).tolist() == [0, 0.5, 1, 2, 2.5, 3]
    assert ruler.steps(np.array([0.5, 2.5])).tolist() == [2.5, 20.0]


@pytest.mark.parametrize(
    ("span", "name", "middle"),
    [(100.0, "s", 50.0), (3600.0, "min", 30.0), (36_000.0, "h", 5.0), (8.64e5, "days", 5.0)],
)
def test_time_is_told_in_a_unit_that_suits_it(span: float, name: str, middle: float) -> None:
    ruler = time_ruler(curve([1.7e9, 1.7e9 + span / 2, 1.7e9 + span], [0, 10, 40]))
    assert ruler.name == name
    assert ruler.places(np.array([0.0, 10.0, 40.0])) == pytest.approx([0.0, middle, 2 * middle])
    assert ruler.steps(np.array([middle])) == pytest.approx([10.0])
    assert not ruler.foresees


def test_axes_that_the_run_cannot_tell_are_steps() -> None:
    assert epoch_ruler(Course().epochs) is STEPS
    assert time_ruler(curve([5.0, 5.0])) is STEPS
    assert time_ruler(curve([])) is STEPS


def test_a_clock_that_is_set_back_stands_still() -> None:
    builder = HistoryBuilder()
    builder.extend(
        [{"kind": "step", "step": step, "loss": 1.0, "time": float(at)} for step, at in enumerate([5, 9, 7])]
    )
    builder.extend([{"kind": "step", "step": step, "loss": 1.0, "time": float(at)} for step, at in [(3, 8), (4, 12)]])
    builder.extend([{"kind": "step", "step": 5, "loss": 1.0}])
    clock = builder.snapshot().clock
    assert clock.steps.tolist() == [0, 1, 2, 3, 4]
    assert clock.values.tolist() == [5, 9, 9, 9, 12]


@pytest.mark.parametrize("axis", ["step", "epoch", "time"])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("window", [None, (100.0, 140.0)])
def test_a_fault_is_marked_at_its_step_whatever_the_view(
    axis: str, log: bool, window: tuple[float, float] | None
) -> None:
    builder = HistoryBuilder()
    records = [step_record(step, kl=math.nan if step == 120 else 2.0, time=10.0 * step) for step in range(200)]
    builder.extend(records)
    course = planned_course(RunSettings(epochs=4), 200, None)
    snapshot = RunSnapshot("id", None, Status("running"), builder.snapshot())
    view = View(axis=axis, log=log, window=window)  # type: ignore[arg-type]
    drawing = draw(run_charts(snapshot, course, view)["kl"], WIDTH, HEIGHT)
    rows, canvas = drawing.text.split("\n"), drawing.canvas
    assert rows[0] == "KL 2  NaN at step 120 (kl)"
    assert canvas is not None
    first, last = window or (0.0, 200.0)
    expected = canvas.left + (canvas.columns - 1) * (120 - first) / (last - first)
    assert abs(rows[1].index("✕") - expected) <= 1.5
    assert canvas.step(rows[1].index("✕")) == pytest.approx(120, abs=(last - first) / 60)


def test_a_fault_out_of_sight_is_told_and_not_marked() -> None:
    broken = curve([1.0] * 50 + [math.nan] + [2.0] * 49)
    rows = chart(broken, View(window=(60.0, 90.0)), note="NaN at step 50")
    assert rows[0].endswith("NaN at step 50")
    assert not any("✕" in row for row in rows)


# Windows.


def test_zooming_halves_what_is_seen_about_a_step_and_leads_back() -> None:
    whole = (0.0, 1000.0)
    nearer = WHOLE.zoomed(2, whole, whole, about=200.0)
    assert nearer.window == (100.0, 600.0)
    assert nearer.window is not None
    again = nearer.zoomed(2, nearer.window, whole)
    assert again.window == (225.0, 475.0)
    assert nearer.zoomed(0.5, nearer.window, whole).window is None
    assert WHOLE.zoomed(1e9, whole, whole, about=999.0).window == pytest.approx((995.004, 999.004), abs=0.01)


def test_panning_stops_at_the_ends() -> None:
    view, whole = View(window=(100.0, 500.0)), (0.0, 1000.0)
    assert view.window is not None
    assert view.panned(0.25, view.window, whole).window == (200.0, 600.0)
    assert view.panned(-0.5, view.window, whole).window == (0.0, 400.0)
    assert view.panned(9, view.window, whole).window == (600.0, 1000.0)
    assert WHOLE.panned(1, whole, whole) is WHOLE


@pytest.mark.parametrize(
    ("last", "newest", "window"),
    [
        (480.0, 490.0, (100.0, 500.0)),  # still in sight
        (480.0, 500.5, (150.0, 550.0)),  # by an eighth of 400
        (500.0, 560.0, (200.0, 600.0)),
        (500.0, 2000.0, (1600.0, 2000.0)),
        (501.0, 560.0, (100.0, 500.0)),  # looked at what is past
        (90.0, 560.0, (100.0, 500.0)),  # looked at what is to come
    ],
)
def test_a_window_follows_a_run_whose_end_was_in_sight(last: float, newest: float, window: tuple[float, float]) -> None:
    assert View(window=(100.0, 500.0)).followed(last, newest).window == window
    assert WHOLE.followed(last, newest) is WHOLE


def test_a_view_is_plain_values_and_its_place_belongs_to_one_run() -> None:
    view = View("a", (1.0, 2.0), "time", True, 0.9, 7.0, "loss kl")
    told = json.loads(json.dumps(dataclasses.asdict(view)))
    assert View(**{**told, "window": tuple(told["window"])}) == view
    assert view.of_run("a") is view
    assert view.of_run("b") == View("b", None, "time", True, 0.9, None, "loss kl")
    assert view.words == ["cursor 7", "steps 1-2", "time axis", "log y", "EMA 0.9"]
    assert [WHOLE.smoothed(by).smoothing for by in (1, 2, 3, 4, -1)] == [0.6, 0.9, 0.99, 0.0, 0.99]
    assert WHOLE.next_axis().next_axis().next_axis() == WHOLE


def test_what_is_seen_is_cut_at_straight_lines_to_its_neighbours() -> None:
    part = within(curve([0.0, 10.0, 30.0, 10.0], [0, 10, 20, 30]), 5.0, 25.0)
    assert part.steps.tolist() == [5, 10, 20, 25]
    assert part.values.tolist() == [5, 10, 30, 20]
    assert within(curve([0.0, 10.0], [0, 10]), 4.0, 6.0).values.tolist() == [4, 6]
    assert len(within(curve([0.0, 10.0], [0, 10]), 20.0, 30.0)) == 0


def test_the_resolution_follows_the_zoom() -> None:
    """A spike of one step among a million, and ten steps before it another: seen apart only from near."""
    values = np.zeros(1_000_000)
    values[[400_000, 400_010]] = 1.0, 2.0
    curve_ = Curve(np.arange(1e6), values)
    near = thin_between(curve_, np.linspace(399_990, 400_020, 61))
    assert near.steps.tolist() == list(range(399_990, 400_021)), "every step of what is seen"
    far = thin_between(curve_, np.linspace(0, 1e6, 61))
    assert len(far) <= 122
    rows = chart(curve_, View(window=(399_990.0, 400_020.0)))
    assert sum(any("⠀" < row[x] <= "⣿" for row in rows[1:5] if x < len(row)) for x in range(WIDTH)) >= 2


# The logarithmic axis.


def test_logarithmic_ticks_are_powers_of_ten() -> None:
    assert log_ticks(1e-3, 10.0, 5) == pytest.approx([1e-3, 1e-2, 1e-1, 1.0, 10.0])
    assert log_ticks(1e-6, 1e2, 4) == pytest.approx([1e-6, 1e-3, 1.0])
    assert log_ticks(0.5, 200.0, 5) == pytest.approx([1.0, 10.0, 100.0])
    assert log_ticks(2.0, 9.0, 4) == [2.0, 4.0, 6.0, 8.0]
    assert log_labels([1e-6, 0.001, 1.0, 100.0]) == ["1e-6", "0.001", "1", "100"]


@given(st.floats(-90, 90), st.floats(0.01, 180), st.integers(2, 12))
def test_there_are_two_logarithmic_ticks_at_least_and_never_too_many(low: float, span: float, most: int) -> None:
    ticks = log_ticks(10.0**low, 10.0 ** (low + span), most)
    assert 2 <= len(ticks) <= most
    assert ticks == sorted(set(ticks))
    assert min(ticks) > 0


def test_logarithmic_labels_are_short_and_true() -> None:
    assert log_labels([0.001, 1.0, 1e6]) == ["0.001", "1", "1e6"]
    assert log_labels([100.5, 101.0]) == ["100.5", "101"]
    assert log_labels([1234.0, 1236.0, 1238.0]) == ["1234", "1236", "1238"]


def test_a_logarithmic_axis_leaves_out_what_it_has_no_place_for_and_says_so() -> None:
    rows = chart(curve([100.0, 10.0, 0.0, -5.0, 1.0, math.nan, 0.1]), View(log=True))
    assert rows[0] == "loss 0.1  2 values ≤ 0 left out"
    labels = [row[:LABEL_WIDTH].strip() for row in rows if row[LABEL_WIDTH : LABEL_WIDTH + 1] == "┤"]
    assert labels == ["100", "10", "1", "0.1"]
    heights = [next(y for y, row in enumerate(rows) if row.startswith(f"{label:>{LABEL_WIDTH}}┤")) for label in labels]
    assert max(np.diff(heights)) - min(np.diff(heights)) <= 1, "powers of ten are evenly spaced"
    assert "1 value ≤ 0 left out" in chart(curve([1.0, 0.0, 2.0]), View(log=True))[0]
    assert "left out" not in chart(curve([1.0, 0.0, 2.0]), View(log=True, window=(2.0, 9.0)))[0]


def test_a_chart_without_a_positive_value_says_that_there_is_nothing_to_show() -> None:
    text = "\n".join(chart(curve([0.0, -1.0]), View(log=True)))
    assert "2 values ≤ 0 left out" in text
    assert "nothing to show here" in text


numbers = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([0.0, -0.0, 5e-324, 1.7e308]))


@settings(deadline=None, max_examples=150)
@given(
    st.lists(numbers, max_size=120),
    st.sampled_from([0.0, 0.6, 0.99]),
    st.booleans(),
    st.one_of(st.none(), st.tuples(st.floats(-50, 200), st.floats(0.1, 300))),
    st.sampled_from(["step", "epoch", "time"]),
    st.integers(1, 90),
    st.integers(1, 30),
)
def test_no_value_no_view_and_no_size_breaks_a_chart(
    values: list[float],
    smoothing: float,
    log: bool,
    window: tuple[float, float] | None,
    axis: str,
    width: int,
    height: int,
) -> None:
    span = None if window is None else (window[0], window[0] + window[1])
    ruler = {
        "step": STEPS,
        "epoch": epoch_ruler(curve([0, 1, 2], [0, 50, 100])),
        "time": time_ruler(curve([0, 1, 1, 9], [0, 30, 60, 90])),
    }[axis]
    planned = curve(values[::-1], [200.0 + step for step in range(len(values))])
    lines = (Line("a", curve(values), RUN_STYLES[0], planned), Line("b", curve(values[:3]), RUN_STYLES[1]))
    plan = seen(
        ChartPlan("title", lines, (Level("level", 0.0, "─"),), (0.0, 0.0)),
        View("", span, "step", log, smoothing),
        ruler,
    )
    drawing = draw(plan, width, height)
    rows = drawing.text.rstrip("\n").split("\n")
    assert len(rows) <= height
    assert max(map(len, rows)) <= max(width, 1)
    if drawing.canvas is not None:
        assert math.isfinite(drawing.canvas.step(3))
        drawing.canvas.column(50.0)


# Values at the cursor.


def test_titles_tell_the_value_logged_nearest_to_the_cursor() -> None:
    logged = curve([4.0, 3.0, math.nan, 1.0], [0, 10, 20, 30])
    plan = ChartPlan("loss", (Line("", logged, RUN_STYLES[0]),), figure=metric)
    found = {cursor: head(plan, 40, cursor)[0].plain for cursor in (None, -5.0, 4.0, 6.0, 19.0, 31.0)}
    assert found == {
        None: "loss 1",
        -5.0: "loss 4",
        4.0: "loss 4",
        6.0: "loss 3",
        19.0: "loss NaN",
        31.0: "loss 1",
    }
    both = ChartPlan("both", (Line("a", logged, RUN_STYLES[0]), Line("b", curve([7.0]), RUN_STYLES[1])), figure=metric)
    assert head(both, 40, 9.0)[0].plain == "both  ● a 3 ▲ b 7"


def test_a_step_and_its_column_find_each_other() -> None:
    canvas = draw(ChartPlan("loss", (Line("", curve([1.0] * 100), RUN_STYLES[0]),)), WIDTH, HEIGHT).canvas
    assert canvas is not None
    for column in range(canvas.left, WIDTH):
        assert canvas.column(canvas.step(column)) == column
    assert canvas.column(-50.0) is None
    assert canvas.column(500.0) is None


def test_charts_rest_twice_as_long_over_ssh() -> None:
    assert least_rest({}) == 0.5
    assert least_rest({"SSH_CONNECTION": "10.0.0.1 50000 10.0.0.2 22"}) == 1.0
