"""vidpred-tui as a process: start, refusal, and a terminal that is left as it was found."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest

from tui.fake_runs import DEADLINE_SECONDS, fake_run

COMMAND = [sys.executable, "-c", "from vidpred_tui.cli import main; main()"]
SHOW_CURSOR, LEAVE_ALTERNATE_SCREEN = "\x1b[?25h", "\x1b[?1049l"


def environment(**changed: str) -> dict[str, str]:
    """That of a terminal of 256 colours."""
    return {**os.environ, "TERM": "xterm-256color", **changed}


def spawn(runs: Path, *arguments: str) -> "pexpect.spawn[str]":
    return pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], "--runs", str(runs), *arguments],
        env=environment(),
        encoding="utf-8",
        codec_errors="replace",
        timeout=DEADLINE_SECONDS,
        dimensions=(24, 80),
    )


def test_help_and_version_come_without_textual() -> None:
    code = (
        "import sys\n"
        "from vidpred_tui.cli import main\n"
        "try:\n    main()\nfinally:\n    assert not {'textual', 'torch', 'numpy'} & set(sys.modules)\n"
    )
    for option, said in (("--help", "--runs DIR"), ("--version", "vidpred 0.1.0")):
        done = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        assert said in done.stdout


def test_the_whole_program_runs_without_torch_and_the_packages_that_import_it() -> None:
    code = """
import importlib, pkgutil, sys
import vidpred_tui
for module in pkgutil.walk_packages(vidpred_tui.__path__, "vidpred_tui."):
    importlib.import_module(module.name)
assert "vidpred_tui.screens.compare" in sys.modules
heavy = ("torch", "torchvision", "vidpred_engine.training", "vidpred_engine.models", "vidpred_engine.evaluation")
print([name for name in sys.modules if name.startswith(heavy)])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("missing", "said"),
    [("stdin", "standard input"), ("stderr", "do not redirect it"), ("TERM", "set TERM")],
)
def test_no_terminal_is_refused_in_one_sentence(missing: str, said: str, runs: Path) -> None:
    main_end, terminal = pty.openpty()
    try:
        done = subprocess.run(
            [*COMMAND, "--runs", str(runs)],
            stdin=subprocess.DEVNULL if missing == "stdin" else terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if missing == "stderr" else terminal,
            env=environment(TERM="dumb") if missing == "TERM" else environment(),
            text=True,
            timeout=60,
        )
        sentence = done.stderr if missing == "stderr" else os.read(main_end, 4096).decode()
    finally:
        os.close(main_end)
        os.close(terminal)
    assert done.returncode == 2
    assert said in sentence
    assert sentence.strip().count("\n") == 0
    assert done.stdout == ""


@pytest.mark.parametrize("more", [[], ["--once"], ["--compare", "one", "two"]])
def test_a_file_in_place_of_the_folder_is_refused_in_one_sentence(more: list[str], tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no folder")
    done = subprocess.run([*COMMAND, "--runs", str(file), *more], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"vidpred-tui: {file} is not a folder; name the folder of the runs with --runs or VIDPRED_RUNS.\n"
    )


def test_quitting_restores_the_terminal_and_says_that_training_goes_on(runs: Path) -> None:
    fake_run(runs, "busy", "running")
    app = spawn(runs)
    app.expect("busy")
    app.expect("1 training")
    app.send("q")
    app.expect_exact("1 run keeps training; open vidpred-tui again to watch.")
    assert LEAVE_ALTERNATE_SCREEN in str(app.before)
    assert SHOW_CURSOR in str(app.before)
    app.expect(pexpect.EOF)
    app.close()
    assert app.exitstatus == 0


def test_sigterm_restores_the_terminal(runs: Path) -> None:
    app = spawn(runs, "--color", "16")
    app.expect("No run yet")
    app.kill(signal.SIGTERM)
    app.expect_exact(LEAVE_ALTERNATE_SCREEN)
    app.expect(pexpect.EOF)
    app.close()
    assert app.exitstatus == 128 + signal.SIGTERM


def test_the_number_of_colours_is_as_asked(runs: Path) -> None:
    app = spawn(runs, "--color", "16")
    app.expect("No run yet")
    drawn = str(app.before)
    assert "\x1b[" in drawn
    assert "38;2;" not in drawn
    assert "38;5;" not in drawn
    app.send("q")
    app.expect(pexpect.EOF)


def test_compare_opens_on_the_named_runs(runs: Path) -> None:
    for name in ("first", "second", "third"):
        fake_run(runs, name)
    app = spawn(runs, "--compare", "third", "first")
    app.expect("Compare")
    app.expect("2 runs")
    app.send("q")
    app.expect(pexpect.EOF)
    app.close()
    assert app.exitstatus == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["first", "nothing"], "vidpred-tui: There is no run 'nothing' in"),
        (["first", "first"], "vidpred-tui: Name two or more different runs to compare."),
        (["first", "more"], "vidpred-tui: 'more' names 2 runs"),
        (["first", "elsewhere"], "name the folder of all compared runs with --runs."),
    ],
)
def test_runs_that_cannot_be_compared_are_refused_in_one_sentence(
    words: list[str], said: str, runs: Path, tmp_path: Path
) -> None:
    fake_run(runs, "first")
    for name in ("one-run-more", "two-run-more"):
        fake_run(runs, name)
    outside = fake_run(tmp_path / "elsewhere", "outside")
    app = spawn(runs, "--compare", *(str(outside.path) if word == "elsewhere" else word for word in words))
    app.expect(pexpect.EOF)
    app.close()
    assert app.exitstatus == 2
    assert said in " ".join(str(app.before).split())
    assert "Traceback" not in str(app.before)


def test_ctrl_z_suspends_and_the_shell_gets_its_terminal_back(runs: Path) -> None:
    app = spawn(runs)
    app.expect("No run yet")
    app.send("\x1a")
    app.expect_exact(LEAVE_ALTERNATE_SCREEN)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while Path(f"/proc/{app.pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    app.kill(signal.SIGCONT)
    app.expect("No run yet")
    app.send("q")
    app.expect(pexpect.EOF)
    app.close()
    assert app.exitstatus == 0


def test_a_crash_leaves_with_a_failure_and_a_working_terminal(runs: Path) -> None:
    code = "from vidpred_tui import app, cli; app.VidpredApp.on_mount = lambda self: 1 / 0; cli.main()"
    app = pexpect.spawn(
        sys.executable,
        ["-c", code, "--runs", str(runs)],
        env=environment(),
        encoding="utf-8",
        codec_errors="replace",
        timeout=DEADLINE_SECONDS,
    )
    app.expect("ZeroDivisionError")
    app.expect(pexpect.EOF)
    app.close()
    assert app.exitstatus == 1
