"""Home: the empty folder, the table, and what its keys ask for."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Static

from tui.fake_runs import Launcher, fake_run, until
from vidpred_engine.presets import preset_settings
from vidpred_engine.store.registry import Registry, RunEntry
from vidpred_engine.store.status import read_status, write_status
from vidpred_tui.app import VidpredApp
from vidpred_tui.screens.compare import CompareScreen
from vidpred_tui.screens.confirm import ConfirmScreen
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.widgets.empty_runs import EmptyRuns
from vidpred_tui.widgets.run_table import RunTable


def table(app: VidpredApp) -> RunTable:
    return app.screen.query_one(RunTable)


def row(app: VidpredApp, index: int) -> list[str]:
    return table(app).texts(index)


async def test_an_empty_folder_offers_the_demo_and_enter_starts_it(app: VidpredApp, launcher: Launcher) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.focused, EmptyRuns))
        assert "No run yet" in str(app.focused.render())  # type: ignore[union-attr]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
    (run,) = launcher.started
    assert run.settings() == preset_settings("demo")
    assert run.path.parent == app.runs


async def test_no_demo_is_offered_before_it_is_known_that_there_is_no_run(
    app: VidpredApp, launcher: Launcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = threading.Event()
    read = Registry.entries

    def read_slowly(registry: Registry) -> list[RunEntry]:
        known.wait(30)
        return read(registry)

    monkeypatch.setattr(Registry, "entries", read_slowly)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        assert "Reading the runs" in str(app.screen.query_one("#no-row", Static).render())
        assert not app.screen.query_one(EmptyRuns).display
        await pilot.press("enter", "s", "c", "delete", "A")
        known.set()
        await until(pilot, lambda: app.screen.query_one(EmptyRuns).display)
        assert not app.screen.query_one("#no-row").display
    assert launcher.started == []


async def test_the_table_says_all_in_words_and_follows_the_files(app: VidpredApp, runs: Path) -> None:
    baselines = {"repeat_first": 21.26, "mean_frame": 18.0}
    summary = {"loss": 0.0123, "psnr": 19.04, "best_psnr": 19.1, **baselines}
    run = fake_run(runs, "alpha", "running", epoch=2, eta_seconds=125.0, summary=summary)
    fake_run(runs, "beta", "failed", summary={"loss": "nan", "best_psnr": 25.0, **baselines})
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: table(app).row_count == 2)
        assert row(app, 0) == ["", "", "✗ failed", "beta", "0/5", "·", "NaN", "25.0 ▲", "21.3", "now"]
        assert row(app, 1) == ["", "", "● running", "alpha", "2/5", "2m 05s", "0.0123", "19.1 ▼", "21.3", "now"]
        table(app).move_to(run.run_id)
        write_status(run.status_file, replace(read_status(run.status_file), epoch=3))
        fake_run(runs, "gamma", "created")
        await until(pilot, lambda: table(app).row_count == 3 and row(app, 2)[4] == "3/5")
        assert [row(app, index)[3] for index in range(3)] == ["gamma", "beta", "alpha"]
        assert table(app).current is not None
        assert table(app).current.name == "alpha"  # type: ignore[union-attr]


async def test_a_thousand_epochs_stand_there_whole(app: VidpredApp, runs: Path) -> None:
    fake_run(runs, "long", epoch=1000, epochs=1000)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: table(app).row_count == 1)
        assert " 1000/1000 " in table(app).render_line(1).text


async def test_a_long_name_keeps_the_end_by_which_runs_of_a_sweep_differ(app: VidpredApp, runs: Path) -> None:
    for name in ("teacher-forcing decay_step=0.25", "teacher-forcing decay_step=0.5", "舞踏舞踏舞踏舞踏舞踏舞踏舞踏"):
        fake_run(runs, name)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: table(app).row_count == 3)
        dance, half, quarter = (row(app, index)[3] for index in range(3))
        assert quarter.startswith("teacher")
        assert quarter.endswith("=0.25")
        assert half.endswith("=0.5")
        assert "…" in dance
        widths = {table(app).render_line(index).cell_length for index in range(1, 4)}
        assert widths == {80}


async def test_stop_asks_first_and_only_yes_stops(app: VidpredApp, runs: Path, launcher: Launcher) -> None:
    run = fake_run(runs, "busy", "running")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: table(app).row_count == 1)
        for answer in ("escape", "enter", "n"):  # Enter answers with the focused button, which is No
            await pilot.press("s")
            await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
            await pilot.press(answer)
            await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        assert launcher.stopped == []
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: launcher.stopped)
    assert launcher.stopped == [run]


async def test_resume_starts_a_stopped_run_and_leaves_others_alone(
    app: VidpredApp, runs: Path, launcher: Launcher
) -> None:
    done = fake_run(runs, "done", "finished")
    stopped = fake_run(runs, "stopped", "stopped")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: table(app).row_count == 2)
        table(app).move_to(done.run_id)
        await pilot.press("r", "s")
        assert isinstance(app.screen, RunsScreen)
        table(app).move_to(stopped.run_id)
        await pilot.press("r")
        await until(pilot, lambda: launcher.started)
    assert launcher.started == [stopped]


async def test_marked_runs_are_compared_or_else_the_current_one_with_the_best_other(
    app: VidpredApp, runs: Path
) -> None:
    ids = {name: fake_run(runs, name, summary={"best_psnr": psnr}).run_id for name, psnr in
           (("low", 20.0), ("high", 30.0), ("middle", 25.0))}  # fmt: skip
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: table(app).row_count == 3)
        table(app).move_to(ids["low"])
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        assert app.screen.followed == (ids["low"], ids["high"])  # type: ignore[attr-defined]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        for name in ("middle", "low"):
            table(app).move_to(ids[name])
            await pilot.press("space")
        assert sum(row(app, index)[0] == "▸" for index in range(3)) == 2
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        assert app.screen.followed == (ids["middle"], ids["low"])  # type: ignore[attr-defined]
