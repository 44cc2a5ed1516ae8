"""The keys of the Live screen, one flow each: what they do to what the charts, the title and the log show."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tui.fake_runs import Launcher, append_records, fake_run, step_record, until, validation_record
from vidpred_engine.store.control import REQUESTS, Inbox, Taken, control_folder
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_tui.app import VidpredApp
from vidpred_tui.charts.run_charts import RUN_CHARTS, TITLES
from vidpred_tui.messages import RunOpened
from vidpred_tui.screens.chart_choice import ChartChoiceScreen
from vidpred_tui.screens.control import KEYS, ControlScreen
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.traffic import Traffic, written
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.chart_grid import ChartGrid
from vidpred_tui.widgets.cursor_chart import CursorChart
from vidpred_tui.widgets.log_tail import LogTailView

SIZE = (160, 48)
STEPS = 400


def records() -> list[dict[str, Any]]:
    """400 steps of two minutes each and 100 an epoch: the loss is its step, KL is 0 in each tenth one."""
    logged: list[dict[str, Any]] = []
    for step in range(STEPS):
        values = {"loss": float(step), "kl": 0.0 if step % 10 == 0 else 2.0, "time": 1.7e9 + 120.0 * step}
        logged.append({**step_record(step, **values), "epoch": step // 100})
    return [*logged, {**validation_record(STEPS - 1, psnr=24.5), "epoch": 3}]


@pytest.fixture
def run(runs: Path) -> RunDirectory:
    """A run at work with 400 of its 800 steps behind it."""
    found = fake_run(runs, "live", "running", settings={"epochs": 8}, records=records(), step=STEPS, steps=2 * STEPS)
    found.log_file.write_text("".join(f"line {number} of the log\n" for number in range(100)))
    return found


def chart(app: VidpredApp, name: str) -> str:
    return "".join(found.text for found in app.screen.query(f"#chart-{name}").results(Chart))


def title(app: VidpredApp) -> str:
    return str(app.screen.query_one("#title-fact").render())


def log(app: VidpredApp) -> list[str]:
    return app.screen.query_one(LogTailView).render().plain.split("\n")


def axis(app: VidpredApp, name: str) -> str:
    """The last row of a chart: the labels of its horizontal axis."""
    return chart(app, name).rstrip("\n").split("\n")[-1]


async def opened(app: VidpredApp, pilot: "Pilot[None]", run: RunDirectory) -> None:
    """Open the run, until all of its charts are drawn."""
    app.post_message(RunOpened(run.run_id))
    await until(pilot, lambda: isinstance(app.screen, LiveScreen))
    await until(pilot, lambda: all("┤" in chart(app, name) for name in ("loss", "kl", "lr")))


async def test_the_cursor_tells_the_values_at_its_step_in_every_title(app: VidpredApp, run: RunDirectory) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        assert chart(app, "loss").startswith("loss 399")
        assert app.screen.active_bindings["right"].binding.description == "Charts"
        await pilot.press("v")
        await until(pilot, lambda: "cursor 399" in title(app))
        assert app.screen.active_bindings["right"].binding.description == "Move"
        loss = app.screen.query_one("#chart-loss", CursorChart)
        moves = 10
        await pilot.press(*["left"] * moves)
        view = app.screen._view  # type: ignore[attr-defined]
        assert 399 - 20 * moves < view.cursor < 399 - moves, "a column is some steps wide"
        assert chart(app, "loss").startswith(f"loss {view.cursor:.0f}\n")
        assert chart(app, "kl").startswith("KL 0" if view.cursor % 10 == 0 else "KL 2")
        rows = loss.text.split("\n")[1:-2]
        assert len({row.index("│", 8) for row in rows if "│" in row[8:]}) == 1, "a vertical line"
        await pilot.press("right", "right")
        assert app.screen._view.cursor > view.cursor  # type: ignore[attr-defined]
        await pilot.press("v")
        await until(pilot, lambda: chart(app, "loss").startswith("loss 399"))
        assert "cursor" not in title(app)


async def test_zoom_pan_and_reset_move_the_axes_of_all_charts(app: VidpredApp, run: RunDirectory) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        await pilot.press("plus")
        await until(pilot, lambda: "steps 100-299" in title(app))
        for name in ("loss", "kl", "gradient"):
            await until(pilot, lambda name=name: axis(app, name).split()[0] == "100")  # type: ignore[misc]
        await pilot.press("greater_than_sign")
        await until(pilot, lambda: "steps 150-349" in title(app) and axis(app, "loss").split()[0] == "150")
        await pilot.press("shift+left", "shift+left", "minus")
        await until(pilot, lambda: "steps 0-399" in title(app))
        await pilot.press("0")
        await until(pilot, lambda: "steps" not in title(app) and axis(app, "lr").split()[0] == "0")
        loss = app.screen.query_one("#chart-loss", CursorChart)
        await pilot._post_mouse_events(_wheel_up(), "#chart-loss", offset=(loss.size.width - 1, 5))
        await until(pilot, lambda: "steps 2" in title(app))
        assert app.screen._view.window[1] == pytest.approx(399, abs=30)  # type: ignore[attr-defined]


async def test_a_window_follows_the_run_while_its_end_is_in_sight(app: VidpredApp, run: RunDirectory) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        await pilot.press("plus", "greater_than_sign", "greater_than_sign")
        await until(pilot, lambda: "steps 200-399" in title(app))
        append_records(run, [step_record(step) for step in range(STEPS, STEPS + 10)])
        await until(pilot, lambda: "steps 224-424" in title(app) and int(axis(app, "loss").split()[0]) >= 224)
        await pilot.press("less_than_sign", "less_than_sign")
        await until(pilot, lambda: "steps 125-324" in title(app))
        append_records(run, [step_record(step, loss=0.25) for step in range(STEPS + 10, STEPS + 60)])
        await until(pilot, lambda: chart(app, "loss").startswith("loss 0.25"))
        assert "steps 125-324" in title(app)


def _wheel_up() -> Any:
    from textual.events import MouseScrollUp

    return [MouseScrollUp]


async def test_the_axis_is_steps_epochs_or_time(app: VidpredApp, run: RunDirectory) -> None:
    """399 intervals of two minutes are 13.3 hours; of 800 steps, four of eight epochs are behind."""
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        assert axis(app, "loss").split()[-1] == "step"
        await pilot.press("x")
        await until(pilot, lambda: axis(app, "loss").split() == ["0", "2", "epoch"])
        await until(pilot, lambda: axis(app, "lr").split() == ["0", "2", "4", "6", "epoch"])
        await pilot.press("x")
        await until(pilot, lambda: axis(app, "loss").split()[-1] == "h")
        assert axis(app, "loss").split()[-2] in ("10", "12")
        await pilot.press("x")
        await until(pilot, lambda: axis(app, "loss").split()[-1] == "step")


async def test_a_logarithmic_axis_says_what_it_leaves_out(app: VidpredApp, run: RunDirectory) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        await pilot.press("y")
        await until(pilot, lambda: "KL 2  40 values ≤ 0 left out" in chart(app, "kl"))
        await until(pilot, lambda: "1 value ≤ 0 left out" in chart(app, "loss") and "  10┤" in chart(app, "loss"))
        assert "log y" in title(app)
        await pilot.press("y")
        await until(pilot, lambda: "left out" not in chart(app, "kl") + chart(app, "loss"))


async def test_smoothing_turns_through_its_degrees_and_shades_the_extremes(app: VidpredApp, run: RunDirectory) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        assert "░" not in chart(app, "kl")
        for key, degree in (("m", "0.6"), ("right_square_bracket", "0.9"), ("m", "0.99")):
            await pilot.press(key)
            await until(pilot, lambda degree=degree: f"EMA {degree}" in title(app))  # type: ignore[misc]
        await until(pilot, lambda: "░" in chart(app, "kl"))
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "EMA 0.9 " in title(app))
        await pilot.press("m", "m")
        await until(pilot, lambda: "EMA" not in title(app) and "░" not in chart(app, "kl"))


def shown(app: VidpredApp) -> tuple[str, ...]:
    return tuple(name for name in TITLES if app.screen.query_one(f"#chart-{name}").display)


async def test_one_chart_alone_and_back(app: VidpredApp, run: RunDirectory) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        await pilot.press("tab", "tab", "tab", "shift+tab")
        await until(pilot, lambda: chart(app, "psnr").startswith("▸ PSNR 24.5 dB"))
        assert not chart(app, "loss").startswith("▸")
        await pilot.press("z")
        await until(pilot, lambda: shown(app) == ("psnr",))
        size = app.screen.query_one("#chart-psnr").size
        assert size.width > SIZE[0] - 5
        await pilot.press("tab")
        await until(pilot, lambda: shown(app) == ("beta",))
        await pilot.press("right")
        await until(pilot, lambda: shown(app) == ("tfr",))
        await pilot.press("escape")
        await until(pilot, lambda: shown(app) == RUN_CHARTS[:9])
        await pilot.click("#chart-kl")
        await until(pilot, lambda: chart(app, "kl").startswith("▸ KL 2"))
        await pilot.press("enter")
        await until(pilot, lambda: shown(app) == ("kl",))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_charts_are_added_and_removed_and_remembered(app: VidpredApp, run: RunDirectory, runs: Path) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, ChartChoiceScreen))
        await pilot.press(
            "space", "down", "space", *["down"] * (list(TITLES).index("train-psnr") - 1), "space", "enter"
        )
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        expected = (*RUN_CHARTS[2:], "train-psnr")
        await until(pilot, lambda: shown(app) == expected)
        await pilot.press("plus", "y")
        await until(pilot, lambda: "steps 100-299 · log y" in title(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await opened_again(app, pilot, run)
        assert shown(app) == expected
        assert "steps 100-299 · log y" in title(app)
        other = fake_run(runs, "other", records=records())
        await opened_again(app, pilot, other)
        assert shown(app) == expected
        assert "log y" in title(app)
        assert "steps" not in title(app), "a window is that of one run"


async def opened_again(app: VidpredApp, pilot: "Pilot[None]", run: RunDirectory) -> None:
    app.post_message(RunOpened(run.run_id))
    await until(pilot, lambda: isinstance(app.screen, LiveScreen) and app.screen.followed == (run.run_id,))
    await until(pilot, lambda: bool(title(app)))


async def test_the_last_chart_cannot_be_removed(app: VidpredApp, run: RunDirectory) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, ChartChoiceScreen))
        await pilot.press(*["space", "down"] * len(RUN_CHARTS), "enter")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await until(pilot, lambda: shown(app) == ("speed",))
        assert app.screen.query_one(ChartGrid).pages == 1


async def test_the_log_is_searched(app: VidpredApp, run: RunDirectory) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        await until(pilot, lambda: log(app)[-1] == "line 99 of the log")
        await pilot.press("slash")
        await until(pilot, lambda: app.focused is not None)
        offered = {key for key, active in app.screen.active_bindings.items() if active.binding.show}
        assert not offered & {"plus", "minus", "slash", "n"}, "they are typed"
        await pilot.press(*"LINE 4")
        await until(pilot, lambda: "▸ line 49 of the log" in log(app))
        assert "11 of 11 lines" in str(app.screen.query_one("#found").render())
        await pilot.press("enter", "n")
        await until(pilot, lambda: "▸ line 4 of the log" in log(app))
        await pilot.press("n", "n", "N")
        await until(pilot, lambda: "▸ line 40 of the log" in log(app))
        assert "2 of 11 lines" in str(app.screen.query_one("#found").render())
        spans = app.screen.query_one(LogTailView).render().spans
        assert sum(span.style == "reverse" and span.end - span.start == len("line 4") for span in spans) > 1
        with run.log_file.open("a") as file:
            file.write("a new line\n")
        await until(pilot, lambda: app.snapshots[run.run_id].log[-1] == "a new line")
        assert "▸ line 40 of the log" in log(app), "what was found stays in sight"
        await pilot.press("escape")
        await until(pilot, lambda: log(app)[-1] == "a new line")
        assert isinstance(app.screen, LiveScreen)
        await pilot.press("slash")
        await until(pilot, lambda: app.focused is not None)
        await pilot.press(*"nowhere")
        await until(pilot, lambda: "in no line" in str(app.screen.query_one("#found").render()))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_what_is_looked_for_in_a_long_line_is_in_sight(app: VidpredApp, run: RunDirectory) -> None:
    run.log_file.write_text(f"{'mse 0.1 ' * 30}psnr 24.5\nshort psnr\n")
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        await until(pilot, lambda: log(app)[-1] == "short psnr")
        await pilot.press("slash")
        await until(pilot, lambda: app.focused is not None)
        await pilot.press(*"psnr 24")
        await until(pilot, lambda: log(app)[0].startswith("▸ …") and log(app)[0].endswith("psnr 24.5"))
        assert "1 of 1 lines" in str(app.screen.query_one("#found").render())
        assert app.screen.query_one("#found").region.right <= SIZE[0]


async def test_a_run_at_work_is_asked_and_its_answer_is_told(
    app: VidpredApp, run: RunDirectory, launcher: Launcher
) -> None:
    assert sorted(KEYS.values()) == sorted(REQUESTS)
    inbox = Inbox(run, run.status)
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, ControlScreen))
        await pilot.press("e")
        await until(pilot, (control_folder(run) / "stop-after-epoch.json").exists)
        assert inbox.take() == [Taken("stop-after-epoch", is_stale=False)]
        event = {
            "kind": "event",
            "event": "control",
            "step": 7,
            "epoch": 0,
            "time": 1.7e9,
            "request": "stop-after-epoch",
        }
        append_records(run, [{**event, "text": "It is done, [b]as asked[/b].", "obeyed": True}])
        await until(pilot, _notified(app, "It is done, [b]as asked[/b]."))
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, ControlScreen))
        assert "It is done, [b]as asked[/b]." in str(app.screen.query_one("#control-answers").render())
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert inbox.take() == []
    assert launcher.stopped == []


def _notified(app: VidpredApp, text: str) -> Callable[[], bool]:
    return lambda: any(notification.message == text for notification in app._notifications)


async def test_a_run_that_is_not_at_work_cannot_be_asked(app: VidpredApp, runs: Path) -> None:
    run = fake_run(runs, "done", records=records())
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        assert app.screen.check_action("control", ()) is None
        await pilot.press("k")
        await pilot.pause()
        assert isinstance(app.screen, LiveScreen)


async def test_the_bytes_that_are_written_show_on_demand(
    app: VidpredApp, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vidpred_tui.shell.TRAFFIC_SECONDS", 0.05)
    async with app.run_test(size=SIZE) as pilot:
        await opened(app, pilot, run)
        shown_rate = app.screen.query_one("#title-traffic")
        assert not shown_rate.display
        await pilot.press("f12")
        await until(pilot, lambda: shown_rate.display and "KiB/s" in str(shown_rate.render()))
        assert app._driver is not None
        app._driver.write("x" * 100_000)
        await until(pilot, lambda: str(shown_rate.render()) not in ("0 KiB/s", ""))
        await until(pilot, lambda: str(shown_rate.render()) == "0 KiB/s")
        await pilot.press("f12")
        await until(pilot, lambda: not shown_rate.display)


def test_traffic_counts_bytes_and_not_characters() -> None:
    class Driver:
        def __init__(self) -> None:
            self.sent: list[str] = []

        def write(self, data: str) -> None:
            self.sent.append(data)

    driver, clock = Driver(), iter([10.0, 12.0, 13.0])
    traffic = Traffic(driver, clock=lambda: next(clock))  # type: ignore[arg-type]
    driver.write("⣿" * 100)
    driver.write("ab")
    assert traffic.rate() == (300 + 2) / 2
    assert traffic.rate() == 0
    assert driver.sent == ["⣿" * 100, "ab"]
    assert [written(rate) for rate in (0.0, 51.0, 100.0, 25_600.0)] == ["0 KiB/s", "0 KiB/s", "0.1 KiB/s", "25.0 KiB/s"]
