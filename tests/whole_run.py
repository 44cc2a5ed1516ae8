"""A run with every file that the store writes, made without any training."""

from pathlib import Path
from typing import Any

import torch

from pngs import random_frames
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import Annotations
from vidpred_engine.store.evaluations import Evaluation, write_evaluation
from vidpred_engine.store.metric_log import MetricWriter
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.sample_frames import SampleFrames, write_sample_frames
from vidpred_engine.store.status import Status, write_status
from vidpred_engine.training.checkpoint import save_checkpoint

SAID = Annotations("shown", ("kl", "long"), "why it was trained", starred=True)
SETTINGS = RunSettings(name="whole", lr=0.5, epochs=3)
SUMMARY: dict[str, float | str | None] = {
    "loss": 0.25,
    "mse": 0.125,
    "kl": 0.5,
    "psnr": 24.0,
    "repeat_first": 18.0,
    "mean_frame": 20.0,
    "best_psnr": 25.0,
}
STATUS = Status("finished", heartbeat=1.7e9, epoch=3, epochs=3, step=30, summary=SUMMARY)
EVALUATION = Evaluation("val", 0, "prior", 1, 0, "best", 9, "last", "d", [20.0, 30.0], [10.0, 12.0], [11.0, 11.0])


def log_records() -> list[dict[str, Any]]:
    """What a training of three epochs of ten steps, that ended well, has logged: its status is STATUS."""
    records: list[dict[str, Any]] = [event("start", 0, 0, 1.6e9)]
    for epoch in range(3):
        place = {"epoch": epoch, "time": 1.65e9}
        for step in range(10 * epoch, 10 * epoch + 10):
            records.append({"kind": "step", "step": step, **place, "loss": 1 / (step + 1), "mse": 0.5, "kl": 2.0})
        records.append({"kind": "epoch", "step": step, **place, "loss": 0.25, "mse": 0.125, "kl": 0.5})
        figures = {"psnr": (23.0, 25.0, 24.0)[epoch], "repeat_first": 18.0, "mean_frame": 20.0, "seconds": 1.0}
        records.append({"kind": "validation", "step": step, **place, **figures})
    return [*records, event("finish", 30, 3, 1.7e9)]


def event(name: str, step: int, epoch: int, time: float) -> dict[str, Any]:
    """A record of an event."""
    return {"kind": "event", "event": name, "step": step, "epoch": epoch, "time": time, "text": ""}


def whole_run(runs: Path, name: str = "whole") -> RunDirectory:
    """Make and index such a run."""
    run = create_run(runs, SETTINGS.model_copy(update={"name": name}))
    write_status(run.status_file, STATUS)
    with MetricWriter(run.metrics_file) as log:
        for record in log_records():
            log.append(record)
    write_evaluation(run, EVALUATION)
    truth, prediction, pose = (random_frames(2, seed=seed) for seed in range(3))
    facts = ("val", 0, "prior", 0, "best", 9, "last", "d", [20.0, 30.0])
    write_sample_frames(run, SampleFrames(*facts, truth, prediction, pose))
    content = {"settings": run.settings().model_dump(), "step": 30, "model": {"weight": torch.arange(300.0)}}
    for file in ("last.pt", "best.pt"):
        save_checkpoint(run.checkpoints / file, content)
    run.log_file.write_text("Training on cpu.\nepoch 1/3\n")
    registry = Registry(runs)
    registry.index(run)
    registry.annotate([run], lambda _: SAID)
    return run
