"""Drawing a chart plan with plotext, in any thread: what comes out is text ready for a widget.

plotext sees numbers between 0 and 1 only. Infinities, and zero on a log axis, raise inside it and would take the whole
program down, and so would a range that overflows; scaling here leaves it nothing to stumble over.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text
from textual.content import Content
from textual_plotext import Plot

from vidpred_engine.curve import Floats, thin
from vidpred_tui.charts.plan import ChartPlan, Level, Line
from vidpred_tui.charts.ticks import round_ticks, tick_labels
from vidpred_tui.theme import AXIS, BASELINE, FAULT

LABEL_WIDTH = 6
SMALLEST_WIDTH, SMALLEST_HEIGHT = 16, 4
AXIS_ROWS = 2
LARGEST_VALUE = 1e100
# Signs stand this many columns apart on curves that share a chart.
SIGN_SPACING = 12
# The step axis ends at a multiple of a 16th to a 32nd of its length.
AXIS_PARTS = 16
POINT = "•"


def draw(plan: ChartPlan, width: int, height: int) -> Content:
    """Draw a chart of `width` by `height` cells: its title and legend above, then the canvas."""
    head = _head(plan, width)[: max(1, height - SMALLEST_HEIGHT)]
    canvas_height = height - len(head)
    if width < SMALLEST_WIDTH or canvas_height < SMALLEST_HEIGHT:
        return Content("\n").join(head)
    canvas = canvas_of(plan, width, height)
    if canvas is None:
        body = Content("\n" * (canvas_height // 2)) + Content.styled(
            plan.empty[:width].center(width), "$foreground-muted"
        )
    else:
        body = Content.from_rich_text(Text.from_ansi(_canvas(plan, canvas, width)))
    return Content("\n").join([*head, body])


def _head(plan: ChartPlan, width: int) -> list[Content]:
    """The title row with the note, and the legend on the same row where it fits, else on rows below."""
    title = Content.styled(plan.title, "bold")
    if plan.note:
        title = title + Content.styled(f"  {plan.note}", "bold $text-error")
    entries = [_entry(line.style.sign, line.label, line.style.hex) for line in plan.lines if line.label]
    entries += [_entry(level.character, level.label, "$foreground-muted") for level in plan.levels]
    rows = [title]
    for index, entry in enumerate(entries):
        gap = Content("  " if index == 0 else " ")
        if rows[-1].cell_length + gap.cell_length + entry.cell_length <= width:
            rows[-1] = rows[-1] + gap + entry
        else:
            rows.append(entry)
    return [row.truncate(width, ellipsis=True) for row in rows]


def _entry(sign: str, label: str, colour: str) -> Content:
    return Content.styled(sign, colour) + Content(f" {label}")


@dataclass(frozen=True)
class Canvas:
    """Where on a drawing the curves are, in cells, and what it shows of steps [start, end] and values [low, high]."""

    start: float
    end: float
    low: float
    high: float
    left: int
    top: int
    columns: int
    rows: int

    def x(self, steps: Floats) -> list[float]:
        """Steps as shares of the width."""
        return ((steps - self.start) / (self.end - self.start)).tolist()  # type: ignore[no-any-return]

    def y(self, values: Floats) -> list[float]:
        """Values as shares of the height."""
        return ((_bounded(values) - self.low) / (self.high - self.low)).tolist()  # type: ignore[no-any-return]

    def column(self, step: float) -> int:
        """The drawing's column in which a step is."""
        share = (step - self.start) / (self.end - self.start)
        return self.left + round(min(max(share, 0.0), 1.0) * (self.columns - 1))


def canvas_of(plan: ChartPlan, width: int, height: int) -> Canvas | None:
    """The canvas of `draw`; None where there is no room for one, or nothing to draw."""
    top = len(_head(plan, width)[: max(1, height - SMALLEST_HEIGHT)])
    rows = height - top - AXIS_ROWS
    if width < SMALLEST_WIDTH or rows + AXIS_ROWS < SMALLEST_HEIGHT or not any(len(line.curve) for line in plan.lines):
        return None
    low, high = _range(plan)
    left = 1 + max(map(len, _value_labels(round_ticks(low, high, _most_ticks(rows)))))
    return Canvas(*_steps(plan), low, high, left, top, max(1, width - left), rows)


