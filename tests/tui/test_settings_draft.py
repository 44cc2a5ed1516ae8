"""The settings form: what was typed stays until it is started or taken back."""

from pathlib import Path

from textual.widgets import Select

from tui.fake_runs import Launcher, fake_run, until
from tui.settings_form import field, open_form, text
from vidpred_engine.presets import preset_settings
from vidpred_tui.app import VidpredApp
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.screens.settings import SettingsScreen


async def test_another_preset_keeps_what_was_typed(app: VidpredApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await open_form(app, pilot)
        field(app, "lr").value = "1e-3 | 1e-4"
        field(app, "beta_max").value = "0.5"
        await until(pilot, lambda: "2 runs" in text(app, "#differences"))
        app.screen.query_one("#preset", Select).value = "lab"
        await until(pilot, lambda: field(app, "epochs").value == str(preset_settings("lab").epochs))
        assert (field(app, "lr").value, field(app, "beta_max").value) == ("1e-3 | 1e-4", "0.5")
        await pilot.press("f5")
        await until(pilot, lambda: text(app, "#differences") == "as in lab")


async def test_a_copy_and_a_new_form_keep_what_was_typed_apart(app: VidpredApp, runs: Path) -> None:
    fake_run(runs, "old")
    async with app.run_test(size=(120, 40)) as pilot:
        await open_form(app, pilot)
        field(app, "epochs").value = "7"
        await until(pilot, lambda: "epochs 7" in text(app, "#differences"))
        await pilot.press("escape", "d")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and field(app, "epochs").value == "5")
        field(app, "epochs").value = "4"
        await until(pilot, lambda: "epochs 4" in text(app, "#differences"))
        await pilot.press("escape", "n")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and field(app, "epochs").value == "7")
        await pilot.press("escape", "d")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and field(app, "epochs").value == "4")


async def test_what_was_typed_is_there_again_after_leaving_the_form_and_the_program(
    runs: Path, launcher: Launcher
) -> None:
    def program() -> VidpredApp:
        return VidpredApp(runs, start=launcher.start, stop=launcher.stop, work_on_queue=launcher.work_on_queue)

    app = program()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        app.screen.query_one("#preset", Select).value = "lab"
        await until(pilot, lambda: text(app, "#differences") == "as in lab")
        field(app, "lr").value = "not yet a numb"
        field(app, "seed").value = "5"
        await until(pilot, lambda: "cannot start yet: lr" in text(app, "#differences"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and field(app, "seed").value == "5")
    app = program()
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        await until(pilot, lambda: field(app, "seed").value == "5")
        assert (field(app, "lr").value, app.screen.query_one("#preset", Select).value) == ("not yet a numb", "lab")
        field(app, "lr").value = "0.5"
        await until(pilot, lambda: "lr 0.5" in text(app, "#differences"))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press("escape", "n")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await until(pilot, lambda: text(app, "#differences") == "as in best")
    (run,) = launcher.started
    assert (run.settings().seed, run.settings().lr) == (5, 0.5)
