"""One declaration, many faces: TOML, environment, flags, presets and what people read when they mistype."""

import tomllib
from pathlib import Path

import pytest

from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings, describe_settings, differences, validate_settings
from vidpred_engine.settings_layers import resolve_settings
from vidpred_engine.settings_toml import read_toml, to_toml


def test_flags_win_over_environment_over_file_over_preset_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDPRED_LR", "0.02")
    monkeypatch.setenv("VIDPRED_EPOCHS", "3")
    settings = resolve_settings(
        {"epochs": "4"},
        file={"lr": 0.03, "batch_size": 7},
        preset={"lr": 0.04, "batch_size": 8, "clip_length": 5},
    )
    assert (settings.epochs, settings.lr, settings.batch_size, settings.clip_length) == (4, 0.02, 7, 5)
    assert settings.seed == RunSettings().seed


def test_settings_survive_a_toml_file_bit_for_bit(tmp_path: Path) -> None:
    settings = RunSettings(name="a b", lr=0.1 + 0.2, augment=True, data="some/where")
    file = tmp_path / "settings.toml"
    file.write_text(to_toml(settings))
    assert validate_settings(read_toml(file)) == settings
    assert set(tomllib.loads(to_toml(settings))) == {*RunSettings.model_fields, "format"}


def test_every_setting_has_a_group_and_a_help_sentence() -> None:
    described = describe_settings()
    assert [setting.name for setting in described] == list(RunSettings.model_fields)
    assert all(setting.group and setting.help.endswith(".") for setting in described)
    groups = [setting.group for setting in described]
    assert groups == sorted(groups, key=groups.index), "settings of one group stand together"


def test_differences_are_against_the_defaults_or_a_given_base() -> None:
    assert differences(RunSettings(lr=0.5, epochs=3)) == {"lr": 0.5, "epochs": 3}
    assert differences(RunSettings(lr=0.5), RunSettings(lr=0.5, seed=1)) == {"seed": 0}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"lr": -1}, "Setting 'lr' should be a number (> 0, ≤ 1); it is -1."),
        ({"lr": "fast"}, "Setting 'lr' should be a number (> 0, ≤ 1); it is 'fast'."),
        ({"lr": "nan"}, "Setting 'lr' should be a finite number; it is 'nan'."),
        ({"epochs": 2.5}, "Setting 'epochs' should be a whole number (≥ 1, ≤ 1,000,000); it is 2.5."),
        ({"frame_dim": 12}, "Setting 'frame_dim' should be a whole number (≥ 8, ≤ 1,024, a multiple of 8); it is 12."),
        ({"shuffle": "maybe"}, "Setting 'shuffle' should be true or false; it is 'maybe'."),
        ({"kl_annealing": "Square"}, "Setting 'kl_annealing' should be constant, linear or cyclical; it is 'Square'."),
        (
            {"device": "gpu"},
            "Setting 'device' should be auto (CUDA where there is one), cpu, cuda or cuda:N; it is 'gpu'.",
        ),
        (
            {"data": ""},
            "Setting 'data' should be a folder in the lab's layout, or 'synthetic' for the built-in dancer; it is ''.",
        ),
        (
            {"name": "../../etc"},
            "Setting 'name' should be a word or two to find the run by: up to 60 letters, digits, spaces and "
            ". + = @ _ -; it is '../../etc'.",
        ),
        ({"batchsize": 2}, "Unknown setting 'batchsize'; did you mean 'batch_size'?"),
        ({"tfr_d_step": 2}, "Unknown setting 'tfr_d_step'; did you mean 'teacher_forcing_decay_step'?"),
        ({"xyz": 2}, "Unknown setting 'xyz'; `vidpred-engine train --help` lists all settings."),
    ],
)
def test_a_fault_is_one_sentence_that_names_the_setting(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as fault:
        validate_settings(values)
    assert str(fault.value) == sentence
    with pytest.raises(UserError, match=r"^In own.toml: ") as fault:
        validate_settings(values, source="own.toml")
    assert str(fault.value) == f"In own.toml: {sentence}"


def test_a_fault_is_told_by_the_flag_or_the_variable_that_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDPRED_EPOCHS", "many")
    monkeypatch.setenv("vidpred_lr", "0")
    monkeypatch.setenv("VIDPRED_TEACHER_FORCING", "7")
    with pytest.raises(UserError) as fault:
        resolve_settings({"teacher_forcing": "1.5"}, typed={"teacher_forcing": "--tfr"})
    assert str(fault.value) == (
        "--tfr should be a number (≥ 0, ≤ 1); it is '1.5'. "
        "VIDPRED_EPOCHS should be a whole number (≥ 1, ≤ 1,000,000); it is 'many'. "
        "VIDPRED_LR should be a number (> 0, ≤ 1); it is '0'."
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Cyclical", "cyclical"),
        ("Monotonic", "linear"),
        ("None", "constant"),
        ("none", "constant"),
        ("linear", "linear"),
    ],
)
def test_a_choice_may_be_written_as_the_lab_writes_it(typed: str, meant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert validate_settings({"kl_annealing": typed}).kl_annealing == meant
    monkeypatch.setenv("VIDPRED_KL_ANNEALING", typed)
    monkeypatch.setenv("VIDPRED_OPTIMIZER", "AdamW")
    settings = resolve_settings({})
    assert (settings.kl_annealing, settings.optimizer) == (meant, "adamw")


def test_what_no_layer_gives_stays_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDPRED_LR", "0.5")
    settings = resolve_settings({"seed": "3"}, file={"epochs": 2}, preset={"augment": True, "epochs": 9})
    assert settings.model_dump(exclude_unset=True) == {"lr": 0.5, "seed": 3, "epochs": 2, "augment": True}


def test_an_environment_variable_that_names_no_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIDPRED_BATCHSIZE", "3")
    with pytest.raises(UserError, match="VIDPRED_BATCHSIZE names no setting; did you mean VIDPRED_BATCH_SIZE"):
        resolve_settings({})


def test_a_settings_file_that_cannot_serve_is_named(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    with pytest.raises(UserError, match="There is no settings file"):
        read_toml(file)
    file.write_text("lr = = 3")
    with pytest.raises(UserError, match="not valid TOML"):
        read_toml(file)
    file.write_text("format = 99")
    with pytest.raises(UserError, match="use a newer vidpred"):
        read_toml(file)
