"""Runs that nobody has trained, as the engine would have written them, in numbers that nobody has the time to train."""

import math
import time
from pathlib import Path
from typing import Any

from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.settings_toml import to_toml
from vidpred_engine.store import codec
from vidpred_engine.store.metric_log import MetricWriter, Record
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import State, Status, write_status

SUMMARY = {"loss": 0.0123, "mse": 0.0119, "psnr": 24.5, "best_psnr": 25.5, "repeat_first": 21.2, "mean_frame": 20.1}
# So many different lines fill a long log: encoding each of a million takes as long as all else.
DIFFERENT_LINES = 1000


def fabricate_runs(runs: Path, count: int, progress: Progress) -> RunDirectory:
    """Write `count` finished runs and index them; returns the newest.

    The store makes the first; the others are made like it, but neither flushed to the disk (28 ms each)
    nor with the folders that stay empty (minutes to delete).
    """
    settings = RunSettings(epochs=20, lr=2e-4)
    pattern = one_run(runs, "run-00000", "finished", epoch=20, epochs=20, step=9140, summary=SUMMARY)
    status = pattern.status_file.read_bytes()
    made, began = [pattern], time.time()
    with progress.report(f"writing {count:,} runs", unit="run") as report:
        for number in range(1, count):
            name = f"run-{number:05}"
            stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(began + number))
            run = RunDirectory(runs / f"{stamp}-{name}-{number % 0x10000:04x}")
            run.path.mkdir()
            run.settings_file.write_text(to_toml(settings.model_copy(update={"name": name})))
            run.status_file.write_bytes(status)
            made.append(run)
            report(number + 1, count)
    Registry(runs).index_all(made)
    return made[-1]


def one_run(runs: Path, name: str, state: State, **status: Any) -> RunDirectory:
    """Write a run's folder and index it."""
    run = create_run(runs, RunSettings(name=name, epochs=20, lr=2e-4))
    write_status(run.status_file, Status(state, **status))
    Registry(runs).index(run)
    return run


def step_record(step: int, **values: float) -> Record:
    """What a training logs of its steps: plausible curves with some noise, in all the digits of a double."""
    wobble = math.sin(12.9898 * step) * 43758.5453 % 1.0
    loss = 0.02 + 0.3 / (1 + step / 100) + 0.01 * wobble
    return {
        "kind": "step",
        "step": step,
        "epoch": step // 457,
        "time": 1.7e9 + 0.2 * step + 0.01 * wobble,
        "loss": loss,
        "mse": 0.9 * loss,
        "kl": 40 * loss + wobble,
        "psnr": -10 * math.log10(0.9 * loss),
        "grad_norm": 1 + wobble / 7,
        "forced": True,
        "clips_per_s": 80 + 9 * wobble,
        "beta": step % 4570 / 4570,
        "teacher_forcing": 1 / (1 + step / 9140),
        "lr": 2e-4,
        **values,
    }


def validation_record(step: int, psnr: float) -> Record:
    """What a training logs of a validation."""
    baselines = {"repeat_first": 21.2, "mean_frame": 20.1}
    return {"kind": "validation", "step": step, "epoch": step // 457, "time": 1.7e9, "psnr": psnr, **baselines}


def append_steps(run: RunDirectory, first: int, end: int) -> None:
    """Log the steps from `first` to before `end`."""
    with MetricWriter(run.metrics_file) as log:
        for step in range(first, end):
            log.append(step_record(step))


def write_long_log(path: Path, first: int, end: int) -> None:
    """Append the steps from `first` to before `end` in a second a million: the lines are alike but for their steps."""
    with MetricWriter(path):  # begins a new log
        pass
    rests = [codec.encode(step_record(step)).split(b",", 2)[2] for step in range(DIFFERENT_LINES)]
    with path.open("ab") as file:
        for begin in range(first, end, DIFFERENT_LINES):
            steps = range(begin, min(begin + DIFFERENT_LINES, end))
            lines = zip(steps, rests, strict=False)
            file.write(b"".join(b'{"kind":"step","step":%d,%b\n' % (step, rest) for step, rest in lines))
