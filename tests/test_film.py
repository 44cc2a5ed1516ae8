"""A film in a real terminal: the pixels that a person sees, and not a byte while it stands still."""

from pathlib import Path

import pexpect
import pytest

from pngs import Frames
from rollouts import rollout
from terminal import Terminal
from tui.fake_runs import fake_run
from vidpred_engine.store.sample_frames import write_sample_frames

FRAMES = 40
ESCAPE = "\x1b"


@pytest.mark.slow
def test_the_pixels_are_right_and_a_film_at_rest_sends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    run = fake_run(tmp_path, "lab")
    film = rollout(FRAMES, height=32, width=64)
    write_sample_frames(run, film)
    with Terminal(tmp_path, columns=80, rows=24) as terminal:
        terminal.sees("finished")
        terminal.press("f")
        terminal.sees("prediction", f"1/{FRAMES}")
        assert_shown(terminal, film.prediction[0])
        terminal.press(" ")
        terminal.sees("▶")
        terminal.sees(f"❚❚  {FRAMES}/{FRAMES}")
        assert silence(terminal)
        assert_shown(terminal, film.prediction[-1])
        terminal.press("?")  # dims the picture
        terminal.sees("Frames count from 1")
        terminal.press(ESCAPE)
        terminal.until(lambda text: "count from" not in text, "the help to close")
        assert_shown(terminal, film.prediction[-1])
        assert terminal.leave() == 0


def silence(terminal: Terminal) -> bool:
    """Draw what is on its way, then say whether nothing comes for two seconds."""
    for _ in range(20):
        try:
            terminal.draw(terminal.process.read_nonblocking(65536, timeout=2))
        except pexpect.TIMEOUT:
            return True
    return False


def assert_shown(terminal: Terminal, picture_hwc: Frames) -> None:
    """The picture stands below title and label, one column from the left, two pixels a cell."""

    def is_shown(_: str) -> bool:
        colours = [
            [terminal.colours(2 + y, 1 + x) for x in range(picture_hwc.shape[1])]
            for y in range(picture_hwc.shape[0] // 2)
        ]
        return all(
            colours[y][x] == (hexadecimal(picture_hwc[2 * y, x]), hexadecimal(picture_hwc[2 * y + 1, x]))
            for y in range(len(colours))
            for x in range(len(colours[0]))
        )

    terminal.until(is_shown, "the picture")


def hexadecimal(pixel: Frames) -> str:
    return "".join(f"{value:02x}" for value in pixel.tolist())
