"""Several runs side by side: the settings in which they differ and their figures; one source for screen and command."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import COMPARED, Evaluation, compared_figures, quoted_with_gap
from vidpred_engine.store.registry import read_entry
from vidpred_engine.store.run_directory import RunDirectory, find_run

FIGURES = ("loss", "mse", "kl", "psnr", "best_psnr", "repeat_first", "mean_frame")


@dataclass(frozen=True)
class Comparison:
    """Columns are runs, in the order of `run_ids`.

    settings    name -> the value in each run, only where they differ
    figures     name -> the value in each run (None where there is none): state, epoch, step, losses of the last epoch,
                PSNR in dB of the last and the best validation, both baselines; then those of the evaluation to quote:
                SSIM with its baselines, drift and posterior gap in dB, KL in nats a frame
    psnr        the evaluation to quote of each run with its PSNR per frame, None where there is none
    """

    run_ids: list[str]
    names: list[str]
    settings: dict[str, list[Any]]
    figures: dict[str, list[Any]]
    psnr: list[Evaluation | None]


def choose_runs(runs: Path, wanted: Sequence[str]) -> list[RunDirectory]:
    """The different runs that words name, each as `find_run` reads it; raises UserError for fewer than two."""
    chosen = {run.run_id: run for run in (find_run(runs, word) for word in wanted)}
    if len(chosen) < 2:
        raise UserError("Name two or more different runs to compare.")
    return list(chosen.values())


def compare_runs(runs: Sequence[RunDirectory]) -> Comparison:
    """Read and compare runs; raises UserError where one has no usable settings."""
    settings = [run.settings() for run in runs]
    entries = [read_entry(run) for run in runs]
    figures: dict[str, list[Any]] = {
        "state": [entry.state for entry in entries],
        "epoch": [f"{entry.epoch}/{entry.epochs}" for entry in entries],
        "step": [entry.step for entry in entries],
    }
    figures |= {name: [entry.summary.get(name) for entry in entries] for name in FIGURES}
    quoted = [quoted_with_gap(run) for run in runs]
    evaluated = [compared_figures(evaluation, gap) for evaluation, gap in quoted]
    figures |= {name: [found[name] for found in evaluated] for name in COMPARED}
    return Comparison(
        run_ids=[run.run_id for run in runs],
        names=[entry.name for entry in entries],
        settings=differing_settings(settings),
        figures=figures,
        psnr=[evaluation for evaluation, _ in quoted],
    )


def differing_settings(settings: Sequence[RunSettings]) -> dict[str, list[Any]]:
    """The settings that are not the same everywhere, with the value of each run; the name is no setting to compare."""
    columns = {name: [getattr(item, name) for item in settings] for name in RunSettings.model_fields if name != "name"}
    return {name: values for name, values in columns.items() if any(value != values[0] for value in values)}
