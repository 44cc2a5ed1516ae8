"""Carrying one run through its life: lock, status, resume, outcome."""

from collections.abc import Callable
from contextlib import suppress

import torch

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
from vidpred_engine.training.journal import PATIENCE_SECONDS, Journal
from vidpred_engine.training.loop import Diverged, StopRequested, Training, Unsaved
from vidpred_engine.training.memory import keep_freed_memory
from vidpred_engine.training.room import refuse_without_room

EXIT_FAILED = 1


def train_run(run: RunDirectory, status: StatusKeeper, progress: Progress, stop_requested: Callable[[], bool]) -> int:
    """Train a new run, or resume one, to its end or until asked to stop; returns the exit code of the contract.

    0 done, 75 saved and resumable, 1 failed. Whatever ends it, the status says so and the registry knows. The caller
    holds the run's lock.
    """
    try:
        return _train(run, status, progress, stop_requested)
    except BaseException as error:
        sentence = _sentence(error)
        status.update(state="failed", cause=sentence, eta_seconds=None)
        if not _is_foreseen(error):
            raise
        progress.say(sentence)
        return EXIT_FAILED
    finally:
        status.flush()
        with suppress(OSError):  # the index can be rebuilt, and whoever lists runs reads the status of this one
            Registry(run.path.parent, patience=PATIENCE_SECONDS).index(run)


def _is_foreseen(error: BaseException) -> bool:
    """Whether disk or memory gave out: a fault of no program, which a traceback would not explain."""
    return isinstance(error, OSError) or _is_out_of_memory(error)


def _is_out_of_memory(error: BaseException) -> bool:
    no_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return no_memory or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))  # torch on a CPU


def _sentence(error: BaseException) -> str:
    """What a status says of the error that ends a run."""
    first_line = str(error).partition("\n")[0]
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'} cannot be read or written: {error.strerror or first_line}."
    if _is_out_of_memory(error):
        return f"Out of memory; lower batch_size, clip_length or the frames' size. {first_line}".rstrip()
    return f"{type(error).__name__}: {first_line}"


def _train(run: RunDirectory, status: StatusKeeper, progress: Progress, stop_requested: Callable[[], bool]) -> int:
    settings = run.settings()
    device = choose_device(settings.device)
    if device.type == "cpu":
        keep_freed_memory()
    data = open_run_data(settings, progress)
    training = Training(run, settings, data, device, status, progress, stop_requested)
    refuse_without_room(run, training.room_needed)
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
    progress.say(
        f"{'Resuming' if resumes else 'Training'} {run.run_id} on {device}: {training.parameters:,} parameters, "
        f"{training.schedules.total_steps:,} steps in {settings.epochs} epochs, from step {training.next_step}."
    )
    try:
        with MetricWriter(run.metrics_file) as log:
            journal = Journal(log, progress, lambda: {"step": training.next_step, "epoch": training.epochs_ended})
            journal.index(run)
            journal.event("resume" if resumes else "start", device=device_name(device))
            return _to_an_end(training, journal, status)
    except (Diverged, Unsaved) as error:
        status.update(state="failed", cause=str(error), eta_seconds=None)
        return EXIT_FAILED


def _to_an_end(training: Training, journal: Journal, status: StatusKeeper) -> int:
    try:
        training.run(journal)
    except StopRequested:
        _write_status(journal, status)
        journal.event("stop", f"Stopped and saved at step {training.next_step}; it resumes bit for bit.")
        status.update(state="stopped", step=training.next_step, eta_seconds=None)
        return EXIT_RESUMABLE
    except Unsaved as error:
        journal.event("fail", str(error))
        raise
    except Diverged:
        journal.event("fail")  # the reason was said as an event of its own
        raise
    _write_status(journal, status)
    journal.event("finish")
    status.update(state="finished", step=training.next_step, eta_seconds=0.0)
    return EXIT_DONE


def _write_status(journal: Journal, status: StatusKeeper) -> None:
    """Try once more, and say how that went: the last try may have failed within the last half second."""
    status.flush()
    journal.note("status.json", status.fault)
