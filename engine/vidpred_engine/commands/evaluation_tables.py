"""Evaluations as the tables that `vidpred-engine evaluate` prints."""

from collections.abc import Sequence

from vidpred_engine.commands.output import print_table
from vidpred_engine.store.evaluations import Evaluation, mean

COLUMNS = {
    "psnr": ("PSNR", ".2f"),
    "ssim": ("SSIM", ".4f"),
    "drift": ("drift", ".2f"),
    "lab_score": ("8-bit", ".2f"),
    "kl_per_frame": ("KL", ".2f"),
}
SPREAD = ("mean", "2.5 %", "97.5 %", "best")
BASELINES = {"repeat_first": "repeat first", "mean_frame": "mean frame"}
Figures = dict[str, float | None]


def print_evaluations(evaluations: Sequence[Evaluation], gaps: Sequence[float | None]) -> None:
    """Print the figures of evaluations with their gaps (see `posterior_gap`), and the spread of several samples."""
    names = [name for name, _ in COLUMNS.values()]
    title = f"PSNR, drift and 8-bit score in dB, KL in nats a frame; {_lengths(evaluations)}"
    print_table(["clip", "prediction", *names], _figure_rows(evaluations, gaps), title=title, written=names)
    if spread := _spread_rows(evaluations):
        numbers = ["samples", *SPREAD]
        title = "PSNR of the samples in dB: mean, 95% band, best"
        print_table(["clip", "prediction", *numbers], spread, title=title, written=numbers)


def _figure_rows(evaluations: Sequence[Evaluation], gaps: Sequence[float | None]) -> list[list[str]]:
    """Rows of each clip: every z mode, the gap, the baselines; of several clips the mean over them as well."""
    clips: dict[str, dict[str, Figures]] = {}
    for evaluation in evaluations:
        clips.setdefault(_clip(evaluation), {})[evaluation.z_mode] = evaluation.figures()
    for evaluation, gap in zip(evaluations, gaps, strict=True):
        if gap is not None:
            clips[_clip(evaluation)]["posterior gap"] = {"psnr": gap}
    for evaluation in evaluations:
        baselines = evaluation.baseline_figures()
        clips[_clip(evaluation)] |= {words: baselines[name] for name, words in BASELINES.items()}
    if len(clips) > 1:
        clips["mean"] = _mean_over(list(clips.values()))
    return [
        [clip if first else " ", name, *(_written(figures.get(key), form) for key, (_, form) in COLUMNS.items())]
        for clip, rows in clips.items()
        for first, (name, figures) in zip([True, *[False] * len(rows)], rows.items(), strict=False)
    ]


def _mean_over(clips: Sequence[dict[str, Figures]]) -> dict[str, Figures]:
    """The mean over clips of each figure that all of them have."""
    means: dict[str, Figures] = {}
    for name in clips[0]:
        columns = {key: [clip.get(name, {}).get(key) for clip in clips] for key in COLUMNS}
        means[name] = {
            key: mean([value for value in values if value is not None]) if None not in values else None
            for key, values in columns.items()
        }
    return means


def _spread_rows(evaluations: Sequence[Evaluation]) -> list[list[str]]:
    """Rows of what several rollouts of a clip make of its PSNR."""
    rows = []
    for item in evaluations:
        figures = item.figures()
        if item.samples > 1:
            spread = (_written(figures[key], ".2f") for key in ("psnr", "low", "high", "best"))
            rows.append([_clip(item), item.z_mode, str(item.samples), *spread])
    return rows


def _lengths(evaluations: Sequence[Evaluation]) -> str:
    return " and ".join(f"{length}" for length in sorted({len(item.psnr) for item in evaluations})) + " frames a clip"


def _clip(evaluation: Evaluation) -> str:
    return f"{evaluation.split} {evaluation.clip}"


def _written(value: float | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"
