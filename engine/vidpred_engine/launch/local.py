"""Local launcher: a run's training as a detached process of its own session, on this machine."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

from vidpred_engine.errors import UserError
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import is_alive_here, read_status, write_status

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
    write_status(run.status_file, replace(status, state="starting", pid=0, cause="", heartbeat=time.time()))
    with run.log_file.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "vidpred_engine", "train", "--run", str(run.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )


def stop(run: RunDirectory) -> None:
    """Ask a run's process to save and leave (SIGTERM); raises UserError where none is alive on this machine."""
    status = read_status(run.status_file)
    if not is_alive_here(status):
        raise UserError(f"Run {run.run_id} has no process on this machine; it is {run.status().state}.")
    os.kill(status.pid, signal.SIGTERM)
