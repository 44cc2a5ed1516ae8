"""Home and the queue: what waits and as which, and the keys that put runs there, take them out and move them."""

from pathlib import Path

import filelock
import pytest
from textual.widgets import Static

from tui.fake_runs import Launcher, fake_run, until
from vidpred_engine.launch import queue
from vidpred_engine.launch.queue_runner import LOCK
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import Status, write_status
from vidpred_tui import starting
from vidpred_tui.app import VidpredApp
from vidpred_tui.widgets.run_table import RunTable


def table(app: VidpredApp) -> RunTable:
    return app.screen.query_one(RunTable)


def told(app: VidpredApp) -> dict[str, tuple[str, str]]:
    """State and ETA of each run, by its name."""
    rows = [table(app).texts(place) for place in range(table(app).row_count)]
    return {row[3]: (row[2], row[5]) for row in rows}


def said(app: VidpredApp) -> list[str]:
    return [toast.message for toast in app._notifications]


@pytest.fixture
def three(runs: Path) -> dict[str, RunDirectory]:
    """A run that was never started, one that was stopped and one that is finished."""
    states = {"new": ("created", 0), "old": ("stopped", 7), "done": ("finished", 9)}
    return {name: fake_run(runs, name, state, step=step) for name, (state, step) in states.items()}


async def test_runs_are_put_into_the_queue_moved_and_taken_out(
    app: VidpredApp, runs: Path, launcher: Launcher, three: dict[str, RunDirectory]
) -> None:
    async with app.run_test(size=(110, 30)) as pilot:
        await until(pilot, lambda: table(app).row_count == 3)
        assert told(app) == {"new": ("○ created", "·"), "old": ("■ stopped", "·"), "done": ("✓ finished", "·")}
        table(app).move_to(three["old"].run_id)
        await pilot.press("l")
        await until(pilot, lambda: told(app)["old"] == ("◔ queued", "#1"))
        table(app).move_to(three["new"].run_id)
        await pilot.press("l")
        await until(pilot, lambda: told(app)["new"] == ("◔ queued", "#2"))
        assert "2 queued" in str(app.screen.query_one("#title-fact", Static).render())
        await pilot.press("plus")
        await until(pilot, lambda: (told(app)["new"][1], told(app)["old"][1]) == ("#1", "#2"))
        assert "new is number 1 in the queue." in said(app)
        await pilot.press("minus")
        await until(pilot, lambda: (told(app)["new"][1], told(app)["old"][1]) == ("#2", "#1"))
        assert launcher.queues == [runs] * 4, "each lets the queue be worked on, should nobody do"
        await pilot.press("s")
        await until(pilot, lambda: told(app)["new"] == ("○ created", "·"))
        table(app).move_to(three["old"].run_id)
        await pilot.press("l")
        await until(pilot, lambda: told(app)["old"] == ("■ stopped", "·"))
        assert "old is out of the queue." in said(app)
    assert launcher.started == launcher.stopped == []


async def test_marked_runs_go_into_the_queue_the_oldest_first_and_what_is_finished_stays(
    app: VidpredApp, runs: Path, three: dict[str, RunDirectory]
) -> None:
    async with app.run_test(size=(110, 30)) as pilot:
        await until(pilot, lambda: table(app).row_count == 3)
        await pilot.press("A", "l")
        await until(pilot, lambda: told(app)["done"][0] == "✓ finished" and told(app)["old"][0] == "◔ queued")
        assert [run.run_id for run in queue.waiting(runs)] == [three["new"].run_id, three["old"].run_id]


async def test_keys_of_the_queue_are_off_where_they_make_no_sense(
    app: VidpredApp, launcher: Launcher, three: dict[str, RunDirectory]
) -> None:
    async with app.run_test(size=(110, 30)) as pilot:
        await until(pilot, lambda: table(app).row_count == 3)
        table(app).move_to(three["done"].run_id)
        await pilot.pause()
        await pilot.press("l", "plus", "minus", "s")
        await pilot.pause()
    assert launcher.queues == []
    assert three["done"].status().state == "finished"


async def test_a_queue_that_nobody_works_on_is_told_of_as_the_program_opens(
    app: VidpredApp, runs: Path, three: dict[str, RunDirectory]
) -> None:
    queue.add(runs, [three["new"]])
    async with app.run_test(size=(110, 30)) as pilot:
        await until(pilot, lambda: any("1 run waits and no process works on the queue" in each for each in said(app)))


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What each look at the queue found to be said."""
    found: list[object] = []
    look = starting.look_at_queue

    def noted(runs: Path, waiting: int) -> object:
        found.append(look(runs, waiting))
        return found[-1]

    monkeypatch.setattr(starting, "look_at_queue", noted)
    return found


async def test_a_queue_whose_process_has_gone_is_told_of_when_the_next_run_has_its_turn(
    app: VidpredApp, runs: Path, three: dict[str, RunDirectory], looked: list[object]
) -> None:
    running = fake_run(runs, "now", "running")
    queue.add(runs, [three["new"]])
    process = filelock.FileLock(runs / LOCK)
    process.acquire()
    async with app.run_test(size=(110, 30)) as pilot:
        await until(pilot, lambda: looked)
        assert looked == [None]
        process.release()
        write_status(running.status_file, Status("finished"))
        await until(pilot, lambda: any("1 run waits and no process works on the queue" in each for each in said(app)))


async def test_a_queue_that_is_worked_on_is_not(
    runs: Path, launcher: Launcher, three: dict[str, RunDirectory], looked: list[object]
) -> None:
    queue.add(runs, [three["new"]])
    app = VidpredApp(runs, start=launcher.start, stop=launcher.stop, work_on_queue=launcher.work_on_queue)
    with filelock.FileLock(runs / LOCK):
        async with app.run_test(size=(110, 30)) as pilot:
            await until(pilot, lambda: looked)
    assert looked == [None]


async def test_a_run_that_waits_can_be_started_at_once(
    app: VidpredApp, runs: Path, launcher: Launcher, three: dict[str, RunDirectory]
) -> None:
    queue.add(runs, [three["new"]])
    async with app.run_test(size=(110, 30)) as pilot:
        await until(pilot, lambda: table(app).row_count == 3)
        table(app).move_to(three["new"].run_id)
        await pilot.press("r")
        await until(pilot, lambda: launcher.started)
    assert launcher.started == [three["new"]]