def _most_ticks(rows: int) -> int:
    return max(2, rows // 3)


def _value_labels(ticks: list[float]) -> list[str]:
    return [label.rjust(LABEL_WIDTH) for label in tick_labels(ticks)]


def _canvas(plan: ChartPlan, canvas: Canvas, width: int) -> str:
    """The canvas with its axes as plotext builds it, coloured by escape codes."""
    ticks = round_ticks(canvas.low, canvas.high, _most_ticks(canvas.rows))
    plot = Plot()
    plot.plotsize(width, canvas.rows + AXIS_ROWS)
    plot.canvas_color("default")
    plot.axes_color("default")
    plot.ticks_color(AXIS)
    plot.xaxes(True, False)
    plot.yaxes(True, False)
    plot.xlim(0, 1)
    plot.ylim(0, 1)
    plot.yticks(canvas.y(np.array(ticks)), _value_labels(ticks))
    plot.xticks(*_step_ticks(plan.x_label, canvas))
    for level in plan.levels:
        _add_level(plot, level, canvas)
    _add_lines(plot, plan.lines, canvas)
    for line in plan.lines:
        _add_faults(plot, line.curve.faults, canvas)
    return str(plot.build())


def _step_ticks(name: str, canvas: Canvas) -> tuple[list[float], list[str]]:
    """Places and labels of the step axis, which ends with its name."""
    most = max(2, canvas.columns // 10)
    room = canvas.end - (canvas.end - canvas.start) * (len(name) + 3) / canvas.columns
    ticks = [tick for tick in round_ticks(canvas.start, canvas.end, most) if tick == int(tick) and tick < room]
    return canvas.x(np.array([*ticks, canvas.end])), [*tick_labels(ticks), name]


def _add_level(plot: Plot, level: Level, canvas: Canvas) -> None:
    if np.isfinite(level.value):
        x = (np.arange(canvas.columns) / max(canvas.columns - 1, 1)).tolist()
        plot.scatter(x, canvas.y(np.full(canvas.columns, level.value)), marker=level.character, color=BASELINE)


def _add_lines(plot: Plot, lines: Sequence[Line], canvas: Canvas) -> None:
    """Braille lines, then signs over all of them: few points are each marked, shared charts carry signs along.

    A line whose style has no sign, as the edge of a band has none, stays without.
    """
    drawn = [line for line in lines if len(line.curve.finite)]
    curves = [thin(line.curve, canvas.columns, canvas.start, canvas.end) for line in drawn]
    for line, curve in zip(drawn, curves, strict=True):
        plot.plot(canvas.x(curve.steps), canvas.y(curve.values), marker="braille", color=line.style.colour)
    signed = [(line, curve) for line, curve in zip(drawn, curves, strict=True) if line.style.sign]
    for index, (line, curve) in enumerate(signed):
        sign = POINT if len(lines) == 1 else line.style.sign
        if len(curve) <= canvas.columns // 4:
            turns = slice(index % len(curve), None, len(signed))  # curves that lie on each other take turns
            x, y = canvas.x(curve.steps[turns]), canvas.y(curve.values[turns])
            plot.scatter(x, y, marker=sign, color=line.style.colour)
        elif len(lines) > 1:
            apart = (canvas.end - canvas.start) * SIGN_SPACING / canvas.columns
            at = np.arange(curve.steps[0] + apart * (0.25 + index * 0.38 % 1), curve.steps[-1], apart)
            y = canvas.y(np.interp(at, curve.steps, _bounded(curve.values)))
            plot.scatter(canvas.x(at), y, marker=sign, color=line.style.colour)


def _add_faults(plot: Plot, steps: Floats, canvas: Canvas) -> None:
    """A dotted vertical line with a cross on top at each column in which a value is not finite."""
    last_column, last_row = max(canvas.columns - 1, 1), max(canvas.rows - 1, 1)
    for at in np.unique(np.round(np.array(canvas.x(steps)) * last_column)) / last_column:
        heights = (np.arange(canvas.rows) / last_row).tolist()
        plot.scatter([float(at)] * canvas.rows, heights, marker="┊", color=FAULT)
        plot.scatter([float(at)], [1.0], marker="✕", color=FAULT)


def _bounded(values: Floats) -> Floats:
    return np.clip(values, -LARGEST_VALUE, LARGEST_VALUE)


def _steps(plan: ChartPlan) -> tuple[float, float]:
    """From the first step to a little beyond the last: an axis that moved with each step would redraw everything."""
    curves = [line.curve for line in plan.lines if len(line.curve)]
    start = min(float(curve.steps[0]) for curve in curves)
    length = max(1.0, max(float(curve.steps[-1]) for curve in curves) - start)
    unit = 2.0 ** math.floor(math.log2(length)) / AXIS_PARTS
    return start, start + math.ceil(length / unit) * unit


def _range(plan: ChartPlan) -> tuple[float, float]:
    """A range that holds all finite values, levels and the plan's bounds, with a margin; never of zero length."""
    curves = [line.curve.finite.values for line in plan.lines if len(line.curve.finite)]
    extremes = [float(extreme) for values in curves for extreme in (values.min(), values.max())]
    levels = [level.value for level in plan.levels if np.isfinite(level.value)]
    values = _bounded(np.array([*extremes, *levels, *(plan.bounds or ())]))
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    largest = max(abs(low), abs(high))
    if high - low <= 1e-9 * largest or largest < 1e-100:
        margin = largest / 2 if largest >= 1e-100 else 1.0
    else:
        margin = 0.0 if plan.bounds == (low, high) else 0.04 * (high - low)
    return low - margin, high + margin
