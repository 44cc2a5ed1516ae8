"""The footer: whole keys, help and quit first, as many of the others as fit."""

from pathlib import Path

import pytest
from textual.widgets import Static
from textual.widgets._footer import FooterKey

from tui.fake_runs import fake_run, until
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


async def test_what_changes_while_the_footer_is_composed_anew_is_drawn_afterwards(app: VidpredApp) -> None:
    """Composing holds all drawing back; nothing else may happen on the screen for minutes to have it drawn then."""
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.query("#empty"))
        await pilot.pause()
        with app.batch_update():
            app.screen.query_one("#title", Static).update("changed", layout=False)
            await until(pilot, lambda: app.screen._dirty_widgets)
        await until(pilot, lambda: not app.screen._dirty_widgets)
