"""Drawing a chart plan with plotext, in any thread: what comes out is text ready for a widget.

plotext sees numbers between 0 and 1 only. Infinities, and zero on a log axis, raise inside it and would take the whole
program down, and so would a range that overflows; scaling here leaves it nothing to stumble over.
"""

import numpy as np
from rich.text import Text
from textual.content import Content
from textual_plotext import Plot

from vidpred_tui.charts.plan import ChartPlan, Level, Line
from vidpred_tui.charts.thinning import thin
from vidpred_tui.charts.ticks import round_ticks, tick_labels
from vidpred_tui.history import Curve, Floats
from vidpred_tui.theme import AXIS, BASELINE, FAULT, LineStyle

LABEL_WIDTH = 6
SMALLEST_WIDTH, SMALLEST_HEIGHT = 16, 4
LARGEST_VALUE = 1e100
# Signs stand this many columns apart on curves that share a chart.
SIGN_SPACING = 12
POINT = "•"


def draw(plan: ChartPlan, width: int, height: int) -> Content:
    """Draw a chart of `width` by `height` cells: its title and legend above, then the canvas."""
    head = _head(plan, width)[: max(1, height - SMALLEST_HEIGHT)]
    canvas_height = height - len(head)
    if width < SMALLEST_WIDTH or canvas_height < SMALLEST_HEIGHT:
        return Content("\n").join(head)
    if not any(len(line.curve) for line in plan.lines):
        body = Content("\n" * (canvas_height // 2)) + Content.styled(
            plan.empty[:width].center(width), "$foreground-muted"
        )
    else:
        body = Content.from_rich_text(Text.from_ansi(_canvas(plan, width, canvas_height)))
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


def _canvas(plan: ChartPlan, width: int, height: int) -> str:
    low, high = _range(plan)
    ticks = round_ticks(low, high, max(2, (height - 2) // 3))
    labels = [label.rjust(LABEL_WIDTH) for label in tick_labels(ticks)]
    columns = width - max(map(len, labels)) - 1
    rows = height - 2
    start, end = _steps(plan)

    plot = Plot()
    plot.plotsize(width, height)
    plot.canvas_color("default")
    plot.axes_color("default")
    plot.ticks_color(AXIS)
    plot.xaxes(True, False)
    plot.yaxes(True, False)
    plot.xlim(0, 1)
    plot.ylim(0, 1)
    plot.yticks(_scaled(np.array(ticks), low, high).tolist(), labels)
    step_ticks = [tick for tick in round_ticks(start, end, max(2, columns // 10)) if tick == int(tick)]
    plot.xticks(_scaled(np.array([*step_ticks, end]), start, end).tolist(), [*tick_labels(step_ticks), plan.x_label])

    for level in plan.levels:
        _add_level(plot, level, low, high, columns)
    drawn = [line for line in plan.lines if np.isfinite(line.curve.values).any()]
    places = [_placed(thin(line.curve, columns), start, end, low, high) for line in drawn]
    for line, (x, y) in zip(drawn, places, strict=True):
        plot.plot(x.tolist(), y.tolist(), marker="braille", color=line.style.colour)
    for index, (line, (x, y)) in enumerate(zip(drawn, places, strict=True)):
        if len(x) <= columns // 4:
            sign = POINT if len(plan.lines) == 1 else line.style.sign
            plot.scatter(x.tolist(), y.tolist(), marker=sign, color=line.style.colour)
        elif len(plan.lines) > 1:
            _add_signs(plot, x, y, line.style, columns, index)
    for line in plan.lines:
        _add_faults(plot, _scaled(line.curve.faults, start, end), columns, rows)
    return str(plot.build())


def _add_level(plot: Plot, level: Level, low: float, high: float, columns: int) -> None:
    if np.isfinite(level.value):
        x = (np.arange(columns) / max(columns - 1, 1)).tolist()
        y = float(_scaled(_bounded(level.value), low, high))
        plot.scatter(x, [y] * columns, marker=level.character, color=BASELINE)


def _placed(curve: Curve, start: float, end: float, low: float, high: float) -> tuple[Floats, Floats]:
    return _scaled(curve.steps, start, end), _scaled(_bounded(curve.values), low, high)


def _add_signs(plot: Plot, x: Floats, y: Floats, style: LineStyle, columns: int, index: int) -> None:
    """Signs along a curve that shares its chart, at places that differ from its neighbours'."""
    apart = SIGN_SPACING / columns
    at = np.arange(x[0] + apart * (0.25 + index * 0.38 % 1), x[-1], apart)
    plot.scatter(at.tolist(), np.interp(at, x, y).tolist(), marker=style.sign, color=style.colour)


def _add_faults(plot: Plot, x: Floats, columns: int, rows: int) -> None:
    """A dotted vertical line with a cross on top at each column in which a value is not finite."""
    for at in np.unique(np.round(x * (columns - 1))) / max(columns - 1, 1):
        heights = (np.arange(rows) / max(rows - 1, 1)).tolist()
        plot.scatter([float(at)] * rows, heights, marker="┊", color=FAULT)
        plot.scatter([float(at)], [1.0], marker="✕", color=FAULT)


def _bounded(values: Floats | float) -> Floats:
    return np.clip(values, -LARGEST_VALUE, LARGEST_VALUE)


def _scaled(values: "Floats | float", low: float, high: float) -> Floats:
    return (np.asarray(values) - low) / (high - low)


def _steps(plan: ChartPlan) -> tuple[float, float]:
    curves = [line.curve for line in plan.lines if len(line.curve)]
    start = min(float(curve.steps[0]) for curve in curves)
    end = max(float(curve.steps[-1]) for curve in curves)
    return start, max(end, start + 1)


def _range(plan: ChartPlan) -> tuple[float, float]:
    """A range that holds all finite values, levels and the plan's bounds, with a margin; never of zero length."""
    found = [_extremes(line) for line in plan.lines]
    held = [_bounded(np.array([level.value])) for level in plan.levels if np.isfinite(level.value)]
    values = np.concatenate([*found, *held, np.array(plan.bounds or ())])
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    largest = max(abs(low), abs(high))
    if high - low <= 1e-9 * largest or largest < 1e-100:
        margin = largest / 2 if largest >= 1e-100 else 1.0
    else:
        margin = 0.0 if plan.bounds == (low, high) else 0.04 * (high - low)
    return low - margin, high + margin


def _extremes(line: Line) -> Floats:
    finite = line.curve.values[np.isfinite(line.curve.values)]
    return _bounded(np.array([finite.min(), finite.max()])) if len(finite) else np.empty(0)
