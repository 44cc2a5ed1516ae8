"""Which runs are compared, in which figures, and in which settings they differ."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.run_directory import RunDirectory, find_run

FIGURES = ("loss", "mse", "kl", "psnr", "best_psnr", "repeat_first", "mean_frame")


def choose_runs(runs: Path, wanted: Sequence[str]) -> list[RunDirectory]:
    """The different runs that words name, each as `find_run` reads it; raises UserError for fewer than two."""
    chosen = {run.run_id: run for run in (find_run(runs, word) for word in wanted)}
    if len(chosen) < 2:
        raise UserError("Name two or more different runs to compare.")
    return list(chosen.values())


def differing_settings(settings: Sequence[RunSettings]) -> dict[str, list[Any]]:
    """The settings that are not the same everywhere, with the value of each run; the name is no setting to compare."""
    columns = {name: [getattr(item, name) for item in settings] for name in RunSettings.model_fields if name != "name"}
    return {name: values for name, values in columns.items() if any(value != values[0] for value in values)}
