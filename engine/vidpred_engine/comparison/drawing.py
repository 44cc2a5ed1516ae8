"""A comparison as one figure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidpred_engine.comparison.compare import Comparison
from vidpred_engine.comparison.plots import MEAN_FRAME, REPEAT_FIRST, Plot, PlotLine
from vidpred_engine.comparison.table import Row
from vidpred_engine.comparison.view import Column
from vidpred_engine.curve import Curve, thin
from vidpred_engine.figure_file import BASELINE_DASHES, GREY, save_figure
from vidpred_engine.inert import inert

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours without their yellow, too pale on paper, and marks like those that screens draw; both go on in
# turns of unlike length, so that 56 runs differ.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
_MARKS = ("o", "^", "s", "D", "*", "+", "v")
_BASELINES = {REPEAT_FIRST: BASELINE_DASHES[0], MEAN_FRAME: BASELINE_DASHES[1]}
SPANS = 600
"""A curve is drawn by the least and the greatest value in so many spans: a figure has few more pixels across."""
MARKS = 12
MOST_ACROSS = 3
LONGEST_HEAD = 24
"""A longer name would run into its neighbour's; its legend has it whole."""
CHART_INCHES, ROW_INCHES, COLUMN_INCHES = (3.6, 2.6), 0.24, 1.9


def draw_comparison(path: Path, comparison: Comparison) -> None:
    """Draw the scores per frame above the training courses, to a file that ends in .png or .svg.

    A .png shows the whole view, with its tables on top.
    """
    tables = _tables(comparison) if path.suffix.lower() == ".png" else []
    scores, *courses = comparison.plots

    def draw(canvas: Figure) -> None:
        heights = [ROW_INCHES * (1 + len(rows)) for _, rows in tables]
        grid = canvas.add_gridspec(len(tables) + 2, len(courses), height_ratios=[*heights, *CHART_INCHES])
        for place, (head, rows) in enumerate(tables):
            _draw_table(canvas.add_subplot(grid[place, :]), head, rows, comparison)
        charts = [
            canvas.add_subplot(grid[-2, :]),
            *(canvas.add_subplot(grid[-1, index]) for index in range(len(courses))),
        ]
        for chart, plot in zip(charts, (scores, *courses), strict=True):
            _draw_plot(chart, plot)
        if comparison.view.difference:
            held = comparison.columns[comparison.reference]
            charts[0].axhline(0.0, color=_colour(held), lw=1, label=_plain(held.label))
        known = [pair for chart in charts for pair in zip(*chart.get_legend_handles_labels(), strict=True)]
        handles = {str(label): handle for handle, label in known}
        if handles:
            canvas.legend(
                list(handles.values()), list(handles), loc="outside lower center", ncols=MOST_ACROSS, frameon=False
            )

    columns = len(comparison.columns)
    height = sum(CHART_INCHES) + 1.5 + 0.25 * -(-columns // MOST_ACROSS)
    height += sum(ROW_INCHES * (2 + len(rows)) for _, rows in tables)
    width = max(12.0, COLUMN_INCHES * (columns + 2)) if tables else 12.0
    save_figure(path, _plain(comparison.provenance), (width, height), draw)


def _tables(comparison: Comparison) -> list[tuple[str, list[Row]]]:
    both = (("setting", comparison.settings), ("figure", comparison.figures))
    return [(head, rows) for head, rows in both if rows]


def _draw_table(place: Axes, head: str, rows: list[Row], comparison: Comparison) -> None:
    place.axis("off")
    labels = [_head(column.label) for column in comparison.columns]
    labels[comparison.reference] = _head(comparison.columns[comparison.reference].label, " (ref)")
    written = [[_plain(text) for text in (row.label, *(cell.text for cell in row.cells))] for row in rows]
    everywhere: Any = (0.0, 0.0, 1.0, 1.0)  # its annotations lack what it is documented to take
    table = place.table([[head, *map(_plain, labels)], *written], cellLoc="right", edges="horizontal", bbox=everywhere)
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    for (row, column), cell in table.get_celld().items():
        cell.set_edgecolor("0.85")
        if column == 0:
            cell.set_text_props(ha="left")
        elif row == 0:
            cell.set_text_props(color=_colour(comparison.columns[column - 1]), weight="bold")


def _head(label: str, end: str = "") -> str:
    """A column's head; a long name loses its midst, as names of a sweep differ at their ends."""
    most = LONGEST_HEAD - len(end)
    return (label if len(label) <= most else f"{label[: most // 2 - 1]}…{label[-(most // 2) :]}") + end


def _colour(column: Column) -> str:
    return _COLOURS[column.place % len(_COLOURS)]


def _draw_plot(chart: Axes, plot: Plot) -> None:
    for line in plot.lines:
        _draw_line(chart, line)
    if not plot.lines:
        chart.text(0.5, 0.5, "nothing measured", transform=chart.transAxes, ha="center", va="center")
    chart.set_title(_plain(f"{plot.title}   {plot.note}" if plot.note else plot.title), loc="left", fontsize=11)
    chart.set_xlabel(plot.x_label)
    chart.grid(alpha=0.3)


def _draw_line(chart: Axes, line: PlotLine) -> None:
    curve = _thinned(line.curve)
    if line.column is None:
        chart.plot(curve.steps, curve.values, color=GREY, ls=_BASELINES[line.baseline], lw=1, label=line.label)
        return
    colour, mark = _colour(line.column), _MARKS[line.column.place % len(_MARKS)]
    every = max(1, len(curve) // MARKS)
    chart.plot(
        curve.steps, curve.values, color=colour, lw=1.3, marker=mark, ms=5, markevery=every, label=_plain(line.label)
    )
    if line.low is not None and line.high is not None:
        for edge in (line.low, line.high):
            chart.plot(_thinned(edge).steps, _thinned(edge).values, color=colour, lw=0.5, alpha=0.6)
        if len(line.low) <= 2 * SPANS:  # thinned edges do not share their steps
            chart.fill_between(line.low.steps, line.low.values, line.high.values, color=colour, alpha=0.15, lw=0)


def _thinned(curve: Curve) -> Curve:
    if len(curve) <= 2 * SPANS:
        return curve
    return thin(curve, SPANS, float(curve.steps[0]), float(curve.steps[-1]))


def _plain(text: str) -> str:
    """Text in which nothing is read as a formula, nor as a label to leave out."""
    text = inert(text).replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text
