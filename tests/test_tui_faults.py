"""A fault of the TUI, or a TUI that stands still, never touches training, and the terminal is given back."""

import os
import signal
import stat
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from conftest import TINY
from pngs import write_split
from test_kill import command, kill
from test_training import wait_until
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.metric_log import MetricReader
from vidpred_engine.store.run_directory import RunDirectory, create_run
from whole_run import whole_run

DEADLINE_SECONDS = 300
FAIL = """
def fail(*arguments, **more):
    raise RuntimeError("injected \\x1b]0;OWNED\\x07")
"""
DOWN, ENTER = "\x1b[B", "\r"

FAULTS = {
    "Runs, as it is drawn": ("from vidpred_tui.screens.runs import RunsScreen; RunsScreen.show_runs = fail", ""),
    "Live, as news come": ("from vidpred_tui.screens.live import LiveScreen; LiveScreen.show_run = fail", ENTER),
    "Settings, in its worker": (
        "import vidpred_tui.screens.settings as module; module.planned_charts = fail",
        "n",
    ),
    "Compare, as it is composed": (
        "from vidpred_tui.screens.compare import CompareScreen; CompareScreen.compose = fail",
        "Ac",
    ),
    "Compare, as its time has come": ("import vidpred_tui.screens.compare as module; module.compare = fail", "Ac"),
    "Frames, as a picture is rendered": (
        "from vidpred_tui.widgets.frame_view import FrameView; FrameView.render_lines = fail",
        "f",
    ),
    "the watcher's thread": ("from vidpred_tui.watcher import Watcher; Watcher.poll = fail", ""),
}
"""What is broken before the program starts, and the keys that lead there."""

TAKEN_OVER = "\x1b[?1049h"
RESTORED = {
    "the alternate screen is left": "\x1b[?1049l",
    "the cursor is on": "\x1b[?25h",
    "the mouse is off": "\x1b[?1000l",
    "motion is off": "\x1b[?1003l",
    "focus is off": "\x1b[?1004l",
    "pasting is plain": "\x1b[?2004l",
}


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunDirectory]:
    """A run that trains until it is stopped, and has frames to show; beside it lies a finished one."""
    root = tmp_path_factory.mktemp("faults")
    for split, count in (("train", 31), ("val", 5)):
        write_split(root / "data", split, count)
    whole_run(root / "runs")
    endless = {**TINY, "data": str(root / "data"), "name": "endless", "epochs": 100_000, "validate_every": 50}
    run = create_run(root / "runs", RunSettings.model_validate(endless))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIDPRED_CACHE", str(root / "cache"))
        process = command(run.log_file, "train", "--run", str(run.path))
    wait_until(lambda: run.status().state == "running" and any(run.frames.iterdir()), DEADLINE_SECONDS)
    yield run
    kill(process)


def program(runs: Path, state: Path, code: str = "") -> "pexpect.spawn[str]":
    """The real vidpred-tui on a terminal, with something done before it starts."""
    return pexpect.spawn(
        sys.executable,
        ["-c", f"{code}\nfrom vidpred_tui.cli import main; main()", "--runs", str(runs)],
        env={**os.environ, "TERM": "xterm-256color", "XDG_STATE_HOME": str(state)},
        encoding="utf-8",
        codec_errors="replace",
        timeout=DEADLINE_SECONDS,
        dimensions=(40, 120),
    )


def steps(run: RunDirectory) -> int:
    return sum(record["kind"] == "step" for record in MetricReader(run.metrics_file).read_new())


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_gives_the_terminal_back_leaves_a_report_and_lets_training_go_on(
    training: RunDirectory, tmp_path: Path, fault: str
) -> None:
    code, keys = FAULTS[fault]
    app = program(training.path.parent, tmp_path / "state", f"{FAIL}\n{code}")
    if keys:
        app.expect("endless")
        app.expect(r"\d{8}-\d{6}-\w+-")  # in the line on the chosen run: keys work from now on
        app.send(keys)
    app.expect("vidpred-tui has failed: RuntimeError: injected  ]0;OWNED ")
    drawn = str(app.before)
    assert not [what for what, code in RESTORED.items() if code not in drawn]
    app.expect(pexpect.EOF)
    assert_canonical(app)
    app.close()
    assert app.exitstatus == 1
    said = " ".join(str(app.before).split())
    assert "Training goes on" in said
    assert "Traceback" not in said
    (report,) = (tmp_path / "state" / "vidpred").glob("crash-*.txt")
    assert str(report) in said.replace(" ", "")
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    told = report.read_text()
    for fact in ("Traceback (most recent call last)", "in fail", "RuntimeError: injected", "vidpred: 0.", "120x40"):
        assert fact in told
    assert "TERM: xterm-256color" in told
    before = steps(training)
    wait_until(lambda: steps(training) > before, DEADLINE_SECONDS)
    assert training.status().state == "running"


