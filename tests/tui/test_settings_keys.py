"""The settings form: finding a field, and keys pressed faster than they are drawn."""

from textual import events
from textual.widgets import Input

from tui.fake_runs import Launcher, until
from tui.settings_form import field, open_form, shown_fields, text
from vidpred_engine.presets import preset_settings
from vidpred_engine.settings import describe_settings
from vidpred_tui.app import VidpredApp
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.widgets.settings_form import SettingsForm

# Finding a field.


def is_in_sight(app: VidpredApp) -> bool:
    """Whether the focused field lies within what is shown of the form."""
    form = app.screen.query_one(SettingsForm)
    return app.focused is not None and form.region.contains_region(app.focused.region)


async def test_a_field_is_found_by_its_name_its_flag_the_labs_name_or_a_word_of_its_help(app: VidpredApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        for typed, expected in {
            "lr sch": "lr_schedule",
            "--beta-max": "beta_max",
            "tfr_sde": "teacher_forcing_decay_start",
            "mirroring": "augment",
        }.items():
            await pilot.press("ctrl+f")
            await until(pilot, lambda: app.focused is app.screen.query_one("#find"))
            app.screen.query_one("#find", Input).value = typed
            await until(pilot, lambda: expected in shown_fields(app) and len(shown_fields(app)) < 10)  # noqa: B023
            assert "Enter goes to the first" in text(app, "#found")
            await pilot.press("enter")
            await until(pilot, lambda: app.focused is app.screen.query_one(f"#field-{expected}"))  # noqa: B023
            assert len(shown_fields(app)) == len(describe_settings()), "all are there again"
            await until(pilot, lambda: is_in_sight(app))
        await pilot.press("ctrl+f")
        await until(pilot, lambda: app.focused is app.screen.query_one("#find"))
        app.screen.query_one("#find", Input).value = "qqq"
        await until(pilot, lambda: text(app, "#found") == "no field is meant by this")
        await pilot.press("escape")
        await until(pilot, lambda: len(shown_fields(app)) == len(describe_settings()))
        await until(pilot, lambda: app.focused is app.screen.query_one("#field-augment"))
        await until(pilot, lambda: is_in_sight(app))


async def test_a_field_is_found_as_well_where_enter_follows_at_once(app: VidpredApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        await until(pilot, lambda: app.focused is app.screen.query_one("#preset"))
        press_at_once(app, "ctrl+f", *"seed", "enter")
        await until(pilot, lambda: app.focused is field(app, "seed"))
        await pilot.pause()
        assert len(shown_fields(app)) == len(describe_settings())


# Keys pressed faster than they are drawn.


def press_at_once(app: VidpredApp, *keys: str) -> None:
    """Send keys as a terminal does that had to wait: all before the first has done anything."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else None))


async def test_keys_pressed_at_once_act_in_their_order_on_the_field_they_are_meant_for(
    app: VidpredApp, launcher: Launcher
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        field(app, "epochs").focus()
        await pilot.pause()
        press_at_once(app, "home", "ctrl+k", "7", "down", "4", "tab", "right", "down", *"0.25", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
    (run,) = launcher.started
    settings = run.settings()
    assert (settings.epochs, settings.batch_size, settings.loss) == (7, 4, "l1+mse")
    assert (settings.optimizer, settings.lr) == (preset_settings("best").optimizer, preset_settings("best").lr)


async def test_the_last_letter_typed_before_start_and_reset_counts(app: VidpredApp, launcher: Launcher) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        field(app, "seed").focus()
        await pilot.pause()
        press_at_once(app, *"12", "ctrl+r", "up", *"night", "ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
    (run,) = launcher.started
    assert (run.settings().seed, run.settings().name) == (preset_settings("best").seed, "night")


async def test_the_arrow_keys_choose_a_preset_while_their_list_is_open(app: VidpredApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        await until(pilot, lambda: app.focused is app.screen.query_one("#preset"))
        await pilot.press("enter", "down", "enter")
        await until(pilot, lambda: text(app, "#differences") == "as in demo")
