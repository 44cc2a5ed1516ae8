"""The truth about a run's process: running, stalled, lost, or failed with how it ended; whatever clocks and pids do."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import orjson
import pytest
import torch

from test_kill import start
from test_training import measured, train, wait_until
from vidpred_engine.errors import UserError
from vidpred_engine.launch import local
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.run_directory import create_run
from vidpred_engine.store.status import (
    LIVE_STATES,
    State,
    Status,
    beating,
    is_alive_here,
    observed,
    read_status,
    this_process,
    write_status,
)
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.training.learner import Learner
from vidpred_engine.wording import STATE_SIGNS
from vidpred_tui.theme import colours

HOUR = 3600.0
CHILD = """
import orjson
from vidpred_engine.store.status import this_process
print(orjson.dumps(this_process()).decode(), flush=True)
input()
"""


@pytest.fixture
def child() -> Iterator[tuple[subprocess.Popen[bytes], Status]]:
    """A process, and the status of a run at work that it writes of itself."""
    process = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    yield process, beating(Status("running", **orjson.loads(process.stdout.readline())))
    process.kill()
    process.communicate()


def test_a_process_is_running_stalled_while_it_is_stopped_and_lost_once_it_is_killed(
    child: tuple[subprocess.Popen[bytes], Status],
) -> None:
    process, status = child
    assert observed(status) == status
    os.kill(process.pid, signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    stalled = observed(status)
    assert (stalled.state, stalled.eta_seconds) == ("stalled", None)
    assert f"kill -CONT {process.pid}" in stalled.cause
    assert stalled.live, "nobody else may train or delete it"
    assert is_alive_here(status), "it can be told to stop"
    os.kill(process.pid, signal.SIGCONT)
    os.waitpid(process.pid, os.WCONTINUED)
    assert observed(status).state == "running"
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert observed(status).state == "lost", "a zombie does no work"
    process.wait()
    lost = observed(status)
    assert (lost.state, lost.cause) == ("lost", f"its process {process.pid} is gone")
    assert not is_alive_here(status)


def test_no_clock_that_is_set_turns_a_live_process_into_a_lost_one(
    child: tuple[subprocess.Popen[bytes], Status],
) -> None:
    """Setting the clock moves the start times that the system reports, as it keeps them from the machine's start."""
    _, status = child
    for jump in (-HOUR, HOUR):
        assert observed(replace(status, process_started=status.process_started + jump)).state == "running"
        assert observed(replace(status, heartbeat=status.heartbeat + jump)).state == "running"
    assert observed(replace(status, start_ticks=status.start_ticks - 1)).state == "lost", "the pid was given anew"


def test_what_ran_before_the_machine_was_restarted_is_lost(child: tuple[subprocess.Popen[bytes], Status]) -> None:
    _, status = child
    lost = observed(replace(status, boot_id="0e1f-another"))
    assert (lost.state, lost.cause) == ("lost", f"the machine was restarted under its process {status.pid}")


def test_a_live_process_without_a_heartbeat_for_long_is_stalled_never_lost() -> None:
    status = beating(Status("running", **this_process()))
    silent = observed(replace(status, uptime=time.monotonic() - HOUR))
    assert silent.state == "stalled"
    assert "without a heartbeat for 60 min" in silent.cause
    assert observed(replace(status, uptime=time.monotonic() - 30)).state == "running"


def test_the_clock_of_another_host_is_not_trusted_further_than_it_can_be() -> None:
    remote = Status("running", pid=1, host="elsewhere", heartbeat=10_000.0)
    assert observed(remote, now=10_030.0) == remote
    assert observed(remote, now=10_000.0 + HOUR).state == "lost"
    ahead = observed(remote, now=10_000.0 - HOUR)
    assert (ahead.state, ahead.cause) == (
        "running",
        "the clock of elsewhere differs by 3600 s, so it may be gone unseen",
    )


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_a_process_that_never_reports_does_not_start_for_ever(jump: float) -> None:
    assert observed(Status("starting", heartbeat=time.time() + 1)).state == "starting"
    assert observed(Status("starting", heartbeat=time.time() + jump)).cause == "its process never reported"


def test_a_status_of_before_boots_and_ticks_were_told_still_reads(tmp_path: Path) -> None:
    path, identity = tmp_path / "status.json", this_process()
    older = {key: identity[key] for key in ("pid", "process_started", "host")}
    path.write_bytes(orjson.dumps({"format": 1, "state": "running", "heartbeat": 5.0, "step": 7, **older}))
    status = read_status(path)
    assert (status.step, status.boot_id, status.start_ticks) == (7, "", 0)
    assert observed(status).state == "running"
    assert observed(replace(status, process_started=status.process_started - 60)).state == "lost"


