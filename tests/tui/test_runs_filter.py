"""Home: filtering, sorting and marking by keys and mouse, and ten thousand runs of which forty are drawn."""

import time
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from tui.fake_runs import fake_run, until
from vidpred_engine.store.registry import RunEntry
from vidpred_tui.app import VidpredApp
from vidpred_tui.messages import RunsListed
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.widgets.filter_line import FilterInput, FilterLine
from vidpred_tui.widgets.run_table import RunTable
from vidpred_tui.widgets.title_bar import TitleBar


def table(app: VidpredApp) -> RunTable:
    return app.screen.query_one(RunTable)


def names(app: VidpredApp) -> list[str]:
    return [table(app).texts(place)[3] for place in range(table(app).row_count)]


def fact(app: VidpredApp) -> str:
    return str(app.screen.query_one(TitleBar).query_one("#title-fact", Static).render())


def fault(app: VidpredApp) -> str:
    return str(app.screen.query_one("#filter-fault", Static).render())


def head(app: VidpredApp) -> str:
    return table(app).render_line(0).text


@pytest.fixture
def three(runs: Path) -> dict[str, str]:
    """Three runs, alpha the oldest; their ids by name."""
    baselines = {"repeat_first": 21.0, "mean_frame": 18.0}
    figures: dict[str, dict[str, float | str]] = {
        "alpha": {"best_psnr": 20.5, "loss": 0.2, **baselines},
        "beta": {"loss": "nan"},
        "gamma": {"best_psnr": 31.0, "loss": 0.1, **baselines},
    }
    rates = {"alpha": 1e-2, "beta": 1e-4, "gamma": 1e-3}
    states = {"alpha": "finished", "beta": "failed", "gamma": "finished"}
    return {
        name: fake_run(runs, name, states[name], settings={"lr": rates[name]}, summary=summary).run_id
        for name, summary in figures.items()
    }


async def ready(pilot: Pilot[None], app: VidpredApp, count: int = 3) -> None:
    await until(pilot, lambda: table(app).row_count == count)


async def press(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*({" ": "space"}.get(letter, letter) for letter in text))
    await pilot.pause()


@pytest.mark.usefixtures("three")
async def test_a_filter_is_typed_completed_and_left_again(app: VidpredApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, app)
        assert not app.screen.query_one(FilterLine).display
        await press(pilot, "/")
        assert isinstance(app.focused, FilterInput)
        await press(pilot, "best_psnr>3")
        assert names(app) == ["gamma", "alpha"]
        await press(pilot, "0")
        assert names(app) == ["gamma"]
        assert fact(app).startswith("1 of 3 runs · ")
        await pilot.press("enter")
        assert isinstance(app.focused, RunTable)
        assert names(app) == ["gamma"], "the filter stays"
        await pilot.press("escape")
        await until(pilot, lambda: table(app).row_count == 3)
        assert not app.screen.query_one(FilterLine).display
        assert fact(app).startswith("3 runs · ")
        await press(pilot, "/sta")
        await until(pilot, lambda: app.focused._suggestion == "state:")  # type: ignore[union-attr]
        await pilot.press("tab")
        await press(pilot, "fa")
        await until(pilot, lambda: app.focused._suggestion == "state:failed")  # type: ignore[union-attr]
        await pilot.press("tab")
        await until(pilot, lambda: names(app) == ["beta"])
        await pilot.press("escape")
        await until(pilot, lambda: len(names(app)) == 3)
        assert isinstance(app.focused, RunTable)


@pytest.mark.usefixtures("three")
async def test_a_fault_stands_beneath_and_hides_no_run(app: VidpredApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, app)
        await press(pilot, "/lr<0.005")
        assert names(app) == ["gamma", "beta"]
        await press(pilot, " stat:x")
        assert fault(app) == "At character 10: there is no 'stat' to filter by; did you mean 'state'?"
        assert app.screen.query_one("#filter-fault").display
        assert len(names(app)) == 3, "not what its first half means"
        await pilot.press(*["backspace"] * 7)
        await until(pilot, lambda: not app.screen.query_one("#filter-fault").display)
        assert names(app) == ["gamma", "beta"]
        await press(pilot, " nobody")
        assert names(app) == []
        assert app.screen.query_one("#no-row").display
        await pilot.press("enter", "enter", "space", "d", "r", "c")  # nothing is under the cursor
        assert table(app).current is None


@pytest.mark.usefixtures("three")
async def test_a_filter_follows_the_files(app: VidpredApp, runs: Path) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, app)
        await press(pilot, "/delta|alpha")
        assert names(app) == ["alpha"]
        fake_run(runs, "delta")
        await until(pilot, lambda: names(app) == ["delta", "alpha"])
        assert table(app).current is not None
        assert table(app).current.name == "alpha"  # type: ignore[union-attr]


