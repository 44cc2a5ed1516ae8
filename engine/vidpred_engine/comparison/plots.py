"""The curves of a comparison: courses over the steps of training, and scores over the frames of a rollout."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vidpred_engine.comparison.falling import lead_of
from vidpred_engine.comparison.view import Column, Score, View
from vidpred_engine.curve import EMPTY_CURVE, Curve, Floats
from vidpred_engine.store.evaluations import Evaluation

REPEAT_FIRST, MEAN_FRAME = "repeat_first", "mean_frame"
_TITLES = {"loss": "loss", "mse": "MSE", "kl": "KL", "psnr": "PSNR dB", "ssim": "SSIM"}


@dataclass(frozen=True, eq=False)
class PlotLine:
    """A column's curve, or a baseline's; of a group the mean, with the least and greatest value of its runs."""

    label: str
    curve: Curve
    column: Column | None = None
    baseline: str = ""
    low: Curve | None = None
    high: Curve | None = None


@dataclass(frozen=True, eq=False)
class Plot:
    """One chart; `bounds` is the least range its vertical axis shows, `note` a remark on what is drawn."""

    name: str
    title: str
    x_label: str
    lines: tuple[PlotLine, ...]
    bounds: tuple[float, float] | None = None
    note: str = ""


def plots_of(columns: Sequence[Column], reference: int, view: View) -> list[Plot]:
    """The charts in the order of importance: score per frame, the loss, TFR and beta."""
    return [
        _frames(columns, reference, view),
        Plot(view.term, _TITLES[view.term], "step", _courses(columns, view.term)),
        Plot("teacher_forcing", "TFR", "step", _courses(columns, "teacher_forcing"), (0.0, 1.0)),
        Plot("beta", "beta", "step", _courses(columns, "beta")),
    ]


def mean_lead(column: Column, baseline: str, score: Score) -> Floats:
    """By how much a column leads a baseline at each frame, the mean over its runs; empty where nothing is measured."""
    leads = []
    for run in column.runs:
        ours, other = _curves(run.evaluation, score, baseline)
        if len(ours) and len(ours) == len(other):
            leads.append(lead_of(ours, other))
    if not leads:
        return EMPTY_CURVE.values
    shortest = min(map(len, leads))
    with np.errstate(invalid="ignore"):
        lead: Floats = np.mean([item[:shortest] for item in leads], axis=0)
    return lead


def _curves(evaluation: Evaluation | None, score: Score, baseline: str) -> tuple[list[float], list[float]]:
    """A model's curve and a baseline's; empty where they were not measured."""
    if evaluation is None:
        return [], []
    if score == "psnr":
        return evaluation.psnr, getattr(evaluation, baseline)
    return evaluation.ssim, getattr(evaluation, f"ssim_{baseline}")


def _courses(columns: Sequence[Column], name: str) -> tuple[PlotLine, ...]:
    lines = [_line(column, [run.courses.get(name, EMPTY_CURVE) for run in column.runs]) for column in columns]
    return tuple(line for line in lines if line is not None)


def _line(column: Column, curves: Sequence[Curve]) -> PlotLine | None:
    """A column's line where any of its runs has a curve."""
    curves = [curve for curve in curves if len(curve)]
    if len(curves) < 2:
        return PlotLine(column.label, curves[0], column) if curves else None
    shared = curves[0].steps
    if all(np.array_equal(shared, curve.steps) for curve in curves[1:]):  # a fiftieth of the time of looking for them
        values = np.array([curve.values for curve in curves])
    else:
        for curve in curves[1:]:
            shared = np.intersect1d(shared, curve.steps)
        if not len(shared):
            return None
        values = np.array([curve.values[_last_at(curve.steps, shared)] for curve in curves])
    with np.errstate(invalid="ignore"):
        mean, low, high = (Curve(shared, found) for found in (values.mean(0), values.min(0), values.max(0)))
    return PlotLine(column.label, mean, column, low=low, high=high)


def _last_at(steps: Floats, wanted: Floats) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
    """Where the last value of each step is: a run that was resumed may have logged a step twice."""
    order = np.argsort(steps, kind="stable")
    places: np.ndarray[tuple[int], np.dtype[np.intp]] = order[np.searchsorted(steps[order], wanted, "right") - 1]
    return places


def per_frame(values: Sequence[float]) -> Curve:
    """A per-frame curve; frames count from 1, as frame 0 is given to the model."""
    return Curve(np.arange(1.0, len(values) + 1), np.array(values, dtype=float)) if values else EMPTY_CURVE


def _frames(columns: Sequence[Column], reference: int, view: View) -> Plot:
    score, title = view.score, _TITLES[view.score]
    found = [
        (column, _line(column, [per_frame(_curves(run.evaluation, score, REPEAT_FIRST)[0]) for run in column.runs]))
        for column in columns
    ]
    lines = [line for _, line in found if line is not None]
    evaluated = [run.evaluation for column in columns for run in column.runs if run.evaluation is not None]
    note = _unequal(evaluated)
    if view.difference:
        held = found[reference][1]
        title = f"{title} over {columns[reference].label}"
        others = [line for index, (_, line) in enumerate(found) if line is not None and index != reference]
        return Plot(view.score, title, "frame", tuple(_difference(line, held) for line in others if held), note=note)
    if lines and (with_baselines := _baseline_source(columns, reference, score)) is not None:
        for name, label in ((REPEAT_FIRST, "first frame"), (MEAN_FRAME, "mean frame")):
            curve = per_frame(_curves(with_baselines, score, name)[1])
            lines.append(PlotLine(label, curve, baseline=name))
    return Plot(view.score, title, "frame", tuple(lines), note=note)


def _unequal(evaluated: Sequence[Evaluation]) -> str:
    """In what the evaluations differ that makes a comparison of their scores unfair."""
    facts: dict[str, list[object]] = {
        "data": [item.data_digest for item in evaluated],
        "number of frames": [len(item.psnr) for item in evaluated],
        "z": [item.z_mode for item in evaluated],
        "checkpoint": [item.checkpoint for item in evaluated],
    }
    differing = [name for name, values in facts.items() if len(set(values)) > 1]
    return f"not all on the same {', '.join(differing)}" if differing else ""


def _baseline_source(columns: Sequence[Column], reference: int, score: Score) -> Evaluation | None:
    """The evaluation whose baselines are drawn: the reference's, else the first that has them."""
    runs = [*columns[reference].runs, *(run for column in columns for run in column.runs)]
    return next((run.evaluation for run in runs if _curves(run.evaluation, score, REPEAT_FIRST)[1]), None)


def _difference(line: PlotLine, held: PlotLine) -> PlotLine:
    """A line less the reference, over the frames of both; two infinite values are equal."""
    length = min(len(line.curve), len(held.curve))
    ours, other = line.curve.values[:length], held.curve.values[:length]
    with np.errstate(invalid="ignore"):
        values = np.where(ours == other, 0.0, ours - other)
    return PlotLine(line.label, Curve(line.curve.steps[:length], values), line.column)
