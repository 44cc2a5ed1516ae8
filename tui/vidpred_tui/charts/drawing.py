"""Drawing a chart plan with plotext, in any thread: what comes out is text ready for a widget.

plotext sees numbers between 0 and 1 only. Infinities, and zero on a log axis, raise inside it and would take the whole
program down, and so would a range that overflows; scaling here leaves it nothing to stumble over.
"""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from textual.color import Color
from textual.content import Content, Span
from textual.style import Style
from textual_plotext import Plot

from vidpred_engine.curve import Curve, Floats, thin_between, within
from vidpred_tui.charts.braille import braille_line
from vidpred_tui.charts.canvas import (
    AXIS_ROWS,
    SMALLEST_HEIGHT,
    SMALLEST_WIDTH,
    Canvas,
    canvas_of,
    drawable,
    left_out,
    scaled,
    shown_parts,
)
from vidpred_tui.charts.head import head
from vidpred_tui.charts.plan import ChartPlan, Level, Line
from vidpred_tui.charts.smoothing import smoothed
from vidpred_tui.charts.ticks import round_ticks, tick_labels
from vidpred_tui.theme import BASELINE, LineStyle, colours

# Signs stand this many columns apart on curves that share a chart.
SIGN_SPACING = 12
POINT, AHEAD, BAND = "•", "·", "░"


@dataclass(frozen=True)
class Drawing:
    """A chart as rows; `canvas` is where on it the curves are, None without any, and `remark` stands in its head."""

    rows: tuple[Content, ...] = ()
    canvas: Canvas | None = None
    remark: str = ""

    @property
    def text(self) -> str:
        """The rows without colours."""
        return "\n".join(row.plain for row in self.rows)


