"""The two tables of a comparison: settings that differ, and figures with what sets them apart from the reference."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vidpred_engine.comparison.falling import below_from
from vidpred_engine.comparison.plots import mean_lead
from vidpred_engine.comparison.runs import ComparedRun
from vidpred_engine.comparison.view import APART, Column, Score
from vidpred_engine.store.codec import number
from vidpred_engine.store.comparison import FIGURES, differing_settings
from vidpred_engine.store.evaluations import COMPARED, compared_figures
from vidpred_engine.wording import ABSENT, decibel, metric, setting, state_text, words

UNREADABLE = "unreadable"
LABELS = {
    "mse": "MSE",
    "kl": "KL",
    "psnr": "PSNR last",
    "best_psnr": "PSNR best",
    "repeat_first": "first frame",
    "mean_frame": "mean frame",
    "ssim": "SSIM",
    "ssim_repeat_first": "SSIM first frame",
    "ssim_mean_frame": "SSIM mean frame",
    "drift": "drift dB",
    "kl_per_frame": "KL/frame",
    "gap": "posterior gap dB",
}
BASELINES = {"repeat_first": "first frame", "mean_frame": "mean frame"}
_IN_DECIBEL = {"psnr", "best_psnr", *BASELINES, "drift", "gap"}
_SAME_FOR_ALL = {*BASELINES, "ssim_repeat_first", "ssim_mean_frame"}
"""Figures of the data, whose difference to the reference says nothing of the runs."""


@dataclass(frozen=True)
class Cell:
    """A value as it is written, and in numbers.

    Of a group, `value` is the mean over the `n` runs that have one and `sd` their sample standard deviation; `delta`
    is what the reference's value is less.
    """

    text: str
    value: Any = None
    sd: float | None = None
    n: int = 1
    delta: float | None = None


@dataclass(frozen=True)
class Row:
    """What stands in one row: its name, what to call it, and a cell a column."""

    name: str
    label: str
    cells: tuple[Cell, ...]


def settings_rows(columns: Sequence[Column]) -> list[Row]:
    """Each setting that is not the same in all columns, in the order of declaration."""
    readable = [column.runs[0].settings for column in columns if column.runs[0].settings is not None]
    rows = []
    for name, values in differing_settings(readable).items() if readable else ():
        if name in APART and any(len(column.runs) > 1 for column in columns):
            continue
        written = iter(Cell(setting(value), value) for value in values)
        cells = [next(written) if column.runs[0].settings is not None else Cell(UNREADABLE) for column in columns]
        rows.append(Row(name, words(name), tuple(cells)))
    return rows


def figure_rows(columns: Sequence[Column], reference: int, score: Score) -> list[Row]:
    """State and progress, last metrics, the leads over both baselines, and what the quoted evaluations add."""
    rows = [Row("runs", "runs", tuple(Cell(str(len(column.runs)), len(column.runs)) for column in columns))]
    rows = rows if any(len(column.runs) > 1 for column in columns) else []
    rows.append(Row("state", "state", tuple(_states(column) for column in columns)))
    rows.append(Row("epoch", "epoch", tuple(_span(column, _epoch) for column in columns)))
    rows.append(Row("step", "steps", tuple(_span(column, _step) for column in columns)))
    for name in FIGURES:
        rows.append(_row(name, columns, reference, lambda run, name=name: number(run.summary.get(name))))  # type: ignore[misc]
    for name, called in BASELINES.items():
        rows.append(Row(f"over_{name}", f"best over {called}", tuple(_lead(column, name) for column in columns)))
    for name, called in BASELINES.items():
        label = f"{score.upper()} below {called}"
        rows.append(Row(f"below_{name}", label, tuple(_below(column, name, score) for column in columns)))
    for name in COMPARED:
        rows.append(_row(name, columns, reference, lambda run, name=name: _evaluated(run, name)))  # type: ignore[misc]
    return rows


def _row(name: str, columns: Sequence[Column], reference: int, figure: Callable[[ComparedRun], float | None]) -> Row:
    held = _mean(columns[reference], figure)[0] if name not in _SAME_FOR_ALL else None
    cells = []
    for index, column in enumerate(columns):
        mean, sd, n = _mean(column, figure)
        text = _written(name, mean)
        if sd is not None and (sd or name not in _SAME_FOR_ALL):
            text += f" ± {_brief(name, sd)}"
        if 0 < n < len(column.runs):
            text += f" n={n}"
        delta = None
        if index != reference and mean is not None and held is not None and math.isfinite(mean - held):
            delta = 0.0 if math.isclose(mean, held, rel_tol=1e-9) else mean - held
            text += f" ({_signed(name, delta) if delta else '='})"
        cells.append(Cell(text, mean, sd, n, delta))
    return Row(name, LABELS.get(name, name), tuple(cells))


def _mean(column: Column, figure: Callable[[ComparedRun], float | None]) -> tuple[float | None, float | None, int]:
    """Mean, sample standard deviation where there is one, and number of the runs that have the figure."""
    known = [value for value in map(figure, column.runs) if value is not None]
    if not known:
        return None, None, 0
    if not all(map(math.isfinite, known)):
        return sum(known) / len(known), None, len(known)
    return statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known)


def _written(name: str, value: float | None) -> str:
    return decibel(value, 2) if name in _IN_DECIBEL else metric(value)


def _signed(name: str, delta: float) -> str:
    return f"{'-' if delta < 0 else '+'}{_brief(name, abs(delta))}"


def _brief(name: str, value: float) -> str:
    """What stands beside a value: more digits than two would be read for nothing."""
    return decibel(value, 2) if name in _IN_DECIBEL else f"{value:.2g}".replace("e-0", "e-")


def _evaluated(run: ComparedRun, name: str) -> float | None:
    return compared_figures(run.evaluation, run.gap)[name]


def _lead(column: Column, baseline: str) -> Cell:
    """By how much the best PSNR beats a baseline; a model below it is said to be below it."""

    def lead(run: ComparedRun) -> float | None:
        best, other = number(run.summary.get("best_psnr")), number(run.summary.get(baseline))
        return None if best is None or other is None else best - other

    mean, sd, n = _mean(column, lead)
    if mean is None or not math.isfinite(mean):
        return Cell(ABSENT, mean, None, n)
    text = f"+{mean:.2f}" if mean > 0 else f"below by {-mean:.2f}"
    return Cell(text if sd is None else f"{text} ± {sd:.2f}", mean, sd, n)


def _below(column: Column, baseline: str, score: Score) -> Cell:
    lead = mean_lead(column, baseline, score)
    if not len(lead):
        return Cell(ABSENT, n=0)
    frame = below_from(lead)
    return Cell("never" if frame is None else f"from frame {frame}", frame)


def _states(column: Column) -> Cell:
    states = [run.state for run in column.runs]
    if len(set(states)) == 1:
        return Cell(state_text(states[0]), states[0])
    counted = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    return Cell(counted, counted)


def _epoch(run: ComparedRun) -> str:
    return f"{run.epoch}/{run.epochs}"


def _step(run: ComparedRun) -> int:
    return run.step


def _span(column: Column, value: Callable[[ComparedRun], Any]) -> Cell:
    """A value of all runs, or the first and the last of several."""
    found = sorted({value(run) for run in column.runs})
    written = [f"{item:,}" if isinstance(item, int) else item for item in found]
    if len(found) == 1:
        return Cell(written[0], found[0])
    text = f"{written[0]} to {written[-1]}"
    return Cell(text, text)
