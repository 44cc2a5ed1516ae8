"""What is sent over SSH draws the same as what Textual writes: both are drawn by pyte, and the cells compared."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal import Terminal
from tui.fake_runs import fake_run, step_record
from vidpred_tui.shortening import shorten, shortener

COLUMNS, ROWS = 60, 8
STYLES = ["0", "", "1", "2;38;5;81", "38;5;253;48;5;16", "38;2;1;2;3;48;2;4;5;6", "31;42", "7", "4;38;5;81;48;5;16"]
STYLES += ["1;38;5;81;48;5;17", "48;5;16", "97;100", "9", "38;5;7"]


def cells(output: str, columns: int = COLUMNS, rows: int = ROWS) -> list[list[tuple[Any, ...]]]:
    """What is to be seen of each cell: of a blank no colour of text, nor its weight."""
    screen = pyte.Screen(columns, rows)
    pyte.Stream(screen).feed(output)
    return [[_look(screen.buffer[y][x]) for x in range(columns)] for y in range(rows)]


def _look(cell: Any) -> tuple[Any, ...]:
    marks = (cell.data, cell.bg, cell.reverse, cell.underscore, cell.strikethrough)
    return marks if cell.data == " " and not any(marks[2:]) else (*marks, cell.fg, cell.bold, cell.italics)


texts = st.one_of(st.text("ab⣿│", max_size=5), st.integers(0, 30).map(lambda count: " " * count))
places = st.tuples(st.integers(1, ROWS), st.integers(1, COLUMNS - 31)).map(lambda at: f"\x1b[{at[0]};{at[1]}H")
pieces = st.tuples(st.sampled_from(STYLES), places, texts, st.booleans()).map(
    lambda piece: f"{piece[1]}\x1b[{piece[0]}m{piece[2]}" + ("\x1b[0m" if piece[3] else "")
)


@given(st.lists(pieces, max_size=20), st.booleans())
def test_shortened_output_draws_the_same_and_ends_plain(written: list[str], erases: bool) -> None:
    output = "".join(written) + "\x1b[0m"
    shortened = shorten(output, erases=erases)
    after = "\x1b[1;1Hplain"
    assert cells(shortened + after) == cells(output + after)
    assert len(shortened) <= len(output) + len("\x1b[0m")


def test_textuals_way_of_writing_becomes_what_changes() -> None:
    row = (
        "\x1b[2;1H\x1b[38;5;244;48;5;16m 24┤\x1b[0m\x1b[1;38;5;81;48;5;16m•\x1b[0m\x1b[48;5;16m"
        + " " * 40
        + "\x1b[0m\r\n"
    )
    assert shorten(row, erases=True) == (
        "\x1b[2;1H\x1b[38;5;244;48;5;16m 24┤\x1b[1;38;5;81m•\x1b[40X\x1b[40C\r\n\x1b[0m"
    )
    assert " " * 40 in shorten(row, erases=False)


@pytest.mark.parametrize("output", ["\x1b[1mbold\x1b[22m not\x1b[0m", "\x1b[39mdefault\x1b[0m", "plain    text", ""])
def test_what_is_not_known_stays(output: str) -> None:
    assert shorten(output, erases=True) == output


def test_reverse_and_underlined_blanks_are_drawn() -> None:
    output = "\x1b[7m" + " " * 20 + "\x1b[0m\x1b[4m" + " " * 20 + "\x1b[0m"
    assert shorten(output, erases=True).count(" ") == 40


@pytest.mark.parametrize(("terminal", "erases"), [("xterm-256color", True), ("screen-256color", False), ("?", False)])
def test_blanks_are_erased_where_the_terminal_is_known_to_do_it_in_colour(terminal: str, erases: bool) -> None:
    told = (
        f"import vidpred_tui.shortening as s; print(s.shortener(dict(SSH_CONNECTION='c', TERM='{terminal}')).keywords)"
    )
    process = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == str({"erases": erases})


def test_a_terminal_of_this_machine_is_written_to_as_ever() -> None:
    assert shortener({"TERM": "xterm-256color"})("\x1b[0m\x1b[0m") == "\x1b[0m\x1b[0m"


@pytest.mark.slow
def test_a_real_live_screen_is_the_same_in_a_third_of_the_bytes(tmp_path: Path) -> None:
    records = [step_record(step, loss=2 / (1 + step / 40)) for step in range(300)]
    fake_run(tmp_path / "runs", "long", records=records, step=300, steps=300)
    received: list[bytes] = []
    with Terminal(tmp_path / "runs", columns=160, rows=48) as terminal:
        draw = terminal.draw

        def keep(output: bytes) -> None:
            received.append(output)
            draw(output)

        terminal.draw = keep  # type: ignore[method-assign]
        terminal.sees("long", "finished")
        terminal.press("\r")
        terminal.sees("loss", "TFR", "learning rate")
        terminal.until_quiet(2.0)
    output = b"".join(received).decode()
    shortened = shorten(output, erases=True)
    assert cells(shortened, 160, 48) == cells(output, 160, 48)
    assert len(shortened.encode()) < 0.4 * len(output.encode())