def draw(plan: ChartPlan, width: int, height: int) -> Drawing:
    """Draw a chart of `width` by `height` cells: its title and legend above, then the canvas."""
    missing = left_out(plan)
    remark = f"{missing} {'value' if missing == 1 else 'values'} ≤ 0 left out" if missing else ""
    rows = head(plan, width, remark=remark)[: max(1, height - SMALLEST_HEIGHT)]
    canvas = canvas_of(plan, width, height, len(rows))
    if canvas is not None:
        return Drawing((*rows, *_canvas(plan, canvas, width)), canvas, remark)
    if (room := height - len(rows)) > 0:
        fits = room >= SMALLEST_HEIGHT and width >= SMALLEST_WIDTH
        why = plan.empty if plan.span is None else "nothing to show here" if fits else "too small a place to draw in"
        rows += [Content("")] * min(room // 2, room - 1)
        rows.append(Content.styled(why[:width].center(width), "$foreground-muted"))
    return Drawing(tuple(rows), remark=remark)


def _canvas(plan: ChartPlan, canvas: Canvas, width: int) -> list[Content]:
    """The canvas with its axes as plotext builds it."""
    plot: Any = Plot()  # its annotations know one marker a curve, itself takes one a point
    plot._set_size(width, canvas.rows + AXIS_ROWS)  # plotsize stops at what plotext takes for the terminal's size
    plot.canvas_color("default")
    plot.axes_color("default")
    plot.ticks_color(colours().axis)
    plot.xaxes(True, False)
    plot.yaxes(True, False)
    plot.xlim(0, 1)
    plot.ylim(0, 1)
    ticks, labels = canvas.ticks
    plot.yticks(canvas.y(np.array(ticks)), labels)
    plot.xticks(*_place_ticks(plan.x_label if canvas.ruler.name == "step" else canvas.ruler.name, canvas))
    for level in plan.levels:
        _add_level(plot, level, canvas)
    _add_lines(plot, plan, canvas)
    for line in plan.lines:
        _add_faults(plot, line.curve.faults, canvas)
    plot._set_sizes()
    plot._build_matrix()  # build() adds escape codes, which take as long to write and to read as all the rest
    cells = plot.monitor.matrix
    return [_row(*row) for row in zip(reversed(cells.marker), reversed(cells.fullground), strict=True)]


def _row(characters: list[str], colours_of_them: list[Any]) -> Content:
    spans, start = [], 0
    for colour, same in groupby(colours_of_them):
        end = start + len(list(same))
        if colour != "default":
            spans.append(Span(start, end, Style(foreground=Color(*colour))))
        start = end
    return Content("".join(characters), spans)


def _place_ticks(name: str, canvas: Canvas) -> tuple[list[float], list[str]]:
    """Places and labels of the horizontal axis, which ends with its name."""
    most = max(2, canvas.columns // 10)
    room = canvas.end - (canvas.end - canvas.start) * (len(name) + 3) / canvas.columns
    ticks = [tick for tick in round_ticks(canvas.start, canvas.end, most) if tick < room]
    if len(ticks) < 2 and room > canvas.start:  # one alone tells no scale
        ticks = round_ticks(canvas.start, room, 2)
    if canvas.ruler.name == "step":
        ticks = [tick for tick in ticks if tick == int(tick)]
    return canvas.across(np.array([*ticks, canvas.end])), [*tick_labels(ticks), name]


def _add_level(plot: Any, level: Level, canvas: Canvas) -> None:
    if np.isfinite(level.value) and (level.value > 0 or not canvas.log):
        x = (np.arange(canvas.columns) / max(canvas.columns - 1, 1)).tolist()
        heights = canvas.y(np.full(canvas.columns, level.value))
        plot.scatter(x, heights, marker=level.character, color=colours().baseline)


def _add_lines(plot: Any, plan: ChartPlan, canvas: Canvas) -> None:
    """What is planned, bands, braille lines, then signs: few points are each marked, shared charts carry them along.

    A line whose style has no sign, as the edge of a band has none, stays without.
    """
    borders, drawn = canvas.borders, []
    for line in plan.lines:
        logged, planned = shown_parts(plan, line, float(borders[0]), float(borders[-1]))
        _add_planned(plot, planned, line.style, canvas)
        if len(logged):
            drawn.append((line, thin_between(logged, borders)))
    if plan.view.smoothing:
        for _, curve in drawn:
            _add_band(plot, curve, canvas)
        drawn = [(line, _average(line, plan.view.smoothing, canvas)) for line, _ in drawn]
    for line, curve in sorted(drawn, key=lambda pair: pair[0].style.hue != BASELINE):  # runs lie over what they beat
        points = np.column_stack([canvas.x(curve.steps), canvas.y(curve.values)])
        columns, rows, characters = braille_line(points, canvas.columns, canvas.rows)
        plot.scatter(*canvas.shares(columns, rows), marker=characters, color=line.style.colour)
    signed = [(line, curve) for line, curve in drawn if line.style.sign and len(curve)]
    for index, (line, curve) in enumerate(signed):
        sign = POINT if len(plan.lines) == 1 else line.style.sign
        if len(curve) <= canvas.columns // 4:
            own = np.flatnonzero(np.isin(curve.steps, line.curve.steps))  # not where a window cuts the line
            turns = own[index % max(1, len(own)) :: len(signed)]  # curves that lie on each other take turns
            x, y = canvas.x(curve.steps[turns]), canvas.y(curve.values[turns])
            plot.scatter(x, y, marker=sign, color=line.style.colour)
        elif len(plan.lines) > 1:
            _add_signs(plot, sign, line, curve, canvas, index)


def _add_signs(plot: Any, sign: str, line: Line, curve: Curve, canvas: Canvas, index: int) -> None:
    first, last = canvas.ruler.places(curve.steps[[0, -1]])
    apart = (canvas.end - canvas.start) * SIGN_SPACING / canvas.columns
    at = np.arange(first + apart * (0.25 + index * 0.38 % 1), last, apart)
    values = np.interp(canvas.ruler.steps(at), curve.steps, scaled(curve.values, log=False))
    plot.scatter(canvas.across(at), canvas.y(values), marker=sign, color=line.style.colour)


def _add_planned(plot: Any, planned: Curve, style: LineStyle, canvas: Canvas) -> None:
    """A row of dots ahead of a curve, one a column."""
    if len(planned):
        centres = canvas.ruler.steps(np.linspace(canvas.start, canvas.end, canvas.columns))
        at = centres[(centres >= planned.steps[0]) & (centres <= planned.steps[-1])]
        values = planned.values[np.searchsorted(planned.steps, at, "right") - 1]
        plot.scatter(canvas.x(at), canvas.y(values), marker=AHEAD, color=style.edge.colour)


def _add_band(plot: Any, curve: Curve, canvas: Canvas) -> None:
    """From the least to the greatest value of each column: what an average hides stays in sight."""
    columns = np.round(np.array(canvas.x(curve.steps)) * (canvas.columns - 1)).astype(int)
    rows = np.round(np.array(canvas.y(curve.values)) * (canvas.rows - 1)).astype(int)
    least, greatest = np.full(canvas.columns, canvas.rows), np.full(canvas.columns, -1)
    np.minimum.at(least, columns, rows)
    np.maximum.at(greatest, columns, rows)
    every_column, every_row = np.meshgrid(np.arange(canvas.columns), np.arange(canvas.rows))
    filled = (least[every_column] <= every_row) & (every_row <= greatest[every_column])
    shares = canvas.shares(every_column[filled], every_row[filled])
    plot.scatter(*shares, marker=BAND, color=colours().axis)


def _average(line: Line, smoothing: float, canvas: Canvas) -> Curve:
    """The average at two steps a column, of which those before what is shown have had their share in it.

    It goes on to the edges, towards the next average beyond.
    """
    halves = canvas.ruler.steps(np.linspace(canvas.start, canvas.end, 2 * canvas.columns + 1))
    curve = drawable(line.curve, log=canvas.log)
    beyond = np.searchsorted(curve.steps, halves[-1], "right")
    average = smoothed(curve, smoothing, np.concatenate([halves, curve.steps[beyond : beyond + 1]]))
    return within(average, halves[0], halves[-1])


def _add_faults(plot: Any, steps: Floats, canvas: Canvas) -> None:
    """A dotted vertical line with a cross on top at each column in which a value is not finite."""
    shares = np.array(canvas.x(steps))
    every_row = np.arange(canvas.rows)
    for column in np.unique(np.round(shares[(shares >= 0) & (shares <= 1)] * (canvas.columns - 1))):
        line = canvas.shares(np.full(canvas.rows, column), every_row)
        plot.scatter(*line, marker=["┊"] * (canvas.rows - 1) + ["✕"], color=colours().fault)
