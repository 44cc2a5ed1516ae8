"""Keys that arrive together, as over a slow link, act one after the other."""

from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

from tui.fake_runs import fake_run, step_record, until
from vidpred_engine.store.annotations import read_annotations
from vidpred_tui import key_order
from vidpred_tui.app import VidpredApp
from vidpred_tui.charts.run_charts import RUN_CHARTS
from vidpred_tui.messages import ComparisonRequested, RunOpened
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.prompt import PromptScreen
from vidpred_tui.widgets.run_table import RunTable

NAMES = {"\r": "enter", " ": "space", "/": "slash", ".": "full_stop", "-": "minus"}


def burst(app: VidpredApp, typed: str) -> None:
    """All keys in one go, as one read brings them; ↓ stands for the key."""
    for character in typed:
        if character == "↓":
            app.post_message(events.Key("down", None))
        else:
            app.post_message(events.Key(NAMES.get(character, character), character))


async def test_what_is_typed_behind_a_key_that_asks_is_the_answer(app: VidpredApp, runs: Path) -> None:
    run = fake_run(runs, "one")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.query_one(RunTable).row_count == 1)
        burst(app, "ehello world\r")
        await until(pilot, lambda: read_annotations(run).note == "hello world")


async def test_a_file_typed_at_once_is_the_one_that_is_written(app: VidpredApp, runs: Path, tmp_path: Path) -> None:
    made = [fake_run(runs, name, records=[step_record(step) for step in range(9)]) for name in ("one", "two")]
    async with app.run_test(size=(160, 48)) as pilot:
        app.post_message(ComparisonRequested(tuple(run.run_id for run in made)))
        await until(pilot, lambda: getattr(app.screen, "comparison", None))
        burst(app, f"x{tmp_path / 'burst.csv'}\r")
        await until(pilot, (tmp_path / "burst.csv").exists)


async def test_a_choice_made_at_once_is_made_in_its_order(app: VidpredApp, runs: Path) -> None:
    run = fake_run(runs, "one", records=[step_record(step) for step in range(9)])
    async with app.run_test(size=(160, 48)) as pilot:
        app.post_message(RunOpened(run.run_id))
        await until(pilot, lambda: run.run_id in app.snapshots and isinstance(app.screen, LiveScreen))
        burst(app, "a ↓ \r")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen._shown == RUN_CHARTS[2:])


async def test_pasted_text_waits_its_turn_and_a_widget_that_is_gone_holds_nothing_up(
    app: VidpredApp, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_order, "LONGEST_SECONDS", 0.01)
    fake_run(runs, "one")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.query_one(RunTable).row_count == 1)
        app.post_message(events.Key("e", "e"))
        app.post_message(events.Paste("pasted"))
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        await until(pilot, lambda: app.screen.query_one("#answer", Input).value == "pasted")
        monkeypatch.setattr(app, "_follow", lambda *_: None)  # nobody says that a key has acted
        burst(app, "abc")
        await until(pilot, lambda: app.screen.query_one("#answer", Input).value == "pastedabc")
        assert not app._held