def test_without_a_place_for_a_report_all_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    app = program(tmp_path, tmp_path / "state", f"{FAIL}\n{FAULTS['Runs, as it is drawn'][0]}")
    app.expect(pexpect.EOF)
    app.close()
    assert app.exitstatus == 1
    said = " ".join(str(app.before).split())
    assert "Traceback (most recent call last)" in said
    assert "No report could be left" in said


def test_only_the_newest_reports_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    from vidpred_tui.crash import MOST_REPORTS, crash_sentences

    (tmp_path / "vidpred").mkdir()
    for number in range(MOST_REPORTS + 5):
        (tmp_path / "vidpred" / f"crash-20250101-0000{number:02}-1.txt").touch()
    crash_sentences(ValueError("new"))
    kept = sorted(path.name for path in (tmp_path / "vidpred").iterdir())
    assert len(kept) == MOST_REPORTS
    assert kept[0] == "crash-20250101-000006-1.txt"


@pytest.mark.slow
def test_a_training_that_the_program_started_outlives_its_fault(tmp_path: Path, lab_folder: Path) -> None:
    run = create_run(tmp_path / "runs", RunSettings.model_validate({**TINY, "data": str(lab_folder), "epochs": 30}))
    broken = """
from vidpred_tui.screens.runs import RunsScreen
show = RunsScreen.show_runs
def fail_once_it_runs(screen, entries):
    show(screen, entries)
    assert not any(entry.state == "running" for entry in entries), "injected"
RunsScreen.show_runs = fail_once_it_runs
"""
    app = program(tmp_path / "runs", tmp_path / "state", broken)
    app.expect_exact(run.run_id)  # in the line on the chosen run: keys work from now on
    app.send("r")
    app.expect("vidpred-tui has failed: AssertionError: injected")
    app.expect(pexpect.EOF)
    app.close()
    assert app.exitstatus == 1
    wait_until(lambda: run.status().state == "finished", DEADLINE_SECONDS)
    assert steps(run) == 30 * 3


@pytest.mark.slow
def test_training_waits_neither_for_a_program_that_stands_still_nor_for_readers_of_its_log(
    tmp_path: Path, lab_folder: Path
) -> None:
    """What the program started goes on while that and a `tail -f` of the log are stopped; then both see its end."""
    run = create_run(tmp_path / "runs", RunSettings.model_validate({**TINY, "data": str(lab_folder), "epochs": 30}))
    app = program(tmp_path / "runs", tmp_path / "state")
    app.expect_exact(run.run_id)  # in the line on the chosen run: keys work from now on
    app.send("r")
    wait_until(run.log_file.exists, DEADLINE_SECONDS)
    app.kill(signal.SIGSTOP)
    tail = subprocess.Popen(["tail", "-f", "-n", "+1", run.log_file], stdout=subprocess.PIPE)
    tail.send_signal(signal.SIGSTOP)
    try:
        wait_until(lambda: run.status().state == "finished", DEADLINE_SECONDS)
        assert steps(run) == 30 * 3
    finally:
        tail.send_signal(signal.SIGCONT)
        app.kill(signal.SIGCONT)
    assert tail.stdout
    while b"epoch 30/30" not in tail.stdout.readline():
        pass
    tail.kill()
    tail.communicate()
    app.expect_exact(TAKEN_OVER)
    app.expect("finished")
    leave(app)


def leave(app: "pexpect.spawn[str]") -> None:
    app.send("q")
    app.expect(pexpect.EOF)
    assert_canonical(app)
    app.close()
    assert app.exitstatus == 0


def assert_canonical(app: "pexpect.spawn[str]") -> None:
    modes = termios.tcgetattr(app.child_fd)[3]
    assert modes & termios.ICANON
    assert modes & termios.ECHO


STOPPED_AT_A_BAD_MOMENT = """
import asyncio, os, pathlib, signal
from textual._context import active_app
get_loop = asyncio.Event._get_loop
def interrupted(event):
    app, moment = active_app.get(None), pathlib.Path(os.environ["XDG_STATE_HOME"], "moment")
    if app and event is app._message_queue.ready_event and moment.exists():
        moment.unlink()
        os.kill(os.getpid(), signal.SIGCONT)
    return get_loop(event)
asyncio.Event._get_loop = interrupted
"""
"""Between a queue's being found empty and its being waited for, where a message would wake nobody."""


def test_a_stop_at_any_moment_leaves_a_program_that_hears_keys(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    app = program(tmp_path / "runs", tmp_path / "state", STOPPED_AT_A_BAD_MOMENT)
    app.expect("No run yet")
    (tmp_path / "state" / "moment").touch()
    app.send("j")
    app.expect_exact(TAKEN_OVER)
    app.expect("No run yet")
    leave(app)


def test_a_program_that_was_stopped_goes_on_and_gives_the_terminal_back(tmp_path: Path) -> None:
    app = program(tmp_path, tmp_path / "state")
    app.expect("No run yet")
    for _ in range(2):
        app.kill(signal.SIGSTOP)
        app.kill(signal.SIGCONT)
        app.expect_exact(TAKEN_OVER)
        app.expect("No run yet")
    leave(app)
