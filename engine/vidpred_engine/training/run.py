"""Carrying one run through its life: lock, status, resume, outcome."""

import time
from collections.abc import Callable

from vidpred_engine.data.source import open_run_data
from vidpred_engine.device import choose_device, device_name
from vidpred_engine.errors import UserError
from vidpred_engine.launch.local import EXIT_DONE, EXIT_RESUMABLE
from vidpred_engine.progress import Progress
from vidpred_engine.store.metric_log import MetricWriter, rewind
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.training.checkpoint import LAST
from vidpred_engine.training.loop import Diverged, StopRequested, Training
from vidpred_engine.training.memory import keep_freed_memory

EXIT_FAILED = 1


def train_run(run: RunDirectory, status: StatusKeeper, progress: Progress, stop_requested: Callable[[], bool]) -> int:
    """Train a new run, or resume one, to its end or until asked to stop; returns the exit code of the contract.

    0 done, 75 saved and resumable, 1 failed. Whatever ends it, the status says so and the registry knows. The caller
    holds the run's lock.
    """
    try:
        code = _train(run, status, progress, stop_requested)
    except BaseException as error:
        status.update(state="failed", cause=_sentence(error), eta_seconds=None)
        raise
    finally:
        status.flush()
        Registry(run.path.parent).index(run)
    return code


def _sentence(error: BaseException) -> str:
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def _train(run: RunDirectory, status: StatusKeeper, progress: Progress, stop_requested: Callable[[], bool]) -> int:
    settings = run.settings()
    device = choose_device(settings.device)
    if device.type == "cpu":
        keep_freed_memory()
    data = open_run_data(settings, progress)
    training = Training(run, settings, data, device, status, progress, stop_requested)
    resumes = (run.checkpoints / LAST).exists()
    if resumes:
        training.restore()
    rewind(run.metrics_file, training.next_step, training.epochs_ended)
    status.update(
        state="running",
        epoch=training.epochs_ended,
        epochs=settings.epochs,
        step=training.next_step,
        steps=training.schedules.total_steps,
    )
    Registry(run.path.parent).index(run)
    progress.say(
        f"{'Resuming' if resumes else 'Training'} {run.run_id} on {device}: {training.parameters:,} parameters, "
        f"{training.schedules.total_steps:,} steps in {settings.epochs} epochs, from step {training.next_step}."
    )
    with MetricWriter(run.metrics_file) as log:
        return _to_an_end(training, log, status, progress, resumes=resumes, device=device_name(device))


def _to_an_end(
    training: Training, log: MetricWriter, status: StatusKeeper, progress: Progress, *, resumes: bool, device: str
) -> int:
    def event(name: str, text: str = "", **more: str) -> None:
        step, epoch = training.next_step, training.epochs_ended
        place = {"step": step, "epoch": epoch, "time": time.time()}
        log.append({"kind": "event", "event": name, **place, "text": text, **more})
        if text:
            progress.say(text)

    event("resume" if resumes else "start", device=device)
    try:
        training.run(log)
    except StopRequested:
        event("stop", f"Stopped and saved at step {training.next_step}; it resumes bit for bit.")
        status.update(state="stopped", step=training.next_step, eta_seconds=None)
        return EXIT_RESUMABLE
    except Diverged as error:
        event("fail", str(error))
        status.update(state="failed", cause=str(error), eta_seconds=None)
        return EXIT_FAILED
    event("finish")
    status.update(state="finished", step=training.next_step, eta_seconds=0.0)
    return EXIT_DONE
