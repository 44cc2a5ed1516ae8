"""Frames: pictures of one run's stored rollouts, played, scrubbed and exported; none stored yet."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from rich.style import Style
from textual.events import MouseScrollDown, MouseScrollUp
from textual.pilot import Pilot

from pngs import Frames, random_frames
from rollouts import rollout
from tui.fake_runs import evaluate, fake_run, signs, until
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.sample_frames import Pixels, write_sample_frames
from vidpred_engine.store.trash import delete_runs
from vidpred_tui.app import VidpredApp
from vidpred_tui.messages import FramesRequested
from vidpred_tui.pictures.half_blocks import HalfBlocks
from vidpred_tui.pictures.palette import palette
from vidpred_tui.screens.frames import FramesScreen
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.cursor_chart import CursorChart
from vidpred_tui.widgets.frame_pane import FramePane
from vidpred_tui.widgets.frame_view import PictureRow
from vidpred_tui.widgets.scrub_bar import ScrubBar

PSNR = [20.0, 22.0, 18.0, 25.0, 21.0, 24.0, 19.0, 17.5, 23.0, 26.0, 20.5, 21.5]
VALIDATED = {"psnr": 20.0, "best_psnr": 21.0}


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that playing keeps to."""
    return stopped_clock(monkeypatch)


