"""The settings form: presets, faults as one types, and starting."""

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Select

from tui.fake_runs import Launcher, fake_run, until
from tui.settings_form import field, open_form, read_typed, text
from vidpred_engine.errors import UserError
from vidpred_engine.presets import preset_names, preset_settings
from vidpred_engine.settings import RunSettings, describe_settings
from vidpred_engine.settings_toml import read_toml, to_toml
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, run_directories
from vidpred_tui.app import VidpredApp
from vidpred_tui.screens.live import LiveScreen
from vidpred_tui.screens.prompt import PromptScreen
from vidpred_tui.screens.runs import RunsScreen
from vidpred_tui.screens.settings import SettingsScreen
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.choice_row import ChoiceRow
from vidpred_tui.widgets.run_table import RunTable
from vidpred_tui.widgets.setting_field import SettingField
from vidpred_tui.widgets.settings_form import SettingsForm


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
        field(app, "save_every").focus()
        await until(pilot, lambda: "lab per_save" in text(app, "#field-help"))


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


async def test_a_new_run_is_the_one_that_keys_are_about_on_the_way_back(app: VidpredApp, runs: Path) -> None:
    fake_run(runs, "origin")
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.entries)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, LiveScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and len(app.entries) == 2)
        await until(pilot, lambda: (current := app.screen.query_one(RunTable).current) and current.name == "origin-2")


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
        beta, forcing = (app.screen.query_one(f"#chart-planned-{name}", Chart) for name in ("beta", "tfr"))
        await until(pilot, lambda: "planned beta" in beta.text and "1e-4" in beta.text and "epoch" in beta.text)
        await until(pilot, lambda: "planned TFR" in forcing.text and "epoch" in forcing.text)
        before = forcing.text
        field(app, "teacher_forcing").value = "0.3"
        await until(pilot, lambda: forcing.text != before)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not forcing.is_on_screen)
        await pilot.press("f6")
        await until(pilot, lambda: forcing.is_on_screen and "┤" in forcing.text)
        assert not app.screen.query_one(SettingsForm).display
        await pilot.press("f6")
        await until(pilot, lambda: not forcing.is_on_screen)


async def test_a_form_at_fault_shows_nothing_of_what_it_was_before(app: VidpredApp) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        await until(pilot, lambda: "steps" in text(app, "#preflight"))
        field(app, "lr").value = "1e-3 | 1e-4"
        await until(pilot, lambda: "2" in str(app.screen.query_one("#start", Button).label))
        field(app, "lr").value = "1e-3 | 3"
        await until(pilot, lambda: "cannot start yet: lr" in text(app, "#differences"))
        assert str(app.screen.query_one("#start", Button).label) == "Start (^s)"
        assert not text(app, "#preflight").strip()


async def test_a_run_that_is_known_to_fail_is_not_started_and_what_was_typed_stays(
    app: VidpredApp, launcher: Launcher
) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await open_form(app, pilot)
        field(app, "device").value = "cuda:9"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: any("this machine has" in sentence for sentence in said(app)))
        await pilot.press("ctrl+l")
        await until(pilot, lambda: sum("this machine has" in sentence for sentence in said(app)) == 2)
        assert isinstance(app.screen, SettingsScreen)
        assert field(app, "device").value == "cuda:9"
    assert not launcher.started
    assert not list(run_directories(app.runs))


def said(app: VidpredApp) -> list[str]:
    return [toast.message for toast in app._notifications]


async def type_text(pilot: Pilot[None], typed: str) -> None:
    names = {"|": "vertical_line", ".": "full_stop", "-": "minus", " ": "space"}
    await pilot.press(*(names.get(letter, letter) for letter in typed))


# Taking back.


