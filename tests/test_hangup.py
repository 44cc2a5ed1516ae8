"""A terminal that is hung up, and an SSH connection whose client is killed, change nothing of a training in it."""

import os
import pty
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from test_kill import FORKS, _run_command
from test_training import measured, train, wait_until
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.metric_log import MetricReader
from vidpred_engine.store.run_directory import RunDirectory, create_run

DEADLINE_SECONDS = 300


def logged(run: RunDirectory) -> int:
    return len(MetricReader(run.metrics_file).read_new())


@pytest.fixture
def through(tmp_path: Path, tiny: RunSettings) -> RunDirectory:
    """A run of 40 epochs that nothing befell."""
    run = create_run(tmp_path / "through", tiny.model_copy(update={"epochs": 40, "validate_every": 10}))
    assert train(run) == 0
    return run


def in_terminal(path: str, cache: str, run: str) -> None:
    """Train in the foreground of a terminal, as its session's leader, which is told when it hangs up."""
    os.setsid()
    os.close(os.open(path, os.O_RDWR))
    _run_command(path, cache, 0o022, ["train", "--run", run])


def fill(terminal: str) -> None:
    """Write to a terminal until it takes no more, as it does when nobody reads what it shows, or after Ctrl+S."""
    end = os.open(terminal, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while os.write(end, b"x" * 100):
            pass
    os.close(end)


@pytest.mark.slow
@pytest.mark.parametrize("manner", ["hung up", "not read"])
def test_a_training_waits_for_no_terminal_and_outlives_it(tmp_path: Path, through: RunDirectory, manner: str) -> None:
    run = create_run(tmp_path / "runs", through.settings())
    terminal, end = pty.openpty()
    process = FORKS.Process(target=in_terminal, args=(os.ttyname(end), os.environ["VIDPRED_CACHE"], str(run.path)))
    process.start()
    wait_until(lambda: logged(run) > 3, DEADLINE_SECONDS)
    if manner == "not read":
        fill(os.ttyname(end))
        wait_until(lambda: not run.status().live, DEADLINE_SECONDS)
    os.close(end)
    os.close(terminal)
    process.join(DEADLINE_SECONDS)
    assert process.exitcode == 0
    assert run.status().state == "finished"
    assert measured(run) == measured(through)


@pytest.mark.slow
def test_a_training_outlives_its_ssh_connection(tmp_path: Path, through: RunDirectory, sshd: list[str]) -> None:
    """Started in the foreground of a login with a terminal, whose client is then killed with no word to the server."""
    run = create_run(tmp_path / "runs", through.settings())
    names = ("VIDPRED_CACHE", "PYTHONPATH", "OMP_NUM_THREADS")
    environment = " ".join(f"{name}={os.environ.get(name, '')}" for name in names)
    remote = f"{environment} {sys.executable} -m vidpred_engine train --run {run.path}"
    client = subprocess.Popen([*sshd[:1], "-tt", *sshd[1:], remote], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        wait_until(lambda: logged(run) > 3, DEADLINE_SECONDS)
    finally:
        client.send_signal(signal.SIGKILL)
        client.communicate()
    wait_until(lambda: not run.status().live, DEADLINE_SECONDS)
    assert (run.status().state, run.status().cause) == ("finished", "")
    assert measured(run) == measured(through)
