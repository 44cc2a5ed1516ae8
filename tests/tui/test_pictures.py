"""Pictures as escape codes, held against codes written by hand and against a terminal emulator; films and playing."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.color import Color, ColorSystem

from pngs import Frames, random_frames
from rollouts import rollout
from vidpred_tui.pictures.export import SCALE, export_gif, export_png
from vidpred_tui.pictures.film import ERROR_GAIN, Film, Reel
from vidpred_tui.pictures.half_blocks import HalfBlocks
from vidpred_tui.pictures.palette import palette
from vidpred_tui.pictures.playback import SPEEDS, Playback
from vidpred_tui.pictures.scaling import fitting, scale
from vidpred_tui.theme import run_style

TRUE, EIGHT_BIT, SIXTEEN, NONE = (
    palette("truecolor"),
    palette("256"),
    palette("standard"),
    palette("256", no_colour=True),
)
BLACK, WHITE, RED, BLUE = (0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255)


def picture(*rows: list[tuple[int, int, int]]) -> Frames:
    return np.array(rows, np.uint8)


# Half blocks.


def test_true_colour_names_each_colour_once() -> None:
    blocks = HalfBlocks(picture([RED, RED, BLUE, BLUE], [BLUE, BLUE, BLUE, RED]), TRUE)
    assert (blocks.rows, blocks.columns) == (1, 4)
    assert blocks.row(0) == "\x1b[38;2;255;0;0;48;2;0;0;255m▀▀\x1b[38;2;0;0;255m▀\x1b[48;2;255;0;0m▀\x1b[0m"


def test_256_colours_are_those_of_the_cube_and_the_greys() -> None:
    blocks = HalfBlocks(picture([RED, (95, 135, 175), (8, 8, 8)], [BLACK, WHITE, (128, 128, 128)]), EIGHT_BIT)
    assert blocks.row(0) == "\x1b[38;5;196;48;5;16m▀\x1b[38;5;67;48;5;231m▀\x1b[38;5;232;48;5;244m▀\x1b[0m"


def test_16_colours_are_greys_that_are_dithered() -> None:
    blocks = HalfBlocks(picture([BLACK, WHITE], [WHITE, WHITE]), SIXTEEN)
    assert blocks.row(0) == "\x1b[30;107m▀\x1b[97m▀\x1b[0m"
    # A flat grey of half the brightness between bright black and white: half of the pixels of each, in a fixed pattern.
    flat = np.full((4, 4, 3), 127, np.uint8)
    text = "".join(HalfBlocks(flat, SIXTEEN).row(y) for y in range(2))
    assert set(re.findall(r"\d+", text)) == {"90", "37", "100", "47", "0"}
    tones = [tone for y in range(2) for tone in tones_of(HalfBlocks(flat, SIXTEEN).row(y))]
    assert sum(tone in (37, 47) for tone in tones) == 8


def tones_of(row: str) -> list[int]:
    """Ink and paper of every cell of a row of 16 colours."""
    ink, paper, tones = 0, 0, []
    for codes, cells in re.findall(r"\x1b\[([\d;]+)m(▀+)", row):
        for code in map(int, codes.split(";")):
            is_ink = 30 <= code < 40 or 90 <= code < 100
            ink, paper = (code, paper) if is_ink else (ink, code)
        tones += [ink, paper] * len(cells)
    return tones


def test_without_colours_pixels_are_drawn_or_left_out() -> None:
    blocks = HalfBlocks(picture([WHITE, WHITE, BLACK, BLACK], [WHITE, BLACK, WHITE, BLACK]), NONE)
    assert blocks.row(0) == "█▀▄ "
    grey = HalfBlocks(np.full((8, 8, 3), 128, np.uint8), NONE)
    lit = "".join(grey.row(y) for y in range(4))
    assert lit.count("█") * 2 + lit.count("▀") + lit.count("▄") == 32, "half of the pixels of a grey of half brightness"


@pytest.mark.parametrize("colours", [TRUE, EIGHT_BIT, SIXTEEN, NONE])
def test_a_part_of_a_row_is_drawn_as_in_the_whole(colours: Any) -> None:
    blocks = HalfBlocks(np.repeat(random_frames(1, seed=3)[0], 2, axis=1), colours)
    whole = screen_of([blocks.row(y) for y in range(blocks.rows)], blocks.columns)
    for start, end in ((0, 5), (5, 20), (7, 8), (20, 99), (0, 32)):
        part = screen_of([blocks.row(y, start, end) for y in range(blocks.rows)], blocks.columns)
        assert [row[: min(end, 32) - start] for row in part] == [row[start:end] for row in whole]
    assert blocks.row(0, 4, 4) == blocks.row(0, 9, 3) == ""


def screen_of(rows: list[str], columns: int) -> list[list[tuple[str, str, str]]]:
    """What a terminal emulator shows: character, ink and paper of each cell."""
    screen = pyte.Screen(columns, len(rows))
    pyte.Stream(screen).feed("\r\n".join(rows))
    cells = [[screen.buffer[y][x] for x in range(columns)] for y in range(len(rows))]
    return [[(cell.data, cell.fg, cell.bg) for cell in row] for row in cells]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 5))
def test_a_terminal_shows_exactly_the_pixels(seed: int, width: int, rows: int) -> None:
    # Few colours, so that equal neighbours occur in every combination.
    pixels = (random_frames(1, seed=seed, height=2 * rows, width=width)[0] // 128 * 200).astype(np.uint8)
    blocks = HalfBlocks(pixels, TRUE)
    shown = screen_of([blocks.row(y) for y in range(rows)], width + 1)  # one more: pyte wraps the last column
    for y in range(rows):
        for x in range(width):
            expected = ["".join(f"{value:02x}" for value in pixels[2 * y + part, x]) for part in (0, 1)]
            assert shown[y][x] == ("▀", *expected)
        assert shown[y][width] == (" ", "default", "default"), "nothing is coloured behind the picture"


def test_256_colours_are_no_farther_than_richs() -> None:
    """Rich picks of the same 240 colours by another rule; ours is at most as far from the colour that is meant."""
    table = np.array([Color.from_ansi(code).get_truecolor() for code in range(256)], dtype=float)
    for pixels in random_frames(20, seed=9):
        pixels = pixels[:2]
        row = HalfBlocks(pixels, EIGHT_BIT).row(0)
        ink = 0
        for x, cell in enumerate(re.findall(r"\x1b\[([\d;]+)m▀", row)):
            if found := re.match(r"38;5;(\d+)", cell):
                ink = int(found[1])
            rich = Color.from_rgb(*pixels[0, x].tolist()).downgrade(ColorSystem.EIGHT_BIT).number
            assert rich is not None
            ours, theirs = (np.linalg.norm(table[code] - pixels[0, x]) for code in (ink, rich))
            assert ours <= theirs


def test_changes_are_the_least_span_of_each_row_that_differs() -> None:
    before = random_frames(1, seed=1)[0]
    after = before.copy()
    after[2, 3] ^= 255  # upper half of the second row
    after[7, 5] ^= 255  # lower half of the fourth
    after[6, 9] ^= 255
    blocks = HalfBlocks(after, TRUE)
    assert blocks.changes(HalfBlocks(before, TRUE)) == [(1, 3, 4), (3, 5, 10)]
    assert blocks.changes(HalfBlocks(after, TRUE)) == []


def test_changes_without_colours_are_seen_too() -> None:
    dark, light = np.zeros((4, 3, 3), np.uint8), np.zeros((4, 3, 3), np.uint8)
    light[3, 1] = 255
    assert HalfBlocks(light, NONE).changes(HalfBlocks(dark, NONE)) == [(1, 1, 2)]


def test_an_unknown_terminal_gets_greys() -> None:
    assert palette(None) is SIXTEEN
    assert palette("windows") is SIXTEEN


# Sizes.


@pytest.mark.parametrize(
    ("shape", "room", "size"),
    [
        ((32, 64, 3), (64, 16), (32, 64)),
        ((32, 64, 3), (100, 31), (32, 64)),
        ((32, 64, 3), (128, 32), (64, 128)),
        ((32, 64, 3), (40, 7), (14, 28)),
        ((64, 128, 3), (64, 16), (32, 64)),
        ((64, 128, 3), (70, 16), (32, 64)),
        ((33, 20, 3), (64, 20), (32, 20)),
        ((1, 1, 3), (10, 3), (6, 6)),
        ((512, 1024, 3), (1, 1), (2, 1)),
    ],
)
def test_pictures_fit(shape: tuple[int, int, int], room: tuple[int, int], size: tuple[int, int]) -> None:
    assert fitting(shape, *room) == size


@given(st.integers(1, 600), st.integers(1, 600), st.integers(1, 300), st.integers(1, 100))
def test_no_size_is_too_large_or_odd(height: int, width: int, columns: int, rows: int) -> None:
    high, wide = fitting((height, width, 3), columns, rows)
    assert 1 <= wide <= columns
    assert 1 <= high // 2 <= rows
    assert high % 2 == 0


def test_shrinking_averages_and_growing_repeats() -> None:
    small = scale(random_frames(1)[0], 4, 8)
    expected = random_frames(1)[0].reshape(4, 2, 8, 2, 3).mean((1, 3))
    assert np.abs(small - expected).max() <= 1, "Pillow rounds columns, then rows"
    np.testing.assert_array_equal(scale(small, 8, 16), small.repeat(2, axis=0).repeat(2, axis=1))


# Films.


def reel(name: str = "lab", index: int = 0, frames: int = 4, folder: Path = Path(), **facts: Any) -> Reel:
    pictures = rollout(frames, **{"first_seed": 10 * index, "psnr": [20.0, 10.0, 30.0, 15.0], **facts})
    return Reel(f"id-{name}", name, run_style(index), pictures, folder)


def test_error_is_the_absolute_difference_times_the_gain_and_never_wraps() -> None:
    item = reel()
    truth, prediction = item.frames.truth.astype(int), item.frames.prediction.astype(int)
    expected = np.clip(ERROR_GAIN * np.abs(prediction - truth), 0, 255)
    assert (expected == 255).any()
    assert (expected < 255).any()
    np.testing.assert_array_equal(item.error(slice(None)), expected)
    np.testing.assert_array_equal(item.error(2), expected[2])


def test_one_runs_film_shows_its_four_pictures() -> None:
    film = Film([reel()])
    assert [track.label for track in film.tracks] == ["prediction", "truth", "error x4", "pose"]
    shown = {track.label: track.picture(2) for track in film.tracks}
    np.testing.assert_array_equal(shown["pose"], film.reels[0].frames.pose[2])
    np.testing.assert_array_equal(shown["error x4"], film.reels[0].error(2))
    assert film.worst == 2
    assert film.remarks == []
    assert film.provenance == "val 0 · z prior · best, step 1,234 · lab"


def test_two_runs_in_step_share_truth_and_pose_and_end_with_the_shorter() -> None:
    film = Film([reel("lab"), reel("kl", 1, frames=5, psnr=[25.0, 24.0, 3.0, 22.0, 1.0], data_digest="other")])
    labels = [track.label for track in film.tracks]
    assert labels == ["● lab prediction", "▲ kl prediction", "truth", "pose", "● lab error x4", "▲ kl error x4"]
    assert len(film) == 4
    assert film.psnr == [20.0, 10.0, 3.0, 15.0]
    assert film.worst == 3
    assert film.remarks == ["not the same data", "pictures of the first 4 of 5 frames"]


def test_a_frame_that_is_not_a_number_is_the_worst() -> None:
    assert Film([reel(psnr=[20.0, 1.0, float("nan"), 2.0])]).worst == 3


def test_a_shrunk_film_says_so() -> None:
    assert Film([reel(shrunk=2)]).remarks == ["pictures shrunk 2 times"]


def test_exports_hold_the_pictures_side_by_side_a_run_a_row(tmp_path: Path) -> None:
    film = Film([reel("lab", folder=tmp_path), reel("kl", 1)])
    png = export_png(film, 2)
    assert png.name == "val0-prior-best-step1234-id-kl-1234-0002.png"
    pixels = np.asarray(Image.open(png))[::SCALE, ::SCALE]
    assert pixels.shape == (16, 4 * 16 + 3 * 2, 3)
    np.testing.assert_array_equal(pixels[:8, :16], film.reels[0].frames.truth[1])
    np.testing.assert_array_equal(pixels[8:, 18:34], film.reels[1].frames.prediction[1])
    np.testing.assert_array_equal(pixels[:8, 36:52], film.reels[0].error(1))
    np.testing.assert_array_equal(pixels[8:, 54:], film.reels[1].frames.pose[1])
    assert (pixels[:, 16:18] == 255).all()
    with Image.open(export_gif(Film([reel(folder=tmp_path)]))) as gif:
        assert gif.n_frames == 4  # type: ignore[attr-defined]
        assert gif.size == (SCALE * (4 * 16 + 3 * 2), SCALE * 8)


# Playing.


def test_playing_keeps_to_the_clock_and_drops_what_it_has_no_time_for() -> None:
    playback = Playback()
    playback.speed = 10
    playback.start(5, now=100.0)
    assert [playback.due(100.0 + seconds, last=30) for seconds in (0, 0.05, 0.11, 1.05, 60)] == [5, 5, 6, 15, 30]


def test_another_speed_goes_on_from_the_frame_that_is_due() -> None:
    playback = Playback()
    playback.speed = 10
    playback.start(1, now=0.0)
    playback.change_speed(1, now=1.0, last=100)
    assert playback.speed == 12
    assert [playback.due(now, last=100) for now in (1.0, 2.0)] == [11, 23]
    for _ in range(20):
        playback.change_speed(1, now=2.0, last=100)
    assert playback.speed == SPEEDS[-1] == 25
    for _ in range(20):
        playback.change_speed(-1, now=2.0, last=100)
    assert playback.speed == SPEEDS[0] == 1
    assert playback.due(2.0, last=100) == 23


def test_films_play_slower_over_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    assert Playback().speed == 10
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.2 50000 10.0.0.1 22")
    assert Playback().speed == 4
