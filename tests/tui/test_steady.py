"""Drawing waits for a terminal that has not yet taken what it was sent, and then draws once."""

from pathlib import Path

import pytest
from textual.events import Resize
from textual.geometry import Size
from textual.widgets import Static

from tui.fake_runs import fake_run, until
from vidpred_tui.app import VidpredApp
from vidpred_tui.messages import ComparisonRequested
from vidpred_tui.screens.compare import CompareScreen
from vidpred_tui.screens.help import HelpScreen
from vidpred_tui.screens.steady import SteadyDrawing
from vidpred_tui.widgets.key_footer import KeyFooter
from vidpred_tui.widgets.title_bar import TitleBar


@pytest.mark.parametrize("dialogue", [False, True])
async def test_what_changes_while_output_is_pending_is_drawn_once(
    app: VidpredApp, monkeypatch: pytest.MonkeyPatch, dialogue: bool
) -> None:
    waits = False
    monkeypatch.setattr("vidpred_tui.screens.steady.output_pending", lambda: waits)
    async with app.run_test() as pilot:
        if dialogue:
            await pilot.press("question_mark")
            await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await app.workers.wait_for_complete()
        drawn: list[object] = []
        monkeypatch.setattr(app, "_display", lambda _, update: drawn.append(update) if update else None)
        await pilot.pause()
        drawn.clear()
        waits = True
        widget = app.screen.query("*").first() if dialogue else app.screen.query_one(TitleBar)
        for _ in range(5):
            widget.refresh()
            await pilot.pause(0.05)
        assert not drawn
        waits = False
        await until(pilot, lambda: drawn)
        await pilot.pause(0.1)
        assert len(drawn) == 1


async def test_what_is_to_be_drawn_amid_a_batch_of_changes_is_drawn_after_it(
    app: VidpredApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with app.run_test() as pilot:
        await app.workers.wait_for_complete()
        screen = app.screen
        assert isinstance(screen, SteadyDrawing)
        await until(pilot, lambda: screen.query_one(KeyFooter).outer_size)
        batches: list[int] = []
        monkeypatch.setattr(app, "_display", lambda _, update: batches.append(app._batch_count) if update else None)
        with app.batch_update():
            screen.refresh()
            screen._dirty_widgets.add(screen)
            screen._draw_postponed()
        await until(pilot, lambda: batches)
        assert not any(batches)


async def test_what_is_mounted_while_drawing_is_postponed_is_told_its_size(
    app: VidpredApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sized(Static):
        told: Size | None = None

        def on_resize(self, event: Resize) -> None:
            self.told = event.size

    waits = False
    monkeypatch.setattr("vidpred_tui.screens.steady.output_pending", lambda: waits)
    monkeypatch.setattr("vidpred_tui.screens.steady.SECONDS_BETWEEN_LOOKS", 3600.0)
    async with app.run_test() as pilot:
        await app.workers.wait_for_complete()
        screen, new = app.screen, Sized("new")
        assert isinstance(screen, SteadyDrawing)
        await until(pilot, lambda: screen.query_one(KeyFooter).outer_size)
        waits = True
        screen.query_one(TitleBar).refresh()
        await until(pilot, lambda: screen._postponed is not None)
        waits = False
        with monkeypatch.context() as held:
            held.setattr(screen._update_timer, "resume", lambda: None)  # so that the layout comes later
            held.setattr(screen, "_on_timer_update", lambda: None)
            await screen.mount(new)
            new.refresh()
            await until(pilot, lambda: screen._layout_required and new in screen._dirty_widgets)
            screen._draw_postponed()
        screen.check_idle()
        await until(pilot, lambda: new.size)
        await pilot.pause()
        assert new.told == new.size


async def test_what_changes_after_drawing_was_postponed_is_drawn_with_it(
    app: VidpredApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = False
    monkeypatch.setattr("vidpred_tui.screens.steady.output_pending", lambda: waits)
    monkeypatch.setattr("vidpred_tui.screens.steady.SECONDS_BETWEEN_LOOKS", 3600.0)
    async with app.run_test() as pilot:
        await app.workers.wait_for_complete()
        screen, other = app.screen, app.screen.query_one(KeyFooter)
        await until(pilot, lambda: other.outer_size)
        assert isinstance(screen, SteadyDrawing)
        waits = True
        screen.query_one(TitleBar).refresh()
        await until(pilot, lambda: screen._postponed is not None)
        other.refresh()
        screen._dirty_widgets.add(other)  # as the screen's message of it does; the pilot's pause would draw it, too
        assert other._repaint_regions
        waits = False
        screen._draw_postponed()
        assert not screen._dirty_widgets, "Textual takes it as drawn"
        assert not other._repaint_regions, "and so it is"


async def test_runs_are_compared_whatever_waits_to_be_drawn(
    app: VidpredApp, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [fake_run(runs, name, settings={"lr": rate}) for name, rate in (("one", 0.25), ("two", 0.5))]
    monkeypatch.setattr("vidpred_tui.screens.steady.output_pending", lambda: True)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.entries)
        app.post_message(ComparisonRequested(tuple(run.run_id for run in made)))
        await until(pilot, lambda: isinstance(app.screen, CompareScreen) and app.screen.comparison is not None)
