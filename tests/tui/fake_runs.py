"""Runs as the engine writes them, a launcher that records, and waiting with a deadline."""

import asyncio
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from textual.pilot import Pilot

from vidpred_engine.comparison.telling_apart import steady_places
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import Evaluation, write_evaluation
from vidpred_engine.store.metric_log import MetricWriter, Record
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import State, Status, this_process, write_status
from vidpred_tui.theme import run_style

DEADLINE_SECONDS = 30.0


def fake_run(
    runs: Path,
    name: str,
    state: str = "finished",
    *,
    settings: dict[str, Any] | None = None,
    records: list[Record] | None = None,
    **status: Any,
) -> RunDirectory:
    """Write and index a run's folder; the process of a live one is the caller's own."""
    assert state in get_args(State)
    run = create_run(runs, RunSettings.model_validate({"name": name, "epochs": 5, **(settings or {})}))
    process = this_process() if state in ("running", "stopping") else {}
    write_status(run.status_file, Status(**{"state": state, "epochs": 5, **process, **status}))
    append_records(run, records or [])
    Registry(runs).index(run)
    return run


def append_records(run: RunDirectory, records: list[Record]) -> None:
    """Append to a run's metric log."""
    with MetricWriter(run.metrics_file) as log:
        for record in records:
            log.append(record)


def step_record(step: int, **values: float) -> Record:
    """A `step` record; what is not given is a plain function of the step."""
    defaults = {"loss": 1 / (step + 1), "mse": 0.5 / (step + 1), "kl": 2.0, "beta": 0.5, "teacher_forcing": 1.0}
    rest = {"lr": 1e-4, "grad_norm": 1.0, "clips_per_s": 10.0}
    return {"kind": "step", "step": step, "epoch": 0, "time": 1.0, **defaults, **rest, **values}


def validation_record(step: int, psnr: float) -> Record:
    """A `validation` record with both baselines."""
    figures = {"psnr": psnr, "repeat_first": 21.25, "mean_frame": 18.75}
    return {"kind": "validation", "step": step, "epoch": 0, "time": 1.0, **figures}


def evaluate(run: RunDirectory, psnr: list[float]) -> None:
    """Give a run an evaluation to quote."""
    baselines = {"repeat_first": [20.0] * len(psnr), "mean_frame": [15.0] * len(psnr)}
    provenance = {"z_mode": "prior", "samples": 1, "seed": 0, "checkpoint": "best", "step": 9, "weights": "last"}
    write_evaluation(run, Evaluation(split="val", clip=0, data_digest="d", psnr=psnr, **baselines, **provenance))  # type: ignore[arg-type]


@dataclass
class Launcher:
    """Stands in for the launcher: records what it was asked, and starts a process that ends by itself."""

    started: list[RunDirectory] = field(default_factory=list)
    stopped: list[RunDirectory] = field(default_factory=list)
    queues: list[Path] = field(default_factory=list)

    def start(self, run: RunDirectory) -> "subprocess.Popen[bytes]":
        """Record a start."""
        self.started.append(run)
        return subprocess.Popen(["true"])

    def work_on_queue(self, runs: Path) -> "subprocess.Popen[bytes]":
        """Record that a queue is to be worked on."""
        self.queues.append(runs)
        return subprocess.Popen(["true"])

    def stop(self, run: RunDirectory) -> None:
        """Record a stop."""
        self.stopped.append(run)


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Let the app work until the condition holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.01)
    await pilot.pause()


def wait_for(condition: Callable[[], object]) -> None:
    """Wait in this thread until the condition holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def signs(*shown: RunDirectory) -> list[str]:
    """The signs that runs bear where these are shown together."""
    return [run_style(place).sign for place in steady_places([run.run_id for run in shown])]