async def test_one_field_or_all_are_taken_back_to_the_preset(app: VidpredApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await open_form(app, pilot)
        preset = preset_settings("best")
        field(app, "epochs").value = "x"
        field(app, "seed").value = "7"
        row = app.screen.query_one("#field-model", ChoiceRow)
        row.value = "lab"
        field(app, "seed").focus()
        await pilot.press("ctrl+r")
        await until(pilot, lambda: field(app, "seed").value == str(preset.seed))
        assert (field(app, "epochs").value, row.value) == ("x", "lab")
        await pilot.press("f5")
        await until(pilot, lambda: text(app, "#differences") == "as in best")
        assert (field(app, "epochs").value, row.value) == (str(preset.epochs), preset.model)
        assert text(app, "#title-fact") == "F5 brings back what you typed"
        await pilot.press("f5")
        await until(pilot, lambda: "cannot start yet: epochs" in text(app, "#differences"))
        assert (field(app, "epochs").value, row.value, field(app, "seed").value) == ("x", "lab", str(preset.seed))
        assert text(app, "#title-fact") == ""


@pytest.mark.parametrize(
    ("typed", "said"), [("~nobody-has-this-name", "There is no folder ~nobody"), ("x" * 300, "too long")]
)
async def test_a_data_folder_that_cannot_be_is_told_as_one_types(app: VidpredApp, typed: str, said: str) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        field(app, "data").value = typed
        await until(pilot, lambda: said in " ".join(text(app, "#preflight").split()))


async def test_a_runs_folder_that_cannot_be_read_is_told(app: VidpredApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "runs")

    monkeypatch.setattr(Registry, "entries", refuse)
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        await until(pilot, lambda: "✗ The runs folder" in text(app, "#preflight"))
        assert "cannot be read: Permission denied." in text(app, "#preflight")


async def test_what_differs_is_marked_though_another_field_is_at_fault(app: VidpredApp) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        field(app, "batch_size").value = "none"
        field(app, "seed").value = "7"
        seed = next(found for found in app.screen.query(SettingField) if found.setting.name == "seed")
        await until(pilot, lambda: seed._changed)
        field(app, "seed").value = str(preset_settings("best").seed)
        await until(pilot, lambda: not seed._changed)


async def test_nothing_starts_while_the_presets_are_listed(app: VidpredApp, launcher: Launcher) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        app.screen.query_one("#preset", Select).expanded = True
        await until(pilot, lambda: app.screen.check_action("submit", (False,)) is None)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(app.screen, SettingsScreen)
        assert not launcher.started


# Files.


async def test_settings_are_saved_to_a_file_and_loaded_from_one(app: VidpredApp, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    async with app.run_test(size=(100, 30)) as pilot:
        await open_form(app, pilot)
        field(app, "lr").value = "0.25"
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        app.screen.query_one("#answer", Input).value = str(path.with_suffix(".txt"))
        await pilot.press("enter")
        await until(pilot, lambda: "written as .toml" in text(app, "#hint"))
        app.screen.query_one("#answer", Input).value = str(path)
        await pilot.press("enter")
        await until(pilot, path.exists)
        saved = RunSettings.model_validate(read_toml(path))
        assert saved == preset_settings("best").model_copy(update={"lr": 0.25})
        path.write_text(to_toml(saved.model_copy(update={"seed": 5, "model": "lab", "latent": False})))
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        app.screen.query_one("#answer", Input).value = str(path)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen) and field(app, "seed").value == "5")
        await until(pilot, lambda: "seed 5" in text(app, "#differences") and "latent off" in text(app, "#differences"))
        assert field(app, "lr").value == "0.25"


async def test_a_file_at_fault_is_named_in_one_sentence_and_changes_nothing(app: VidpredApp, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("lr = 7\nseed = 3\n")
    async with app.run_test(size=(100, 30)) as pilot:
        await open_form(app, pilot)
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(app.screen, PromptScreen))
        app.screen.query_one("#answer", Input).value = str(tmp_path / "none.toml")
        await pilot.press("enter")
        await until(pilot, lambda: "There is no file" in text(app, "#hint"))
        app.screen.query_one("#answer", Input).value = str(tmp_path / "bad.toml")
        await pilot.press("enter")
        await until(pilot, lambda: any("'lr' should be a number" in each for each in said(app)))
        await until(pilot, lambda: isinstance(app.screen, SettingsScreen))
        assert text(app, "#differences") == "as in best"


# Several values.


