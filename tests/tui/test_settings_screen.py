"""The settings form: presets, faults as one types, and starting."""

from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input, Select, Static

from tui.fake_runs import Launcher, fake_run, until
from vidpred_engine.errors import UserError
from vidpred_engine.presets import preset_names, preset_settings
from vidpred_engine.settings import describe_settings
from vidpred_engine.store.run_directory import RunDirectory, run_directories
from vidpred_tui.app import VidpredApp
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.settings import SettingsScreen
from vidpred_tui.widgets.chart import Chart


def text(app: VidpredApp, selector: str) -> str:
    """What stands there, nothing while there is no such widget."""
    return "".join(str(found.render()) for found in app.screen.query(selector).results(Static))


def field(app: VidpredApp, name: str) -> Input:
    return app.screen.query_one(f"#field-{name}", Input)


async def open_form(app: VidpredApp, pilot: Pilot[None]) -> None:
    await until(pilot, lambda: app.entries or app.screen.query("#empty"))
    await pilot.press("n")
    await until(pilot, lambda: isinstance(app.screen, SettingsScreen))


async def test_the_form_has_a_field_for_every_setting_and_fits_80_columns(app: VidpredApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        fields = [app.screen.query_one(f"#field-{setting.name}") for setting in describe_settings()]
        assert all(item.region.width >= 8 and item.region.right <= 80 for item in fields)
        assert app.screen.query_one("#start").region.bottom <= 24
        last = fields[-1]
        last.focus()
        await until(pilot, lambda: last.region.bottom <= app.screen.query_one("#below").region.y)
        await until(pilot, lambda: describe_settings()[-1].help in text(app, "#field-help"))
        assert "lab per_save" in text(app, "#field-help")


async def test_a_fault_shows_below_its_field_while_one_types_and_prevents_the_start(
    app: VidpredApp, launcher: Launcher
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        field(app, "lr").focus()
        await pilot.press("backspace", "x")
        await until(pilot, lambda: "'lr' should be a number (> 0, ≤ 1); it is" in text(app, "#fault-lr"))
        assert app.screen.query_one("#fault-lr").region.height > 0
        assert "cannot start yet: lr" in text(app, "#differences")
        field(app, "name").focus()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.focused is field(app, "lr"))
        await pilot.press("backspace", "1", "e", "-", "3")
        await until(pilot, lambda: text(app, "#differences") == "• 1 differ: lr 0.001")
        assert app.screen.query_one("#fault-lr").region.height == 0
    assert launcher.started == []


async def test_a_preset_fills_the_form_and_start_launches_it_with_what_was_changed(
    app: VidpredApp, launcher: Launcher
) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        assert set(preset_names()) == {value for _, value in app.screen.query_one("#preset", Select)._options}
        app.screen.query_one("#preset", Select).value = "lab"
        await until(pilot, lambda: field(app, "epochs").value == str(preset_settings("lab").epochs))
        await until(pilot, lambda: text(app, "#differences") == "as in lab")
        field(app, "epochs").value = "3"
        app.screen.query_one("#field-shuffle").focus()
        await pilot.press("space")
        await until(pilot, lambda: "epochs 3" in text(app, "#differences"))
        app.screen.query_one("#field-optimizer").focus()
        await pilot.press("right")
        await until(pilot, lambda: "optimizer adamw" in text(app, "#differences"))
        await pilot.press("ctrl+s", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        assert not any(isinstance(screen, SettingsScreen) for screen in app.screen_stack)
    (run,) = launcher.started
    lab = preset_settings("lab")
    assert run.settings() == lab.model_copy(update={"epochs": 3, "shuffle": not lab.shuffle, "optimizer": "adamw"})


async def test_a_copy_starts_from_the_runs_settings_under_a_free_name(app: VidpredApp, runs: Path) -> None:
    fake_run(runs, "origin", settings={"lr": 0.25})
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.entries)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        assert field(app, "lr").value == "0.25"
        assert field(app, "name").value == "origin-2"


async def test_what_the_engine_refuses_is_said_in_its_own_words(app: VidpredApp, runs: Path) -> None:
    def refuse(_: RunDirectory) -> None:
        raise UserError("There is no room.")

    app._start = refuse  # type: ignore[assignment]
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        field(app, "data").value = str(runs / "[/nowhere]")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: [toast for toast in app._notifications if "[/nowhere]" in toast.message])
        assert run_directories(runs) == []
        field(app, "data").value = "synthetic"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: [toast for toast in app._notifications if toast.message == "There is no room."])
        assert isinstance(app.screen, SettingsScreen)


async def test_the_planned_schedules_are_drawn_before_anything_starts(app: VidpredApp) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        schedules = app.screen.query_one("#chart-planned-schedules", Chart)
        await until(pilot, lambda: "● beta ■ TFR" in schedules.text and "epoch" in schedules.text)
        before = schedules.text
        app.screen.query_one("#field-teacher_forcing", Input).value = "0.3"
        await until(pilot, lambda: schedules.text != before)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not schedules.is_on_screen)
