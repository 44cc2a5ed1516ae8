"""What became of each experiment, read from its run's directory."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from vidpred_engine.errors import UserError
from vidpred_engine.presets import preset_settings
from vidpred_engine.reproduction.experiments import EXPERIMENTS, Experiment
from vidpred_engine.settings import RunSettings, differences
from vidpred_engine.store.evaluations import Evaluation, main_evaluation
from vidpred_engine.store.metric_log import MetricReader, Record
from vidpred_engine.store.run_directory import RunDirectory, run_directories
from vidpred_engine.store.status import Status

NOT_TRAINED = "not trained"
NOT_COMPARED = ("name", "device")
"""Settings that change nothing about what an experiment shows."""


def runs_folder(folder: Path) -> Path:
    """Where the runs of a result folder lie."""
    return folder / "runs"


def find_experiment_run(folder: Path, experiment: Experiment) -> RunDirectory | None:
    """The experiment's run in a result folder, None while there is none; raises UserError where there are several."""
    named = re.compile(rf"^\d{{8}}-\d{{6}}-{re.escape(experiment.preset)}-[0-9a-f]{{4}}$")
    found = [run for run in run_directories(runs_folder(folder)) if named.match(run.run_id)]
    if len(found) > 1:
        names = " and ".join(run.run_id for run in found)
        raise UserError(f"{runs_folder(folder)} holds {names}, but only one run can be {experiment.name}; move others.")
    return found[0] if found else None


def changed_settings(experiment: Experiment, settings: RunSettings) -> dict[str, Any]:
    """The settings that differ from the experiment's preset in what it shows, by name."""
    changed = differences(settings, preset_settings(experiment.preset))
    return {name: value for name, value in changed.items() if name not in NOT_COMPARED}


@dataclass(frozen=True)
class TrainedRun:
    """An experiment's run as it stands; `records` is its whole metric log."""

    run: RunDirectory
    settings: RunSettings
    status: Status
    evaluation: Evaluation | None
    records: list[Record] = field(repr=False)

    @cached_property
    def epochs(self) -> list[Record]:
        """The records of ended epochs: means over the epoch."""
        return [record for record in self.records if record["kind"] == "epoch"]

    @property
    def device(self) -> str:
        """The device it trained on, the last one where it was resumed."""
        devices = [record["device"] for record in self.records if record["kind"] == "event" and "device" in record]
        return str(devices[-1]) if devices else self.settings.device


@dataclass(frozen=True)
class Result:
    """An experiment and its run, None while it has none."""

    experiment: Experiment
    trained: TrainedRun | None

    @property
    def state(self) -> str:
        """The run's state."""
        return self.trained.status.state if self.trained else NOT_TRAINED

    @property
    def evaluation(self) -> Evaluation | None:
        """The evaluation to quote, only of a finished run: an earlier best says nothing about a run that failed."""
        return self.trained.evaluation if self.trained and self.state == "finished" else None

    @property
    def epochs(self) -> list[Record]:
        """The epochs to draw: those of a run that has ended, be it in failure."""
        return self.trained.epochs if self.trained and self.state in ("finished", "failed") else []

    @property
    def remark(self) -> str:
        """What kept the experiment from its end, empty where it is finished."""
        if self.trained is None:
            return NOT_TRAINED
        status = self.trained.status
        if status.state == "finished":
            return ""
        place = f" in epoch {min(status.epoch + 1, status.epochs)} of {status.epochs}" if status.steps else ""
        return f"{status.state}{place}" + (f": {status.cause}" if status.cause else "")


def read_results(folder: Path) -> list[Result]:
    """All seven experiments with what a result folder holds of them; raises UserError naming what cannot be read."""
    return [Result(experiment, _read(find_experiment_run(folder, experiment))) for experiment in EXPERIMENTS]


def _read(run: RunDirectory | None) -> TrainedRun | None:
    if run is None:
        return None
    records = MetricReader(run.metrics_file).read_new()
    return TrainedRun(run, run.settings(), run.status(), main_evaluation(run), records)