@pytest.mark.usefixtures("three")
async def test_keys_sort_by_the_next_column_and_the_head_says_so(app: VidpredApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, app)
        assert "age↑" in head(app)
        expected = [
            ("o", "↓", "gamma beta alpha"),
            ("o", "state↑", "gamma alpha beta"),
        ]
        expected += [("o", "name↑", "alpha beta gamma"), ("O", "name↓", "gamma beta alpha")]
        for key, sign, order in expected:
            await pilot.press(key)
            assert sign in head(app)
            assert names(app) == order.split()
        await pilot.press("o", "o", "o", "o")  # epoch, ETA, loss, best
        assert "best↓" in head(app)
        assert names(app) == ["gamma", "alpha", "beta"], "a run without a figure is last"
        await pilot.press("O")
        assert names(app) == ["alpha", "gamma", "beta"], "both ways"


async def test_the_mouse_sorts_marks_chooses_and_opens(app: VidpredApp, three: dict[str, str]) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, app)
        await pilot.click(RunTable, offset=(head(app).index("loss"), 0))
        assert "loss↑" in head(app)
        assert names(app) == ["gamma", "alpha", "beta"], "NaN stands after the numbers"
        await pilot.click(RunTable, offset=(head(app).index("loss"), 0))
        assert "loss↓" in head(app)
        assert names(app) == ["alpha", "gamma", "beta"]
        await pilot.click(RunTable, offset=(20, 3))
        await until(pilot, lambda: table(app).cursor == 2)
        await pilot.click(RunTable, offset=(0, 2))
        await until(pilot, lambda: table(app).texts(1)[0] == "▸")
        assert table(app).cursor == 1
        await pilot.click(RunTable, offset=(20, 15))  # below the last row
        assert table(app).cursor == 1
        await pilot.click(RunTable, offset=(20, 1), times=2)
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert app.screen.followed == (three["alpha"],)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("three")
async def test_all_that_are_shown_are_marked_at_once(app: VidpredApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, app)
        await press(pilot, "/state:finished")
        await pilot.press("enter", "A")
        assert [table(app).texts(place)[0] for place in range(2)] == ["▸", "▸"]
        assert "2 marked" in fact(app)
        await pilot.press("escape")
        await until(pilot, lambda: table(app).row_count == 3)
        assert [table(app).texts(place)[0] for place in range(3)] == ["▸", "", "▸"]
        await pilot.press("A", "A")
        await until(pilot, lambda: "marked" not in fact(app))


def many(count: int) -> tuple[RunEntry, ...]:
    now = time.time()
    return tuple(
        RunEntry(
            run_id=f"20260101-000000-run{number}-0000",
            name=f"run{number}",
            created=now - number,
            state="finished",
            epochs=5,
            changed={"lr": number * 1e-6},
            summary={"best_psnr": float(number * 7919 % count)},
        )
        for number in range(count)
    )


async def test_ten_thousand_runs_draw_only_what_can_be_seen(app: VidpredApp, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    row = RunTable._row
    monkeypatch.setattr(RunTable, "_row", lambda self, place: drawn.append(place) or row(self, place))  # type: ignore[func-returns-value]
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.screen.is_current and app.entries == ())
        app._watcher.close()
        app.post_message(RunsListed(many(10_000)))
        await ready(pilot, app, 10_000)
        assert 0 < len(drawn) < 500
        for keys, place in (("end", 9_999), ("up", 9_998), ("home", 0), ("pagedown", 34), ("down", 35)):
            drawn.clear()
            await pilot.press(keys)
            await pilot.pause()
            assert table(app).cursor == place
            assert len(drawn) < 200
        current = table(app).current
        await pilot.press(*"oooooo")
        assert table(app).current is current, "the cursor stays on its run"
        assert table(app).scroll_offset.y <= table(app).cursor < table(app).scroll_offset.y + 40
        await press(pilot, "/best_psnr:5000|5001|5002")
        assert table(app).row_count == 3


@pytest.mark.parametrize("size", [(160, 48), (80, 24), (40, 12)])
@pytest.mark.usefixtures("three")
async def test_every_size_can_be_drawn_and_resized_to(app: VidpredApp, size: tuple[int, int]) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, app)
        await press(pilot, "/a")
        await pilot.resize_terminal(*size)
        await pilot.pause()
        lines = [table(app).render_line(y) for y in range(3)]
        assert all(line.cell_length == table(app).scrollable_size.width for line in lines)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "best" in head(app))


async def test_a_wide_or_hostile_name_moves_no_column(app: VidpredApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.screen.is_current)
        app._watcher.close()
        odd = ("模型模型模型模型模型模型模型", "[bold]x[/bold]", "a\x1b[31mb\nc", "e\u0301\u200b", "x" * 300)
        entries = [RunEntry(f"20260101-000000-{n}-0000", name, time.time(), "failed") for n, name in enumerate(odd)]
        app.post_message(RunsListed(tuple(entries)))
        await ready(pilot, app, len(odd))
        lines = [table(app).render_line(y) for y in range(1, len(odd) + 1)]
        assert {line.cell_length for line in lines} == {table(app).scrollable_size.width}
        text = "".join(line.text for line in lines)
        assert "[bold]x[/bold]" in text
        assert "\x1b" not in text
        assert "\n" not in text
        await pilot.press("down", "down", "down")