async def test_several_values_make_a_run_of_each_combination_and_all_are_queued(
    app: VidpredApp, launcher: Launcher, runs: Path
) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        field(app, "name").value = "base"
        field(app, "lr").focus()
        await pilot.press("home", "ctrl+k")
        await type_text(pilot, "1e-3 | 1e-4")
        app.screen.query_one("#field-seed", Input).value = "0|1|2"
        app.screen.query_one("#field-optimizer").focus()
        await pilot.press("vertical_line")
        await until(
            pilot, lambda: "12 runs: seed 0|1|2, optimizer adam | adamw, lr 1e-3 | 1e-4" in text(app, "#differences")
        )
        assert "name base" in text(app, "#differences")
        await until(pilot, lambda: "12" in str(app.screen.query_one("#start").render()))
        await until(pilot, lambda: "in 12 runs" in text(app, "#preflight"))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await until(pilot, lambda: "12 runs are in the queue; each starts as a slot is free." in said(app))
    entries = Registry(runs).entries()
    assert {(entry.state, len(entry.tags)) for entry in entries} == {("queued", 1)}
    assert len({entry.tags for entry in entries}) == 1
    made = {run.settings().name: run.settings() for run in run_directories(runs)}
    assert len(made) == 12
    assert (made["base seed=2 optimizer=adamw lr=1e-4"].seed, made["base seed=2 optimizer=adamw lr=1e-4"].lr) == (
        2,
        1e-4,
    )
    assert launcher.started == []
    assert launcher.queues == [runs]


async def test_too_many_runs_and_a_gap_are_faults_of_their_field(app: VidpredApp, launcher: Launcher) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        field(app, "seed").value = "|".join(map(str, range(201)))
        await until(pilot, lambda: "These values make 201 runs" in text(app, "#fault-seed"))
        field(app, "seed").value = "1|"
        await until(pilot, lambda: "lacks a value beside a |" in text(app, "#fault-seed"))
        await pilot.press("ctrl+l")
        await until(pilot, lambda: app.focused is field(app, "seed"))
    assert (launcher.started, launcher.queues) == ([], [])


async def test_a_row_of_choices_keeps_one_beside_another_and_lets_it_go(app: VidpredApp) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        row = app.screen.query_one("#field-kl_ramp", ChoiceRow)
        row.value = "report"
        row.focus()
        await pilot.press("vertical_line")
        assert (row.value, str(row.render())) == (
            "report | linear",
            "(+) report  (•) linear  ( ) sigmoid  ( ) cosine",
        )
        await pilot.press("right")
        assert row.value == "report | sigmoid"
        await pilot.press("right", "right", "vertical_line")
        assert row.value == "linear", "the dot was on report, which is kept no more"


async def test_one_run_is_queued_where_someone_wants_it_to_wait(
    app: VidpredApp, launcher: Launcher, runs: Path
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_form(app, pilot)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and launcher.queues)
    (run,) = run_directories(runs)
    assert (run.status().state, run.status().place) == ("queued", 1)
    assert run.settings() == preset_settings("best")
    assert launcher.started == []


# What is known before.


async def test_data_memory_disk_time_and_equal_runs_are_told_before_the_start(
    app: VidpredApp, runs: Path, lab_folder: Path
) -> None:
    async with app.run_test(size=(160, 48)) as pilot:
        await open_form(app, pilot)
        app.screen.query_one("#preset", Select).value = "lab"
        await until(pilot, lambda: text(app, "#differences") == "as in lab")
        field(app, "data").value = str(lab_folder)
        field(app, "clip_length").value = "3"
        field(app, "batch_size").value = "2"
        field(app, "epochs").value = "2"
        await until(pilot, lambda: "train 10 clips of 31, val 5 frames" in text(app, "#preflight"))
        await until(pilot, lambda: text(app, "#preflight").startswith("10 steps, no estimate of the time yet"))
        assert "GiB free" in text(app, "#preflight")
        twin = fake_run(runs, "twin", settings=read_typed(app))
        field(app, "log_every").value = "50"
        await until(pilot, lambda: f"the same settings: {twin.run_id}" in text(app, "#preflight"))
        field(app, "data").value = str(lab_folder / "nowhere")
        await until(pilot, lambda: text(app, "#preflight").startswith("✗ There is no folder"))
