"""Home: tags, notes, stars, names, deletion with its undoing, export; what is asked, said and left on the disk."""

import csv
import threading
from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tui.fake_runs import Launcher, fake_run, until
from vidpred_engine.store.annotations import Annotations, read_annotations, write_annotations
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.trash import restore_runs
from vidpred_tui import keeping
from vidpred_tui.app import VidpredApp
from vidpred_tui.screens.confirm import ConfirmScreen
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.prompt import PromptScreen
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.widgets.run_table import RunTable
from vidpred_tui.widgets.title_bar import TitleBar


def table(app: VidpredApp) -> RunTable:
    return app.screen_stack[1].query_one(RunTable)


def names(app: VidpredApp) -> list[str]:
    return [table(app).texts(place)[3] for place in range(table(app).row_count)]


def said(app: VidpredApp) -> list[str]:
    return [notification.message for notification in app._notifications]


def question(app: VidpredApp) -> str:
    return str(app.screen.query_one("#question", Static).render())


async def asked(pilot: Pilot[None], app: VidpredApp, key: str) -> Input:
    """Press a key that asks for a line, and return the field."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, PromptScreen))
    return app.screen.query_one(Input)


async def confirmed(pilot: Pilot[None], app: VidpredApp, key: str) -> str:
    """Press a key that asks whether, and return the question."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
    return question(app)


@pytest.fixture
def three(runs: Path) -> dict[str, RunDirectory]:
    """Three ended runs by name, gamma the newest."""
    found = {name: fake_run(runs, name, summary={"best_psnr": 20.0}) for name in ("alpha", "beta", "gamma")}
    Registry(runs).annotate([found["alpha"]], lambda _: Annotations(tags=("kl", "old")))
    Registry(runs).annotate([found["beta"]], lambda _: Annotations(tags=("kl",)))
    return found


async def test_tags_of_one_run_are_edited_completed_and_judged(app: VidpredApp, three: dict[str, RunDirectory]) -> None:
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: names(app) == ["gamma", "beta", "alpha"])
        table(app).move_to(three["alpha"].run_id)
        field = await asked(pilot, app, "t")
        assert question(app) == "Tags of alpha"
        assert field.value == "kl old "
        field.value = "kl [red]"
        await pilot.press("enter")
        assert isinstance(app.screen, PromptScreen), "what is wrong is said, and nothing is lost"
        assert "'[red]' is none" in str(app.screen.query_one("#hint", Static).render())
        field.value = "new o"
        field.cursor_position = 5
        await until(pilot, lambda: field._suggestion == "new old")
        await pilot.press("tab", "enter")
        await until(pilot, lambda: said(app) == ["alpha is tagged new old."])
        await until(pilot, lambda: "old new" in table(app).texts(2))
        assert read_annotations(three["alpha"]).tags == ("old", "new"), "those that stay keep their places"


async def test_tags_that_marked_runs_share_are_edited_and_others_stay(
    app: VidpredApp, three: dict[str, RunDirectory]
) -> None:
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        for name in ("alpha", "beta"):
            table(app).move_to(three[name].run_id)
            await pilot.press("space")
        field = await asked(pilot, app, "t")
        assert question(app) == "Tags of 2 runs"
        assert field.value == "kl "
        await pilot.press(*"new")
        assert field.value == "kl new", "what is typed is one more tag"
        field.value = "best"
        await pilot.press("enter")
        await until(pilot, lambda: said(app) == ["2 runs are tagged best."])
        assert read_annotations(three["alpha"]).tags == ("old", "best")
        assert read_annotations(three["beta"]).tags == ("best",)
        assert read_annotations(three["gamma"]).tags == ()


