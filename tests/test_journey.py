"""A person's way through vidpred: form, live charts, quitting, coming back, comparing; in a real terminal."""

import re
from pathlib import Path

import pytest

from conftest import TINY
from terminal import Terminal
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.metric_log import MetricReader
from vidpred_engine.store.run_directory import create_run, run_directories

DOWN, ENTER, ESCAPE, CTRL_S, HOME, DELETE_TO_END = "\x1b[B", "\r", "\x1b", "\x13", "\x01", "\x0b"


def braille(text: str) -> int:
    """How many cells of curve are on the screen."""
    return sum("\u2800" < character <= "\u28ff" for character in text)


def chart_cells(text: str) -> str:
    """The screen without its first rows, where progress and time change: what is left are the charts and the log."""
    return "\n".join(text.splitlines()[6:30])


@pytest.mark.slow
def test_start_from_the_form_watch_quit_return_and_compare(tmp_path: Path, lab_folder: Path) -> None:
    runs = tmp_path / "runs"
    slow = {**TINY, "data": str(lab_folder), "name": "first", "epochs": 150, "validate_every": 50, "save_every": 50}
    create_run(runs, RunSettings.model_validate(slow))

    with Terminal(runs) as terminal:
        terminal.sees("first", "created")
        terminal.press("d")  # the form, filled in from the first run
        terminal.sees("New run", "Start from", "as in copy of first", "clip length")
        type_into(terminal, "--lr", "0.002")
        terminal.press(CTRL_S)
        before = chart_cells(terminal.sees("running", "loss", "beta"))
        moved = terminal.until(lambda text: chart_cells(text) != before and braille(text) > 0, "curves that move")
        assert braille(moved) > 0
        started = run_directories(runs)[-1]
        assert started.settings().lr == 0.002, "the rate typed into the form"
        assert terminal.leave() == 0
    assert started.status().live, "training goes on without the app"

    with Terminal(runs) as terminal:
        terminal.sees("running")
        logged = len(MetricReader(started.metrics_file).read_new())
        assert logged > 0
        terminal.press(ENTER)
        terminal.until(lambda text: braille(text) > 0, "the whole history")
        terminal.sees("finished")
        terminal.press(ESCAPE)
        terminal.sees("created", "finished")
        terminal.press(DOWN)
        terminal.press("r")  # let the first run train too, to have a second to compare with
        terminal.until(lambda text: text.count("✓ finished") >= 2, "both runs finished")
        terminal.press("c")
        compared = terminal.sees("0.002", "0.0001")
        assert "lr" in compared
        assert terminal.leave() == 0
    assert [run.status().state for run in run_directories(runs)] == ["finished", "finished"]


@pytest.mark.slow
def test_from_the_first_start_over_the_demo_to_frames_and_files(tmp_path: Path) -> None:
    """The demo and a second run with another rate are stopped once their curves move; then both are compared."""
    runs, files = tmp_path / "runs", tmp_path / "files"
    files.mkdir()
    with Terminal(runs, columns=160, rows=48) as terminal:
        terminal.sees("No run yet")
        terminal.press(ENTER)
        watch_and_stop(terminal, "PSNR 2")  # the first validation gives frames to look at
        (demo,) = run_directories(runs)
        assert demo.settings().name == "demo"
        terminal.press("d")
        terminal.sees("New run", "as in copy of demo")
        type_into(terminal, "--lr", "0.0012")
        terminal.press(CTRL_S)
        watch_and_stop(terminal)
        second = run_directories(runs)[-1]
        assert second.settings() == demo.settings().model_copy(update={"name": second.settings().name, "lr": 0.0012})
        terminal.press(ESCAPE)
        terminal.sees(demo.run_id)  # the form was opened from there
        terminal.press(ESCAPE)
        terminal.until(lambda text: text.count("■ stopped") == 2, "the list of both runs")
        terminal.press("A")
        terminal.sees("2 marked")
        terminal.press("c")
        terminal.sees("0.0012", str(demo.settings().lr), "reference")
        terminal.press("x")
        terminal.sees("csv")
        terminal.press(HOME, DELETE_TO_END, str(files / "view.csv"), ENTER)
        terminal.until(lambda _: (files / "view.csv").exists(), "the exported view")
        terminal.press("f")
        terminal.until(lambda text: text.count("▀") + text.count("▄") > 500 and "PSNR" in text, "pictures")
        terminal.press("w", "p")
        terminal.until(lambda _: any(tmp_path.rglob("*.png")), "the exported frame")
        assert terminal.leave() == 0
    assert "0.0012" in (files / "view.csv").read_text()
    assert [run.status().state for run in run_directories(runs)] == ["stopped", "stopped"]


def watch_and_stop(terminal: Terminal, awaited: str = "") -> None:
    """On the Live screen, let the run stop once curves move and what is awaited stands there."""
    before = chart_cells(terminal.sees("running", "loss", "beta"))
    terminal.until(lambda text: chart_cells(text) != before and braille(text) > 20, "curves that move")
    terminal.sees(awaited)
    terminal.press("s")
    terminal.sees("Stop (y)")
    terminal.press("y")
    terminal.sees("■ stopped")


def type_into(terminal: Terminal, flag: str, value: str) -> None:
    """Move down the form to the field of `flag`, which its help line names, and replace what stands there."""
    while (here := described_flag(terminal.text)) != flag:
        seen = {here, ""}
        terminal.press(DOWN)
        terminal.until(lambda text: described_flag(text) not in seen, "the next field")  # noqa: B023 - used at once
    terminal.press(HOME, DELETE_TO_END, value)
    terminal.sees(value)


def described_flag(text: str) -> str:
    """The flag at the end of the help of the focused field, nothing where none is focused."""
    flags = re.findall(r"(--[a-z-]+)", "\n".join(text.splitlines()[-4:]))
    return flags[-1] if flags else ""