def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for playing to keep to."""
    clock = Clock()
    monkeypatch.setattr("vidpred_tui.screens.frames.time", clock)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    return clock


def filmed(runs: Path, name: str, *, first_seed: int = 0, frames: int = 12, **facts: Any) -> RunDirectory:
    """A run with a stored rollout of its best checkpoint."""
    run = fake_run(runs, name, summary=VALIDATED)
    write_sample_frames(run, rollout(frames, first_seed=first_seed, **{"psnr": PSNR[:frames], **facts}))
    return run


async def opened(pilot: Pilot[None], *shown: RunDirectory) -> FramesScreen:
    """Open Frames on runs and wait for the first picture."""
    app = pilot.app
    app.post_message(FramesRequested(tuple(run.run_id for run in shown)))
    await until(pilot, lambda: isinstance(app.screen, FramesScreen) and pictures(app))
    assert isinstance(app.screen, FramesScreen)
    return app.screen


def pictures(app: object) -> dict[str, Pixels]:
    """The pictures that are shown, by their labels."""
    assert isinstance(app, VidpredApp)
    panes = [pane for pane in app.screen.query(FramePane) if pane.display and pane.view.picture is not None]
    return {pane.label: pane.view.picture for pane in panes if pane.view.picture is not None}


def facts(app: VidpredApp) -> str:
    return str(app.screen.query_one("#facts").render())


def frame(app: VidpredApp) -> int:
    """The number of the frame that is shown, as the facts state it."""
    found = re.search(r"(\d+)/\d+", facts(app))
    return int(found[1]) if found else 0


# One run.


async def test_a_large_terminal_shows_all_four_pictures_of_a_frame_and_their_psnr(app: VidpredApp, runs: Path) -> None:
    run = filmed(runs, "lab", data_digest="d")
    evaluate(run, PSNR)
    expected = rollout(12)
    async with app.run_test(size=(160, 48)) as pilot:
        await until(pilot, lambda: app.entries)
        await pilot.press("f")
        await until(pilot, lambda: len(pictures(app)) == 4)
        assert list(pictures(app)) == ["prediction", "truth", "error x4", "pose"]
        await pilot.press("right", "right")
        shown = pictures(app)
        np.testing.assert_array_equal(shown["truth"], expected.truth[2])
        np.testing.assert_array_equal(shown["prediction"], expected.prediction[2])
        np.testing.assert_array_equal(shown["pose"], expected.pose[2])
        assert "3/12  10 fps  PSNR 18.0 dB  first frame 20.0  mean frame 15.0" in facts(app)
        assert "val 0 · z prior · best, step 1,234 · lab" in str(app.screen.query_one("#title-fact").render())
        chart = app.screen.query_one("#chart-frames", Chart)
        await until(pilot, lambda: f"{signs(run)[0]} lab f first frame m mean frame" in chart.text)
        assert "│" in chart.text
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_keys_go_to_frames_and_stop_at_both_ends(app: VidpredApp, runs: Path) -> None:
    run = filmed(runs, "lab")
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot, run)
        for key, number in (
            ("left", 1),
            ("right", 2),
            ("shift+right", 12),
            ("right", 12),
            ("pageup", 2),
            ("pagedown", 12),
            ("shift+left", 2),
            ("end", 12),
            ("home", 1),
            ("w", 8),
        ):
            await pilot.press(key)
            assert (key, frame(app)) == (key, number)
        assert "PSNR 17.5 dB" in facts(app)
        scrub = screen.query_one(ScrubBar)
        await pilot.click(ScrubBar, offset=(scrub.size.width - 1, 0))
        await until(pilot, lambda: frame(app) == 12)
        await pilot.click(ScrubBar, offset=(0, 0))
        await until(pilot, lambda: frame(app) == 1)


async def test_the_mouse_goes_to_frames_on_the_curve(app: VidpredApp, runs: Path, clock: Clock) -> None:  # noqa: ARG001
    run = filmed(runs, "lab")
    async with app.run_test(size=(160, 48)) as pilot:
        screen = await opened(pilot, run)
        chart = screen.query_one(CursorChart)
        await until(pilot, lambda: "lab" in chart.text)
        middle, right = chart.size.width // 2, chart.size.width - 1
        for column, frames in ((right, (12,)), (middle, (6, 7)), (0, (1,)), (right, (12,))):
            await pilot.click(CursorChart, offset=(column, 4))
            await until(pilot, lambda frames=frames: frame(app) in frames)  # type: ignore[misc]
        await pilot.press("home", "space")
        await until(pilot, lambda: facts(app).startswith("▶"))
        for turned, number in ((MouseScrollDown, 2), (MouseScrollDown, 3), (MouseScrollUp, 2), (MouseScrollUp, 1)):
            await pilot._post_mouse_events([turned], CursorChart, offset=(middle, 4), button=0)
            await until(pilot, lambda number=number: frame(app) == number)  # type: ignore[misc]
            assert facts(app).startswith("❚❚"), "the wheel pauses"


async def test_a_film_plays_by_the_clock_drops_frames_and_ends(app: VidpredApp, runs: Path, clock: Clock) -> None:
    run = filmed(runs, "lab")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        assert "❚❚   1/12" in facts(app)
        await pilot.press("space")
        clock.now += 0.45
        await until(pilot, lambda: frame(app) == 5)
        assert facts(app).startswith("▶")
        await pilot.press("space")  # stands still
        clock.now += 60
        await pilot.press("right")
        assert frame(app) == 6
        await pilot.press("plus", "equals_sign", "space")
        assert "15 fps" in facts(app)
        clock.now += 0.21
        await until(pilot, lambda: frame(app) == 9)
        clock.now += 60
        await until(pilot, lambda: frame(app) == 12 and facts(app).startswith("❚❚"))
        await pilot.press("minus", "space")  # from the beginning again
        assert "12 fps" in facts(app)
        await until(pilot, lambda: frame(app) == 1 and facts(app).startswith("▶"))
        await pilot.press("question_mark")  # a film that nobody sees stands still
        await until(pilot, lambda: not isinstance(app.screen, FramesScreen))
        clock.now += 60
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, FramesScreen))
        assert frame(app) == 1
        assert facts(app).startswith("❚❚")


async def test_frames_wait_while_output_is_behind(
    app: VidpredApp, runs: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = filmed(runs, "lab")
    asked = []

    def behind() -> bool:
        asked.append(clock.now)
        return len(asked) < 4

    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        monkeypatch.setattr("vidpred_tui.screens.frames.output_pending", behind)
        await pilot.press("space")
        clock.now += 0.35
        await until(pilot, lambda: len(asked) == 3)
        assert frame(app) == 1
        await until(pilot, lambda: frame(app) == 4)


async def test_a_small_terminal_shows_one_picture_and_tab_the_next(app: VidpredApp, runs: Path) -> None:
    run = filmed(runs, "lab", height=32, width=64)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        labels = []
        for _ in range(5):
            (label,) = pictures(app)
            labels.append(label)
            await pilot.press("tab")
        assert labels == ["prediction", "truth", "error x4", "pose", "prediction"]
        await pilot.press("shift+tab")
        assert list(pictures(app)) == ["prediction"]
        view = app.screen.query(FramePane).first().view
        assert view.size == (64, 16)


async def test_any_size_is_survived(app: VidpredApp, runs: Path) -> None:
    run = filmed(runs, "lab", height=32, width=64)
    async with app.run_test(size=(160, 48)) as pilot:
        await opened(pilot, run)
        for size, count, cells in (((40, 12), 1, (28, 7)), ((300, 90), 4, (128, 32)), ((80, 48), 2, (64, 16))):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda count=count: len(pictures(app)) == count)  # type: ignore[misc]
            sizes = {pane.view.size for pane in app.screen.query(FramePane) if pane.display}
            assert sizes == {cells}, size
        await pilot.resize_terminal(40, 12)
        await pilot.press("right", "space", "tab", "end")
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: frame(app) == 12)


async def test_a_newer_rollout_is_shown_as_soon_as_it_is_stored(app: VidpredApp, runs: Path) -> None:
    run = filmed(runs, "lab", checkpoint="newest")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        await pilot.press("end")
        write_sample_frames(run, rollout(6, first_seed=50, checkpoint="newest", step=2000))
        expected = rollout(6, first_seed=50).prediction[5]
        await until(pilot, lambda: np.array_equal(pictures(app)["prediction"], expected))
        assert "6/6" in facts(app)
        assert "newest, step 2,000" in str(app.screen.query_one("#title-fact").render())


async def test_clips_are_chosen_among_those_stored(app: VidpredApp, runs: Path) -> None:
    run = filmed(runs, "lab")
    write_sample_frames(run, rollout(5, first_seed=30, clip=1))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        assert "1/12" in facts(app)
        await pilot.press("o")
        await until(pilot, lambda: "1/5" in facts(app))
        assert "val 1" in str(app.screen.query_one("#title-fact").render())
        await pilot.press("o")
        await until(pilot, lambda: "1/12" in facts(app))


async def test_exports_are_written_beside_the_rollout(app: VidpredApp, runs: Path) -> None:
    run = filmed(runs, "lab")
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, run)
        await pilot.press("right", "p", "g")
        png, gif = (run.frames / f"val0-prior-best-step1234{end}" for end in ("-0002.png", ".gif"))
        await until(pilot, lambda: png.exists() and gif.exists())
        await until(pilot, lambda: {f"Wrote {path}." for path in (png, gif)} <= said(app))
        with Image.open(gif) as image:
            assert image.n_frames == 12  # type: ignore[attr-defined]


async def test_a_run_that_another_program_deletes_is_said_to_be_and_takes_no_more_exports(
    app: VidpredApp, runs: Path
) -> None:
    run = filmed(runs, "lab")
    async with app.run_test(size=(120, 24)) as pilot:
        await opened(pilot, run)
        assert app.screen.check_action("export_gif", ())
        delete_runs([run])
        await until(pilot, lambda: "lab was deleted" in str(app.screen.query_one("#title-fact").render()))
        assert app.screen.check_action("export_gif", ()) is None
        await pilot.press("right")
        await until(pilot, lambda: "2/12" in facts(app))


async def test_a_damaged_rollout_is_said_to_be_damaged(app: VidpredApp, runs: Path) -> None:
    run = filmed(runs, "lab")
    (run.frames / "val0-prior-best.npz").write_bytes(b"PK\x05\x06 nothing of the kind")
    async with app.run_test(size=(120, 24)) as pilot:
        app.post_message(FramesRequested((run.run_id,)))
        await until(pilot, lambda: "val0-prior-best.npz is damaged" in empty(app))
        assert f"vidpred-engine predict {run.run_id}" in empty(app)
        await pilot.press("space", "right", "w", "tab", "g")  # nothing to do, nothing breaks
        chart = app.screen.query_one(CursorChart)
        app.screen.post_message(CursorChart.Clicked(chart, 3.0))  # clicked just before the film went
        app.screen.post_message(CursorChart.Wheeled(chart, 3.0, 1))
        await pilot.pause()
        assert isinstance(app.screen, FramesScreen)


# No rollout yet.


def empty(app: VidpredApp) -> str:
    return "".join(str(found.render()) for found in app.screen.query("#no-frames") if found.display)


async def test_without_a_rollout_a_key_makes_one_in_the_background(runs: Path) -> None:
    run = fake_run(runs, "lab", summary=VALIDATED)
    asked: list[tuple[str, int]] = []

    def predict(run: RunDirectory, clip: int) -> "subprocess.Popen[bytes]":
        asked.append((run.run_id, clip))
        return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)

    app = VidpredApp(runs, predict=predict)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(FramesRequested((run.run_id,)))
        await until(pilot, lambda: "lab has no rollout to show yet" in empty(app))
        assert f"vidpred-engine predict {run.run_id}" in empty(app)
        await pilot.press("m")
        await until(pilot, lambda: "lab predicts in the background." in said(app))
        await pilot.press("m")  # once is enough
        run.log_file.write_text("rolling out (629 frames) ...\n")
        await until(pilot, lambda: "rolling out (629 frames) ..." in empty(app))
        write_sample_frames(run, rollout(12))
        await until(pilot, lambda: len(pictures(app)) == 1)
        assert empty(app) == ""
        assert asked == [(run.run_id, 0)]
        (process,) = app._watcher._rollouts.values()
        assert process.stdin is not None
        process.stdin.close()
        await until(pilot, lambda: "The rollout of lab failed; the run's log says why." in said(app))


async def test_a_run_without_weights_says_that_it_cannot_predict(app: VidpredApp, runs: Path) -> None:
    run = fake_run(runs, "fresh", "created", summary=VALIDATED)
    async with app.run_test(size=(80, 24)) as pilot:
        app.post_message(FramesRequested((run.run_id,)))
        await until(pilot, lambda: "fresh has no rollout" in empty(app))
        await pilot.press("m")
        await until(pilot, lambda: any("has no checkpoint to predict with yet" in sentence for sentence in said(app)))


def said(app: VidpredApp) -> set[str]:
    return {item.message for item in app._notifications}


# What the pictures send.


def test_a_row_that_something_covers_is_cut_where_it_is_covered() -> None:
    console = Console(color_system="truecolor", force_terminal=True, _environ={})
    pixels: Frames = random_frames(1, height=4, width=10)[0]
    blocks = HalfBlocks(pixels, palette("truecolor"))
    row = PictureRow(blocks, 1, 0, 14, Style(bgcolor="#123456"))
    whole = row.render(console)
    assert whole == blocks.row(1) + "\x1b[48;2;18;52;86m    \x1b[0m"
    parts = row.divide([3, 12, 14])
    assert [part.cell_length for part in parts] == [3, 9, 2]
    assert parts[0].render(console) == blocks.row(1, 0, 3)
    assert parts[1].render(console) == blocks.row(1, 3, 10) + "\x1b[48;2;18;52;86m  \x1b[0m"
    assert parts[2].render(console) == "\x1b[48;2;18;52;86m  \x1b[0m"
    assert row.crop(2, 8).crop(1, 3).render(console) == blocks.row(1, 3, 5)
    assert PictureRow(blocks, 2, 0, 3, Style()).render(console) == "   ", "below the picture"
    styled = row.styled(console)
    assert styled.cell_length == 14
    assert styled.text == "▀" * 10 + "    "
    assert styled.render(console).count("\x1b[0m") == 11
