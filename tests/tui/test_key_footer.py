"""The footer: whole keys, help and quit first, as many of the others as fit."""

from pathlib import Path

import pytest
from textual.events import AppBlur, AppFocus
from textual.widgets import Static
from textual.widgets._footer import FooterKey

from tui.fake_runs import fake_run, until
from vidpred_engine.store.status import Status, write_status
from vidpred_tui.app import VidpredApp
from vidpred_tui.widgets.key_footer import KeyFooter
from vidpred_tui.widgets.run_table import RunTable


@pytest.mark.parametrize(("width", "last"), [(160, "Mark all"), (80, "Resume"), (40, "Mark")])
async def test_keys_are_whole_and_help_is_always_there(app: VidpredApp, runs: Path, width: int, last: str) -> None:
    fake_run(runs, "one")
    async with app.run_test(size=(width, 24)) as pilot:
        await until(pilot, lambda: app.screen.query_one(RunTable).row_count == 1)
        footer = app.screen.query_one(KeyFooter)
        await until(pilot, lambda: len(footer.query(FooterKey)) > 1)
        keys = list(footer.query(FooterKey))
        assert [key.description for key in keys[:2]] == ["Help", "Quit"]
        assert last in [key.description for key in keys]
        assert all(key.region.right <= width for key in keys)
        assert footer.query("#more-keys").first().region.right <= width, "there are more of them"
        await pilot.resize_terminal(160, 24)
        await until(pilot, lambda: len(footer.query(FooterKey)) > len(keys) or width == 160)


async def test_the_sign_that_there_are_more_keys_is_in_sight_at_any_width(app: VidpredApp, runs: Path) -> None:
    fake_run(runs, "one")
    async with app.run_test(size=(60, 24)) as pilot:
        await until(pilot, lambda: app.screen.query_one(RunTable).row_count == 1)
        for width in range(60, 90):
            await pilot.resize_terminal(width, 24)
            more = app.screen.query("#more-keys")
            await until(pilot, lambda: app.screen.size.width == width and more and more.first().region)  # noqa: B023
            assert more.first().region.right < width, width


async def test_what_changes_while_the_footer_is_composed_anew_is_drawn_afterwards(app: VidpredApp) -> None:
    """Composing holds all drawing back; nothing else may happen on the screen for minutes to have it drawn then."""
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.query("#empty"))
        await pilot.pause()
        with app.batch_update():
            app.screen.query_one("#title", Static).update("changed", layout=False)
            await until(pilot, lambda: app.screen._dirty_widgets)
        await until(pilot, lambda: not app.screen._dirty_widgets)


async def test_keys_that_changed_while_the_terminal_was_elsewhere_are_right_when_it_is_back(
    app: VidpredApp, runs: Path
) -> None:
    def offered() -> list[str]:
        return [key.description for key in app.screen.query(FooterKey) if not key.has_class("-disabled")]

    run = fake_run(runs, "one", "running")
    async with app.run_test(size=(160, 24)) as pilot:
        await until(pilot, lambda: app.entries)
        await pilot.press("enter")
        await until(pilot, lambda: "Stop" in offered())
        app.post_message(AppBlur())
        await until(pilot, lambda: not app.app_focus)
        write_status(run.status_file, Status("stopped", epochs=5))
        await until(pilot, lambda: app.snapshots[run.run_id].status.state == "stopped")
        app.post_message(AppFocus())
        await until(pilot, lambda: "Resume" in offered() and "Stop" not in offered())


async def test_what_has_the_focus_keeps_its_keys_while_the_terminal_is_elsewhere(app: VidpredApp, runs: Path) -> None:
    fake_run(runs, "one")
    async with app.run_test(size=(160, 24)) as pilot:
        await until(pilot, lambda: app.screen.query_one(RunTable).row_count == 1)
        footer = app.screen.query_one(KeyFooter)
        await until(pilot, lambda: "Open" in [key.description for key in footer.query(FooterKey)])
        keys = list(footer.query(FooterKey))
        app.post_message(AppBlur())
        await until(pilot, lambda: app.screen.focused is None)
        await pilot.pause()
        assert list(footer.query(FooterKey)) == keys, "the same widgets: nothing was composed anew"
