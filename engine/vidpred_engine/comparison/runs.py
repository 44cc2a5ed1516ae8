"""What is compared of a run, whether it comes from disk at once or from a screen that follows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from vidpred_engine.curve import Curve
from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.codec import number
from vidpred_engine.store.evaluations import Evaluation, quoted_with_gap
from vidpred_engine.store.metric_log import MetricReader
from vidpred_engine.store.registry import read_entry
from vidpred_engine.store.run_directory import RunDirectory

PIECE_BYTES = 2**23
COURSES = ("loss", "mse", "kl", "teacher_forcing", "beta")
"""The fields of a step's record that are laid over each other."""


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """A run; its settings are None where they cannot be read, its evaluation is the one to quote.

    `gap` is by how many dB of PSNR z from the posterior beats that evaluation; `courses` holds COURSES over the steps.
    """

    run_id: str
    name: str
    state: str
    epoch: int
    epochs: int
    step: int
    settings: RunSettings | None
    summary: Mapping[str, Any] = field(default_factory=dict)
    evaluation: Evaluation | None = None
    gap: float | None = None
    courses: Mapping[str, Curve] = field(default_factory=dict)


def read_run(run: RunDirectory, *, with_courses: bool = True) -> ComparedRun:
    """Read a run from its folder; the courses of long ones take seconds, and tables show none."""
    entry = read_entry(run)
    evaluation, gap = quoted_with_gap(run)
    try:
        settings = run.settings()
    except UserError:  # the table says that they are unreadable
        settings = None
    return ComparedRun(
        run_id=run.run_id,
        name=entry.label,
        state=entry.state,
        epoch=entry.epoch,
        epochs=entry.epochs,
        step=entry.step,
        settings=settings,
        summary=entry.summary,
        evaluation=evaluation,
        gap=gap,
        courses=_courses(run.metrics_file) if with_courses else {},
    )


def _courses(path: Path) -> dict[str, Curve]:
    """The courses of a log, read in pieces: a million records at once would take a gigabyte."""
    reader, pieces = MetricReader(path), {name: [np.empty((0, 2))] for name in COURSES}
    while records := reader.read_new(PIECE_BYTES):
        steps = [record for record in records if record["kind"] == "step"]
        for name in COURSES:
            logged = [(number(record.get("step")), number(record.get(name))) for record in steps]
            pieces[name].append(np.array([pair for pair in logged if None not in pair], float).reshape(-1, 2))
    whole = {name: np.concatenate(found) for name, found in pieces.items()}
    return {name: Curve(found[:, 0], found[:, 1]) for name, found in whole.items()}
