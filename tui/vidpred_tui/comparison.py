"""What sets runs apart: settings that differ, final metrics, and curves to lay over each other."""

from collections.abc import Sequence

import numpy as np

from vidpred_engine.curve import EMPTY_CURVE, Curve
from vidpred_engine.store.codec import number
from vidpred_engine.store.comparison import FIGURES, differing_settings
from vidpred_engine.store.evaluations import COMPARED, Evaluation, compared_figures
from vidpred_tui import formatting
from vidpred_tui.charts.plan import ChartPlan, Line
from vidpred_tui.charts.run_charts import fault_note
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.theme import BASELINE_STYLES, LineStyle

Row = tuple[str, ...]
UNREADABLE = "unreadable"
_LABELS = {
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
_IN_DECIBEL = {"psnr", "best_psnr", "repeat_first", "mean_frame"}


def settings_that_differ(snapshots: Sequence[RunSnapshot]) -> dict[str, Row]:
    """Each setting that is not the same in all runs, in the order of declaration, with its value in each run."""
    readable = [snapshot.settings for snapshot in snapshots if snapshot.settings is not None]
    rows = {}
    for name, values in differing_settings(readable).items() if readable else ():
        written = iter(map(formatting.setting, values))
        cells = tuple(next(written) if snapshot.settings is not None else UNREADABLE for snapshot in snapshots)
        rows[formatting.words(name)] = cells
    return rows


def final_metrics(snapshots: Sequence[RunSnapshot]) -> dict[str, Row]:
    """State, steps and last metrics of each run, and what its quoted evaluation adds."""
    rows = {
        "state": tuple(formatting.state_text(snapshot.status.state) for snapshot in snapshots),
        "steps": tuple(f"{snapshot.status.step:,}" for snapshot in snapshots),
    }
    for name in FIGURES:
        write = formatting.decibel if name in _IN_DECIBEL else formatting.metric
        rows[_LABELS.get(name, name)] = tuple(
            write(number(snapshot.status.summary.get(name))) for snapshot in snapshots
        )
    rows["best over baseline"] = tuple(map(_lead, snapshots))
    evaluated = [compared_figures(snapshot.evaluation, snapshot.gap) for snapshot in snapshots]
    for name in COMPARED:
        rows[_LABELS[name]] = tuple(formatting.metric(figures[name]) for figures in evaluated)
    return rows


def _lead(snapshot: RunSnapshot) -> str:
    """By how much the best PSNR beats the better baseline; a model below it is said to be below it."""
    summary = {name: number(snapshot.status.summary.get(name)) for name in _IN_DECIBEL}
    best = summary["best_psnr"]
    baseline = formatting.better_baseline(summary["repeat_first"], summary["mean_frame"])
    if best is None or baseline is None or not np.isfinite(best - baseline):
        return formatting.ABSENT
    return f"{best - baseline:+.1f}" if best > baseline else f"below by {baseline - best:.1f}"


def loss_overlay(snapshots: Sequence[RunSnapshot], styles: Sequence[LineStyle], term: str = "loss") -> ChartPlan:
    """The loss of all runs over their steps, or one term of it, mse or kl: losses under unlike betas do not compare."""
    lines, notes = [], []
    for snapshot, style in zip(snapshots, styles, strict=True):
        curve = snapshot.history.curve("step", term)
        lines.append(Line(snapshot.name, curve, style))
        if note := fault_note(snapshot.history, curve):
            notes.append(f"{style.sign} {note}")
    return ChartPlan(_LABELS.get(term, term), tuple(lines), note="  ".join(notes))


def psnr_overlay(snapshots: Sequence[RunSnapshot], styles: Sequence[LineStyle]) -> ChartPlan:
    """PSNR of each frame of the quoted rollout of all runs, with the baselines on the first run's data."""
    evaluated = [
        (snapshot.evaluation, Line(snapshot.name, per_frame(snapshot.evaluation.psnr), style))
        for snapshot, style in zip(snapshots, styles, strict=True)
        if snapshot.evaluation is not None
    ]
    lines = [line for _, line in evaluated]
    note = ""
    if evaluated:
        first: Evaluation = evaluated[0][0]
        lines.append(Line("first frame", per_frame(first.repeat_first), BASELINE_STYLES[0]))
        lines.append(Line("mean frame", per_frame(first.mean_frame), BASELINE_STYLES[1]))
        if len({evaluation.data_digest for evaluation, _ in evaluated}) > 1:
            note = "not all on the same data"
    return ChartPlan("PSNR dB", tuple(lines), x_label="frame", note=note, empty="no run has been evaluated yet")


def per_frame(values: Sequence[object]) -> Curve:
    """A per-frame curve; frames count from 1, as frame 0 is given to the model."""
    if not values:
        return EMPTY_CURVE
    numbers = [number(value) for value in values]
    found = np.array([np.nan if value is None else value for value in numbers])
    return Curve(np.arange(1.0, len(found) + 1), found)