async def test_a_star_is_given_to_all_that_are_marked_and_taken_when_all_have_it(
    app: VidpredApp, three: dict[str, RunDirectory]
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        await pilot.press("asterisk")
        await until(pilot, lambda: table(app).texts(0)[1] == "★")
        await pilot.press("A", "asterisk")
        await until(pilot, lambda: all(table(app).texts(place)[1] == "★" for place in range(3)))
        await pilot.press("asterisk")
        await until(pilot, lambda: not any(table(app).texts(place)[1] for place in range(3)))
        assert said(app) == ["gamma has a star.", "3 runs have a star.", "3 runs have no star."]
    assert not any(read_annotations(run).starred for run in three.values())


async def test_a_note_is_written_and_stands_below_the_table(app: VidpredApp, three: dict[str, RunDirectory]) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        field = await asked(pilot, app, "e")
        field.value = "[b]why[/b]"
        await pilot.press("enter")
        detail = app.screen_stack[1].query_one("#detail", Static)
        await until(pilot, lambda: "[b]why[/b]" in str(detail.render()))
        assert said(app) == ["The note on gamma is kept."]
        await asked(pilot, app, "e")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        assert read_annotations(three["gamma"]).note == "[b]why[/b]", "Escape leaves it"


async def test_a_renamed_run_has_its_name_everywhere_and_its_settings_as_they_were(
    app: VidpredApp, three: dict[str, RunDirectory]
) -> None:
    before = three["gamma"].settings_file.read_bytes()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        field = await asked(pilot, app, "f2")
        assert field.value == "gamma"
        field.value = "Best [1]"
        await pilot.press("enter")
        await until(pilot, lambda: names(app)[0] == "Best [1]")
        assert said(app) == ["gamma is now called Best [1]."]
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        title = app.screen.query_one(TitleBar).query_one("#title", Static)
        await until(pilot, lambda: "Best [1]" in str(title.render()))
        write_annotations(three["gamma"], Annotations("Better"))
        await until(pilot, lambda: "Better" in str(title.render()))
    assert three["gamma"].settings_file.read_bytes() == before


async def test_deleting_asks_moves_to_the_trash_and_is_undone(
    app: VidpredApp, runs: Path, three: dict[str, RunDirectory]
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        assert await confirmed(pilot, app, "delete") == "Delete gamma? u brings back what is deleted."
        await pilot.press("enter")  # the focused answer is No
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        assert three["gamma"].path.exists()
        await confirmed(pilot, app, "delete")
        await pilot.press("y")
        await until(pilot, lambda: names(app) == ["beta", "alpha"])
        await pilot.press("A")
        assert await confirmed(pilot, app, "delete") == "Delete 2 runs (beta, alpha)? u brings back what is deleted."
        await pilot.press("y")
        await until(pilot, lambda: names(app) == [])
        assert sorted(path.name for path in (runs / ".trash").iterdir()) == sorted(run.run_id for run in three.values())
        await until(pilot, lambda: len(said(app)) == 2)
        assert said(app) == [
            f"gamma lies in {runs / '.trash'}; u brings back.",
            f"2 runs lie in {runs / '.trash'}; u brings back.",
        ]
        await pilot.press("u")
        await until(pilot, lambda: names(app) == ["beta", "alpha"] and len(said(app)) == 3)
        await pilot.press("u")
        await until(pilot, lambda: names(app) == ["gamma", "beta", "alpha"] and len(said(app)) == 4)
        assert said(app)[2:] == ["2 runs are back.", f"{three['gamma'].run_id} is back."]
        await pilot.press("u")
        await until(pilot, lambda: "Nothing has been deleted here" in said(app)[-1])
    assert read_annotations(three["alpha"]).tags == ("kl", "old")


async def test_what_is_still_being_deleted_is_brought_back_once_that_is_done(
    app: VidpredApp, three: dict[str, RunDirectory], monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, delete = threading.Event(), keeping.delete

    def slow(runs: Path, run_ids: Sequence[str], called: str) -> Message:
        assert goes_on.wait(30)
        return delete(runs, run_ids, called)

    monkeypatch.setattr(keeping, "delete", slow)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        await confirmed(pilot, app, "delete")
        await pilot.press("y", "u")
        await until(pilot, lambda: said(app))
        assert said(app) == ["Runs are still being moved; press u once that is done."]
        goes_on.set()
        await until(pilot, lambda: len(said(app)) == 2)
        await pilot.press("u")
        await until(pilot, lambda: said(app)[-1] == f"{three['gamma'].run_id} is back.")


async def test_what_is_back_already_keeps_no_other_run_away(
    app: VidpredApp, runs: Path, three: dict[str, RunDirectory]
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        await pilot.press("A")
        await confirmed(pilot, app, "delete")
        await pilot.press("y")
        await until(pilot, lambda: names(app) == [] and said(app))
        restore_runs(runs, [three["beta"].run_id])
        three["alpha"].path.mkdir()  # something else is in its place
        await pilot.press("u")
        await until(pilot, lambda: "move that folder away first" in said(app)[-1])
        three["alpha"].path.rmdir()
        await pilot.press("u")
        await until(pilot, lambda: names(app) == ["gamma", "beta", "alpha"])


@pytest.mark.usefixtures("three")
async def test_a_live_run_is_not_deleted_and_stays_when_others_are(app: VidpredApp, runs: Path) -> None:
    busy = fake_run(runs, "vigil", "running")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 4)
        await pilot.press("delete")
        assert isinstance(app.screen, RunsScreen), "under the cursor is only a live run"
        await pilot.press("A")
        asked_ = await confirmed(pilot, app, "delete")
        assert asked_.startswith("Delete 3 runs (gamma, beta, alpha)? 1 that trains stays. u brings back")
        await pilot.press("y")
        await until(pilot, lambda: names(app) == ["vigil"])
    assert busy.path.exists()


@pytest.mark.usefixtures("three")
async def test_marks_out_of_sight_are_counted_said_before_deleting_and_taken_away(app: VidpredApp) -> None:
    async with app.run_test(size=(120, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        title = app.screen.query_one(TitleBar).query_one("#title-fact", Static)
        await pilot.press("A", "slash", *"beta", "enter")
        await until(pilot, lambda: names(app) == ["beta"])
        assert "3 marked, 2 out of sight" in str(title.render())
        assert "2 of the marked runs are out of sight." in await confirmed(pilot, app, "delete")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.press("escape")
        await until(pilot, lambda: len(names(app)) == 3)
        assert "3 marked" in str(title.render())
        await pilot.press("escape")
        await until(pilot, lambda: "marked" not in str(title.render()))


@pytest.mark.usefixtures("three")
async def test_marked_runs_are_stopped_together(app: VidpredApp, runs: Path, launcher: Launcher) -> None:
    first, second = fake_run(runs, "first", "running"), fake_run(runs, "second", "running")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 5)
        await pilot.press("A")
        assert (await confirmed(pilot, app, "s")).startswith("Stop 2 runs (second, first)? They finish their steps")
        await pilot.press("y")
        await until(pilot, lambda: said(app) == ["2 runs (second, first) finish their steps, save and leave."])
    assert launcher.stopped == [second, first]


@pytest.mark.usefixtures("three")
async def test_what_is_shown_is_exported(app: VidpredApp, runs: Path, tmp_path: Path) -> None:
    fake_run(runs, "delta", settings={"lr": 0.5, "loss": "l1+mse"}, summary={"loss": "nan", "best_psnr": 30.0})
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 4)
        await pilot.press("slash", *"-gamma", "enter")
        await until(pilot, lambda: len(names(app)) == 3)
        refused = {"out.txt": "'out.txt' ends otherwise", "none/out.csv": "There is no folder"}
        for file in ("out.txt", "out.csv", "out.json", "out.csv", "none/out.csv"):
            field = await asked(pilot, app, "x")
            assert question(app) == "Write 3 runs to"
            assert Path(field.value).parent == Path.cwd()
            field.value = str(tmp_path / file)
            await pilot.press("enter")
            if file in refused:
                assert refused[file] in str(app.screen.query_one("#hint", Static).render())
                await pilot.press("escape")
            refused[file] = f"{file} exists already; take another name."
            await until(pilot, lambda: isinstance(app.screen, RunsScreen))
            await app.workers.wait_for_complete()
        await until(pilot, lambda: len(said(app)) == 2)
        assert said(app) == [f"3 runs are in {tmp_path / 'out.csv'}.", f"3 runs are in {tmp_path / 'out.json'}."]
    with (tmp_path / "out.csv").open(newline="") as file_:
        rows = list(csv.DictReader(file_))
    assert [row["name"] for row in rows] == ["delta", "beta", "alpha"]
    assert [row["tags"] for row in rows] == ["", "kl", "kl old"]
    assert [row["lr"] for row in rows] == ["0.5", "0.0001", "0.0001"]
    assert [row["setting_loss"] for row in rows] == ["l1+mse", "mse", "mse"]
    assert [(row["loss"], row["best_psnr"]) for row in rows] == [("nan", "30.0"), ("", "20.0"), ("", "20.0")]
    exported = orjson.loads((tmp_path / "out.json").read_bytes())
    assert [entry["name"] for entry in exported] == ["delta", "beta", "alpha"]


@pytest.mark.usefixtures("three")
async def test_of_marked_runs_only_those_are_exported(app: VidpredApp, tmp_path: Path) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        await pilot.press("space", "down", "space")
        field = await asked(pilot, app, "x")
        assert question(app) == "Write 2 runs to"
        field.value = str(tmp_path / "out.json")
        await pilot.press("enter")
        await until(pilot, lambda: said(app) == [f"2 runs are in {tmp_path / 'out.json'}."])
    exported = orjson.loads((tmp_path / "out.json").read_bytes())
    assert {entry["name"] for entry in exported} == {"gamma", "alpha"}


@pytest.mark.usefixtures("three")
async def test_a_wish_that_fails_is_said_and_changes_nothing(app: VidpredApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "annotations.json")

    monkeypatch.setattr("vidpred_engine.store.registry.write_annotations", refuse)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(names(app)) == 3)
        await pilot.press("asterisk")
        await until(pilot, lambda: said(app))
        assert said(app)[0].startswith("That did not work:")
        assert "Permission denied" in said(app)[0]
        assert table(app).texts(0)[1] == ""
