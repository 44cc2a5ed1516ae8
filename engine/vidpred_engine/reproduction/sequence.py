"""Training the chosen experiments one after the other, so that the same call again goes on where the last one ended."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from vidpred_engine.errors import UserError
from vidpred_engine.launch.local import EXIT_DONE, EXIT_RESUMABLE
from vidpred_engine.launch.new_run import new_run
from vidpred_engine.progress import Progress
from vidpred_engine.reproduction.experiments import EXPERIMENTS, Experiment
from vidpred_engine.reproduction.results import changed_settings, find_experiment_run, runs_folder
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.run_directory import RunDirectory

EXIT_FAILED = 1
Train = Callable[[RunDirectory], int]
"""Trains a run and returns the exit code of its contract: 0 done, 75 saved and resumable, 1 failed."""


def train_experiments(
    folder: Path,
    planned: Mapping[Experiment, RunSettings],
    train: Train,
    progress: Progress,
    stop_requested: Callable[[], bool],
) -> int:
    """Train what is not finished; returns 0 where all are, 75 once stopped, 1 where one has failed.

    A failure keeps no other experiment from its turn.
    """
    failed = False
    for number, (experiment, settings) in enumerate(planned.items(), start=1):
        if stop_requested():
            return EXIT_RESUMABLE
        place = f"Experiment {number} of {len(planned)}, {experiment.name} ({experiment.caption})"
        run = find_experiment_run(folder, experiment)
        if run is not None and run.status().state == "finished":
            progress.say(f"{place}: finished before.")
            continue
        progress.say(f"{place}:")
        code = _train_one(run or new_run(runs_folder(folder), settings), train)
        if code == EXIT_RESUMABLE:
            return code
        failed = failed or code != EXIT_DONE
    return EXIT_FAILED if failed else EXIT_DONE


def _train_one(run: RunDirectory, train: Train) -> int:
    """Train; an unforeseen failure, which the run's status names, is shown and kept from the other experiments."""
    try:
        return train(run)
    except UserError:
        raise
    except Exception:  # out of memory, a full disk: hours of other experiments must not end with this one
        traceback.print_exc()
        return EXIT_FAILED


def refuse_to_mix(folder: Path, planned: Mapping[Experiment, RunSettings]) -> None:
    """Raise UserError where the folder holds a run with settings that do not go with those planned.

    All runs of a folder differ from their presets alike, or their figures could not stand beside each other. A run
    that is to be resumed keeps its device, too.
    """
    example, settings = next(iter(planned.items()))
    wanted = changed_settings(example, settings)
    for experiment in EXPERIMENTS:
        run = find_experiment_run(folder, experiment)
        if run is None:
            continue
        there = run.settings()
        found = changed_settings(experiment, there)
        names = [name for name in {**found, **wanted} if found.get(name) != wanted.get(name)]
        if names:
            raise _mixed(folder, run, [(name, getattr(there, name), getattr(settings, name)) for name in names])
        resumed = experiment in planned and run.status().state != "finished"
        if resumed and there.device != planned[experiment].device:
            raise _mixed(folder, run, [("device", there.device, planned[experiment].device)])


def _mixed(folder: Path, run: RunDirectory, unlike: Sequence[tuple[str, object, object]]) -> UserError:
    listed = ", ".join(f"{name} {there!r} rather than {here!r}" for name, there, here in unlike[:4])
    return UserError(
        f"{folder} holds run {run.run_id} with {listed}; give the settings it was begun with, or another --out."
    )
