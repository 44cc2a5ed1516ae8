"""Local launcher: a run's training or rollout as a detached process of its own session, on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from vidpred_engine.errors import UserError
from vidpred_engine.launch import queue
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
    with queue.changing(run.path.parent):
        status = run.status()
        if status.live:
            raise UserError(f"Run {run.run_id} is {status.state} already.")
        if status.state == "finished":
            raise UserError(f"Run {run.run_id} is finished; duplicate it to train anew.")
        run.refuse_links()
        _write_starting(run, replace(status, place=0))
    return _detached(run, "train", "--run", str(run.path))


def start_in_turn(run: RunDirectory, environment: Mapping[str, str]) -> "subprocess.Popen[bytes] | None":
    """Start a run whose turn in the queue has come, as `start` does; None where it is not in the queue any more.

    It keeps its place until its process has named itself: whoever finds it so knows that it may still have to be
    started. Started twice, it is trained once, as it has a lock.
    """
    with queue.changing(run.path.parent):
        status = read_status(run.status_file)
        if not queue.is_waiting(status):
            return None
        run.refuse_links()
        _write_starting(run, status)
    return _detached(run, "train", "--run", str(run.path), environment=environment)


def predict(run: RunDirectory, clip: int = 0) -> subprocess.Popen[bytes]:
    """Roll out a validation clip of a run in the background, as `start` trains it; raises UserError without weights."""
    if not (run.checkpoints / "best.pt").is_file():
        raise UserError(f"Run {run.run_id} has no checkpoint to predict with yet; it keeps the best after validating.")
    return _detached(run, "predict", str(run.path), "--clip", str(clip))


def _write_starting(run: RunDirectory, status: Status) -> None:
    write_status(run.status_file, replace(status, state="starting", pid=0, cause="", heartbeat=time.time()))


def _detached(
    run: RunDirectory, *arguments: str, environment: Mapping[str, str] = MappingProxyType({})
) -> subprocess.Popen[bytes]:
    run.refuse_links()
    return detached(run.log_file, *arguments, environment=environment)


def detached(log_file: Path, *arguments: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Run vidpred-engine in a session of its own, appending what it says to a file."""
    with log_file.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "vidpred_engine", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        )


def stop(run: RunDirectory) -> None:
    """Take a run out of the queue, or ask its process to save and leave (SIGTERM), also one that is stopped.

    Raises UserError where it does not wait and no process of it is alive on this machine.
    """
    status = read_status(run.status_file)
    if status.state == "queued":
        queue.take_out(run.path.parent, [run])
        return
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
            write_status(run.status_file, replace(status, state=state, place=0, cause=cause, eta_seconds=None))


def _ended_silently(status: Status, pid: int) -> bool:
    return status.live and status.pid in (0, pid)


def _manner(exit_code: int) -> str:
    if exit_code < 0:
        return f"its process was killed by {signal.Signals(-exit_code).name}"
    if exit_code == EXIT_RESUMABLE:
        return "its process was told twice to stop and left at once; it resumes from its last checkpoint"
    return f"its process ended with exit code {exit_code} and said no more; see the log"
