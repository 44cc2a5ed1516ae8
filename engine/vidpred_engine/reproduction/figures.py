"""The report's three figures as rows of numbers: what is drawn is exactly what stands in the CSV file beside it."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from vidpred_engine.reproduction.experiments import KL_ANNEALING, TEACHER_FORCING, Experiment
from vidpred_engine.reproduction.results import Result
from vidpred_engine.store.codec import number

Row = list[str | int | float]


@dataclass(frozen=True)
class Axis:
    """A field of an epoch's record that has a chart of its own in a figure.

    One that may span magnitudes gets a logarithmic axis where it does.
    """

    field: str
    label: str
    may_span_magnitudes: bool = False


LOSS = Axis("loss", "training loss", may_span_magnitudes=True)
MSE = Axis("mse", "of which MSE", may_span_magnitudes=True)


@dataclass(frozen=True)
class CourseFigure:
    """Means over each epoch, one curve an experiment, one chart a field; the charts share their epochs."""

    name: str
    title: str
    experiments: tuple[Experiment, ...]
    axes: tuple[Axis, ...]


FIGURE_1 = CourseFigure(
    "figure1",
    "Figure 1: Teacher Forcing Ratio and Corresponding Loss",
    TEACHER_FORCING,
    (Axis("teacher_forcing", "teacher forcing ratio"), LOSS),
)
FIGURE_2 = CourseFigure(
    "figure2",
    "Figure 2: Training Loss with Different KL Annealing Strategies",
    KL_ANNEALING,
    (LOSS, MSE, Axis("beta", "beta")),
)
FIGURE_3_TITLE = "Figure 3: PSNR per Frame in Validation Set"
PSNR_COLUMNS = ("experiment", "frame", "psnr", "repeat_first", "mean_frame")


def course(result: Result, field: str) -> tuple[list[int], list[float]]:
    """Epochs, counted from 0, and the field's mean over each; values that are not finite are among them."""
    values = [(int(record["epoch"]), number(record.get(field))) for record in result.epochs]
    known = [(epoch, value) for epoch, value in values if value is not None]
    return [epoch for epoch, _ in known], [value for _, value in known]


def course_csv(figure: CourseFigure, results: Sequence[Result]) -> str:
    """A row an experiment and epoch: the figure's fields."""
    rows: list[Row] = []
    for result in results:
        if result.experiment in figure.experiments:
            fields = [dict(zip(*course(result, axis.field), strict=True)) for axis in figure.axes]
            rows += [
                [result.experiment.name, epoch, *(values.get(epoch, float("nan")) for values in fields)]
                for epoch in fields[0]
            ]
    return _csv(("experiment", "epoch", *(axis.field for axis in figure.axes)), rows)


def psnr_csv(results: Sequence[Result]) -> str:
    """A row an experiment and frame, from frame 1 on: PSNR of the model and of both baselines in dB."""
    rows: list[Row] = []
    for result in results:
        if (evaluation := result.evaluation) is not None:
            curves = zip(evaluation.psnr, evaluation.repeat_first, evaluation.mean_frame, strict=True)
            rows += [[result.experiment.name, frame, *values] for frame, values in enumerate(curves, start=1)]
    return _csv(PSNR_COLUMNS, rows)


def _csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