@pytest.mark.parametrize(("before", "now", "said"), [(3, 5, True), (3, 3, False), (-1, 5, False)])
def test_a_kill_for_want_of_memory_is_guessed_from_the_count_of_the_kernel(
    monkeypatch: pytest.MonkeyPatch, before: int, now: int, said: bool
) -> None:
    monkeypatch.setattr("vidpred_engine.store.status.oom_kills", lambda: now)
    lost = observed(Status("running", pid=2**22 + 1, process_started=1.0, oom_kills=before))
    assert lost.state == "lost"
    assert ("perhaps for want of memory: the kernel has killed 2 for it since" in lost.cause) == said


ENDS = [
    (-signal.SIGKILL, "failed", "its process was killed by SIGKILL"),
    (-signal.SIGSEGV, "failed", "its process was killed by SIGSEGV"),
    (3, "failed", "its process ended with exit code 3 and said no more; see the log"),
    (75, "stopped", "its process was told twice to stop and left at once; it resumes from its last checkpoint"),
]


@pytest.mark.parametrize(("code", "state", "cause"), ENDS)
@pytest.mark.parametrize("reported", [True, False])
def test_whoever_started_a_process_says_how_it_ended(
    tmp_path: Path, code: int, state: str, cause: str, reported: bool
) -> None:
    run = create_run(tmp_path, RunSettings())
    program = f"os.kill(os.getpid(), {-code})" if code < 0 else f"raise SystemExit({code})"
    process = subprocess.Popen([sys.executable, "-c", f"import os; {program}"])
    assert process.wait() == code
    status = Status("running", pid=process.pid, step=4) if reported else Status("starting")
    write_status(run.status_file, status)
    local.record_end(run, process.pid, process.returncode)
    found = run.status()
    assert (found.state, found.cause, found.step) == (state, cause, status.step)


def test_how_a_process_ended_is_not_said_over_its_own_word_or_another_process(tmp_path: Path) -> None:
    run = create_run(tmp_path, RunSettings())
    mine = Status("running", **this_process())
    for status in (Status("finished", pid=7), Status("failed", pid=7, cause="mse"), mine):
        write_status(run.status_file, status)
        local.record_end(run, 7, -9)
        assert read_status(run.status_file) == status
    write_status(run.status_file, Status("running", pid=7))
    with only_trainer(run):
        local.record_end(run, 7, -9)
    assert read_status(run.status_file).state == "running", "another process is at work on it"


FAULTS = [
    (MemoryError(), "Out of memory; lower batch_size, clip_length or the frames' size."),
    (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.\nMore"),
        "Out of memory; lower batch_size, clip_length or the frames' size. "
        "CUDA out of memory. Tried to allocate 20 GiB.",
    ),
    (
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
        "Out of memory; lower batch_size, clip_length or the frames' size. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 9 bytes.",
    ),
    (OSError(5, "Input/output error", "frames"), "frames cannot be read or written: Input/output error."),
]


@pytest.mark.parametrize(("fault", "sentence"), FAULTS, ids=["host", "CUDA", "torch", "disk"])
def test_a_training_that_runs_out_of_memory_or_disk_fails_in_one_sentence(
    tmp_path: Path,
    tiny: RunSettings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: Exception,
    sentence: str,
) -> None:
    run = create_run(tmp_path, tiny)
    monkeypatch.setattr(Learner, "step", _raise(fault))
    assert train(run) == 1
    assert (run.status().state, run.status().cause) == ("failed", sentence)
    assert sentence in capsys.readouterr().err.splitlines()


def test_an_unforeseen_fault_is_named_and_raised(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(tmp_path, tiny)
    monkeypatch.setattr(Learner, "step", _raise(ZeroDivisionError("a beta of\nnothing")))
    with pytest.raises(ZeroDivisionError):
        train(run)
    assert (run.status().state, run.status().cause) == ("failed", "ZeroDivisionError: a beta of")


def test_a_process_that_fails_before_it_trains_says_so(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, Status("created"))
    with pytest.raises(ImportError), StatusKeeper(path, "starting"):
        raise ImportError("no torch")
    assert (read_status(path).state, read_status(path).cause) == ("failed", "ImportError: no torch")


@pytest.mark.slow
def test_a_training_that_was_stopped_by_a_signal_shows_as_stalled_and_can_be_told_to_save(
    tmp_path: Path, tiny: RunSettings
) -> None:
    run = create_run(tmp_path, tiny.model_copy(update={"epochs": 100_000, "validate_every": 100_000}))
    process = start(run)
    wait_until(lambda: len(measured(run)) > 2)
    assert run.status().state == "running"
    os.kill(process.pid or 0, signal.SIGSTOP)
    wait_until(lambda: run.status().state == "stalled")
    with pytest.raises(UserError, match="is stalled already"):
        local.start(run)
    local.stop(run)
    process.join()
    assert process.exitcode == 75
    assert run.status().state == "stopped"


def test_every_state_has_a_sign_and_a_colour() -> None:
    assert set(STATE_SIGNS) == set(colours().states) == set(get_args(State))
    assert len(set(map(len, STATE_SIGNS.values()))) == 1
    assert set(LIVE_STATES) < set(get_args(State))


def _raise(fault: Exception) -> object:
    def step(*_: object, **__: object) -> None:
        raise fault

    return step
