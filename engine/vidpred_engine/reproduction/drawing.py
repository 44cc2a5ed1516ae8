"""Drawing the report's figures as PNG files."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vidpred_engine.figure_file import BASELINE_DASHES, GREY, save_figure
from vidpred_engine.reproduction.figures import FIGURE_3_TITLE, CourseFigure, course
from vidpred_engine.reproduction.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which stay apart for colour-blind readers; dashes and markers keep them apart in grey.
STYLES = (("#0072B2", "-", "o"), ("#D55E00", "--", "s"), ("#009E73", "-.", "^"), ("#CC79A7", ":", "D"))
BASELINES = (
    ("repeat_first", "repeat the first frame", BASELINE_DASHES[0]),
    ("mean_frame", "mean training frame", BASELINE_DASHES[1]),
)
FEW_EPOCHS = 20  # so few are each marked
MAGNITUDES = 10
CHARACTERS_ACROSS = 36  # of a panel of Figure 3


def draw_courses(path: Path, figure: CourseFigure, results: Sequence[Result]) -> None:
    """Draw Figure 1 or 2: its charts above each other, over one axis of epochs."""
    shown = [result for result in results if result.experiment in figure.experiments]

    def draw(canvas: Figure) -> None:
        charts = canvas.subplots(len(figure.axes), sharex=True, squeeze=False)[:, 0]
        for chart, axis in zip(charts, figure.axes, strict=True):
            for result, (colour, dashes, marker) in zip(shown, STYLES, strict=False):
                epochs, values = course(result, axis.field)
                few = marker if len(epochs) <= FEW_EPOCHS else ""
                chart.plot(epochs, values, color=colour, ls=dashes, marker=few, ms=4, label=_legend(result))
            if axis.may_span_magnitudes and _spans_magnitudes(shown, axis.field):
                chart.set_yscale("log")
            chart.set_ylabel(axis.label)
            chart.grid(alpha=0.3)
        charts[-1].set_xlabel("epoch (from 0)")
        if any(result.epochs for result in shown):
            charts[-1].xaxis.get_major_locator().set_params(integer=True)
        else:
            _say(charts[0], "no experiment has ended yet")
            charts[0].set_xticks([])
            for chart in charts:
                chart.set_yticks([])
        canvas.legend(*charts[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)

    save_figure(path, figure.title, (8, 2.4 * len(figure.axes) + 1.6), draw)


def draw_psnr(path: Path, results: Sequence[Result]) -> None:
    """Draw Figure 3: a panel an experiment on equal axes, teacher forcing above, KL annealing below."""

    def draw(canvas: Figure) -> None:
        charts = canvas.subplots(2, 4, sharex=True, sharey=True)
        legend = charts[0, 3]
        panels = [*charts[0, :3], *charts[1]]
        for chart, result in zip(panels, results, strict=True):
            _psnr_panel(chart, result)
        for chart in (charts[0, 0], charts[1, 0]):
            chart.set_ylabel("PSNR [dB]")
        for chart in charts[1]:
            chart.set_xlabel("frame")
            chart.xaxis.get_major_locator().set_params(integer=True)
        legend.axis("off")
        known = next((chart for chart in panels if chart.lines), legend)
        legend.legend(*known.get_legend_handles_labels(), loc="center", frameon=False, fontsize=10)

    save_figure(path, FIGURE_3_TITLE, (14, 7), draw)


def _psnr_panel(chart: Axes, result: Result) -> None:
    experiment, evaluation = result.experiment, result.evaluation
    head = f"({experiment.panel}) {experiment.name}"
    if evaluation is None:
        chart.set_title(head, loc="left", fontsize=11)
        _say(chart, result.remark or "not evaluated")
        return
    means = evaluation.means()
    average = f"{head}: average {means['psnr']:.2f} dB (report {experiment.report_psnr:.2f})"
    chart.set_title(f"{average}\n", loc="left", fontsize=11)
    baselines = f"first frame {means['repeat_first']:.2f}, mean frame {means['mean_frame']:.2f}"
    chart.text(0, 1.02, baselines, transform=chart.transAxes, fontsize=9, color=GREY)
    frames = range(1, len(evaluation.psnr) + 1)
    chart.plot(frames, evaluation.psnr, color=STYLES[0][0], lw=1.2, zorder=3, label=f"model, z: {evaluation.z_mode}")
    for field, label, dashes in BASELINES:
        chart.plot(frames, getattr(evaluation, field), color=GREY, ls=dashes, lw=1, label=label)
    chart.grid(alpha=0.3)


def _say(chart: Axes, sentence: str) -> None:
    """Write a sentence where the curves would be; it takes no part in the layout of the charts."""
    text = "\n".join(textwrap.wrap(sentence, CHARACTERS_ACROSS))
    written = chart.text(0.5, 0.5, text, transform=chart.transAxes, ha="center", va="center", fontsize=10)
    written.set_in_layout(False)


def _legend(result: Result) -> str:
    text = f"{result.experiment.name}: {result.experiment.caption}"
    if result.state == "finished":
        return text
    return f"{text} ({result.state})"


def _spans_magnitudes(results: Sequence[Result], field: str) -> bool:
    values = [value for result in results for value in course(result, field)[1] if math.isfinite(value)]
    return bool(values) and 0 < MAGNITUDES * min(values) <= max(values)
