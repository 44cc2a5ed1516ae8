"""Local launcher: a run's training or rollout as a detached process of its own session, on this machine."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace

from vidpred_engine.errors import UserError
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import State, Status, is_alive_here, read_status, want_of_memory, write_status

EXIT_DONE = 0
EXIT_USAGE = 2
EXIT_RESUMABLE = 75


def start(run: RunDirectory) -> subprocess.Popen[bytes]:
    """Start, or resume, the training of a run in the background and return its process.

    The process leads a session of its own, reads nothing and writes to the run's log, so it outlives the terminal,
    the SSH connection and this program. Raises UserError where the run is at work already or is finished.
    """
    status = run.status()
    if status.live:
        raise UserError(f"Run {run.run_id} is {status.state} already.")
    if status.state == "finished":
        raise UserError(f"Run {run.run_id} is finished; duplicate it to train anew.")
    run.refuse_links()
    write_status(run.status_file, replace(status, state="starting", pid=0, cause="", heartbeat=time.time()))
    return _detached(run, "train", "--run", str(run.path))


def predict(run: RunDirectory, clip: int = 0) -> subprocess.Popen[bytes]:
    """Roll out a validation clip of a run in the background, as `start` trains it; raises UserError without weights."""
    if not (run.checkpoints / "best.pt").is_file():
        raise UserError(f"Run {run.run_id} has no checkpoint to predict with yet; it keeps the best after validating.")
    return _detached(run, "predict", str(run.path), "--clip", str(clip))


def _detached(run: RunDirectory, *arguments: str) -> subprocess.Popen[bytes]:
    run.refuse_links()
    with run.log_file.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "vidpred_engine", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


def stop(run: RunDirectory) -> None:
    """Ask a run's process to save and leave (SIGTERM), also one that is stopped.

    Raises UserError where none is alive on this machine.
    """
    status = read_status(run.status_file)
    if not is_alive_here(status):
        raise UserError(f"Run {run.run_id} has no process on this machine; it is {run.status().state}.")
    for number in (signal.SIGTERM, signal.SIGCONT):
        os.kill(status.pid, number)


def record_end(run: RunDirectory, pid: int, exit_code: int) -> None:
    """Say how a training ended that could not say so itself; `exit_code` is as `subprocess` gives it.

    Leaves alone what the process did say, and a run that another process trains by now.
    """
    if not _ended_silently(read_status(run.status_file), pid):
        return
    with suppress(UserError, OSError), only_trainer(run):
        status = read_status(run.status_file)
        if _ended_silently(status, pid):
            state: State = "stopped" if exit_code == EXIT_RESUMABLE else "failed"
            cause = _manner(exit_code) + (want_of_memory(status) if exit_code == -signal.SIGKILL else "")
            write_status(run.status_file, replace(status, state=state, cause=cause, eta_seconds=None))


def _ended_silently(status: Status, pid: int) -> bool:
    return status.live and status.pid in (0, pid)


def _manner(exit_code: int) -> str:
    if exit_code < 0:
        return f"its process was killed by {signal.Signals(-exit_code).name}"
    if exit_code == EXIT_RESUMABLE:
        return "its process was told twice to stop and left at once; it resumes from its last checkpoint"
    return f"its process ended with exit code {exit_code} and said no more; see the log"
