"""vidpred-tui under the conditions of real life, on a real pseudo-terminal."""

import base64
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pexpect
import pytest

from terminal import Terminal
from tui.fake_runs import DEADLINE_SECONDS, fake_run, signs, step_record
from tui.test_tui_cli import COMMAND, LEAVE_ALTERNATE_SCREEN, environment, spawn
from vidpred_engine.store.status import read_status, write_status
from vidpred_tui.memory import state_file

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|9[0-7]|38;[25];[\d;]+|4[0-7]|10[0-7]|48;[25];[\d;]+)m")


def once(runs: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """`--once` in a process of its own, which says at its end whether it loaded what takes long."""
    code = (
        "import sys, atexit\n"
        "heavy = {'textual', 'torch', 'numpy', 'rich'}\n"
        "atexit.register(lambda: print(*sorted(heavy & set(sys.modules)), file=sys.stderr))\n"
        "from vidpred_tui.cli import main\n"
        "main()\n"
    )
    words = ("--runs", str(runs), "--once", *words)
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60
    )


def test_once_prints_plain_lines_and_loads_neither_textual_nor_torch(runs: Path) -> None:
    summary = {"loss": 0.125, "best_psnr": 30.5, "repeat_first": 20.25, "mean_frame": 15.0}
    done = fake_run(runs, "done", settings={"epochs": 7}, epoch=7, summary=summary)
    busy = fake_run(runs, "busy", "running", epoch=2, eta_seconds=90.0)
    found = once(runs)
    assert (found.returncode, found.stderr.strip()) == (0, "")
    head, *lines = (line.split("\t") for line in found.stdout.splitlines())
    assert head[:9] == ["run", "name", "state", "epoch", "epochs", "eta_seconds", "loss", "best_psnr", "baseline"]
    assert sorted(line[:9] for line in lines) == sorted(
        [
            [busy.run_id, "busy", "running", "2", "5", "90", "-", "-", "-"],
            [done.run_id, "done", "finished", "7", "5", "-", "0.125", "30.5", "20.25"],
        ]
    )
    assert [line.split("\t")[1] for line in once(runs, "state:running").stdout.splitlines()[1:]] == ["busy"]
    assert [line.split("\t")[1] for line in once(runs, "-state:running").stdout.splitlines()[1:]] == ["done"]
    assert once(runs, "name:nothing").stdout.count("\n") == 1
    fault = once(runs, "lr<<")
    assert fault.returncode == 2
    assert fault.stderr.startswith("vidpred-tui: At character")
    assert fault.stdout == ""


def test_a_terminal_that_shrinks_and_grows_shows_what_there_is_room_for(runs: Path) -> None:
    fake_run(runs, "subject")
    with Terminal(runs, columns=100, rows=30) as terminal:
        terminal.sees("subject", "base")
        for columns, rows, word in ((40, 12, "subject"), (30, 8, "vidpred needs 40x12"), (100, 30, "base")):
            terminal.process.setwinsize(rows, columns)
            terminal.screen.resize(rows, columns)
            terminal.sees(word)
        assert terminal.leave() == 0


def test_the_terminal_is_as_large_as_it_is_and_not_as_its_parent_says(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readline exports the size of the terminal in which it was loaded."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "24")
    with Terminal(runs, columns=120, rows=40) as terminal:
        terminal.sees("No run yet", "Quit")
        assert "Quit" in terminal.text.splitlines()[39]


def test_two_programs_on_one_folder_see_what_the_other_does(runs: Path) -> None:
    fake_run(runs, "subject")
    with Terminal(runs) as one, Terminal(runs) as two:
        one.sees("subject")
        two.sees("subject")
        one.press("*")
        two.until(lambda text: "★ ✓ finished" in text, "the star that was given in the other one")
        two.press("t", "mine", "\r")
        one.sees("mine")
        assert one.leave() == 0
        assert two.leave() == 0


def test_suspended_and_brought_back_by_a_shell_it_goes_on(runs: Path) -> None:
    fake_run(runs, "subject")
    shell = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-i"],
        env=environment(PS1="prompt> "),
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        dimensions=(24, 80),
    )
    shell.expect_exact("prompt> ")
    shell.sendline(f"{COMMAND[0]} -c '{COMMAND[2]}' --runs {runs}")
    shell.expect("subject")
    shell.send("\x1a")
    shell.expect_exact(LEAVE_ALTERNATE_SCREEN)
    shell.expect("Stopped")
    shell.expect_exact("prompt> ")
    shell.sendline("fg")
    shell.expect("subject")
    shell.send("q")
    shell.expect_exact("prompt> ")
    shell.sendline("echo left with $?")
    shell.expect("left with 0")
    shell.sendline("exit")
    shell.expect(pexpect.EOF)


def test_without_colours_signs_carry_everything(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    summary = {"best_psnr": 12.0, "repeat_first": 20.25, "mean_frame": 15.0}
    bad = fake_run(runs, "bad", summary=summary, records=[step_record(step) for step in range(9)])
    gone = fake_run(runs, "gone", "failed", records=[step_record(step) for step in range(9)])
    app = spawn(runs)
    app.expect("✗ failed")
    app.expect("12.0 ▼")
    drawn = str(app.before) + str(app.after)
    app.send("c")
    app.expect("All settings are the same")
    drawn += str(app.before)
    app.send("\t")
    app.expect("best over first frame")
    drawn += str(app.before)
    app.send("q")
    app.expect(pexpect.EOF)
    drawn += str(app.before)
    assert not COLOUR.findall(drawn)
    assert all(sign in drawn for sign in signs(bad, gone))
    assert re.search(r"\x1b\[(\d+;)*7[;m]", drawn), "the cursor is seen without a colour"


def test_a_run_that_ends_elsewhere_rings_the_bell_and_ids_are_copied_through_the_terminal(runs: Path) -> None:
    run = fake_run(runs, "subject", "running")
    app = spawn(runs)
    app.expect("subject")
    app.send("i")
    app.expect_exact(f"\x1b]52;c;{base64.b64encode(run.run_id.encode()).decode()}\x07")
    app.expect("Copied")
    write_status(run.status_file, replace(read_status(run.status_file), state="finished"))
    app.expect_exact("\x07")
    app.expect("is finished")
    app.send("q")
    app.expect(pexpect.EOF)
    app.close()
    assert app.exitstatus == 0


def test_a_connection_that_ends_ends_it_with_what_it_remembers(runs: Path) -> None:
    app = spawn(runs)
    app.expect("No run yet")
    app.kill(signal.SIGHUP)
    app.expect(pexpect.EOF)
    app.close()
    assert app.exitstatus == 128 + signal.SIGHUP
    assert state_file().is_file()


def test_a_terminal_that_vanishes_leaves_no_program_behind(runs: Path) -> None:
    app = spawn(runs)
    app.expect("No run yet")
    app.ptyproc.fileobj.close()  # type: ignore[attr-defined]  # as when sshd goes: it is told, and can write no more
    deadline = time.monotonic() + DEADLINE_SECONDS
    assert app.pid is not None
    while (ended := os.waitpid(app.pid, os.WNOHANG))[0] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert os.waitstatus_to_exitcode(ended[1]) == 128 + signal.SIGHUP
    assert state_file().is_file()
