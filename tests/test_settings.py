"""One declaration, many faces: TOML, environment, flags, presets and what people read when they mistype."""

import tomllib
from pathlib import Path

import pytest

from vidpred_engine.errors import UserError
from vidpred_engine.presets import preset_names, preset_settings, preset_summary, preset_values
from vidpred_engine.settings import (
    RunSettings,
    describe_settings,
    differences,
    read_toml,
    resolve_settings,
    to_toml,
    validate_settings,
)


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


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_says_what_it_is_for(name: str) -> None:
    assert set(preset_values(name)) <= set(RunSettings.model_fields)
    assert preset_settings(name)
    assert preset_summary(name).endswith(".")


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
        ({"lr": -1}, "Setting 'lr' should be greater than 0; it is -1."),
        ({"lr": "nan"}, "Setting 'lr' should be a finite number; it is 'nan'."),
        ({"batchsize": 2}, "Unknown setting 'batchsize'; did you mean 'batch_size'?"),
        ({"kl_annealing": "square"}, "should be 'constant', 'linear' or 'cyclical'; it is 'square'."),
        ({"frame_dim": 12}, "Setting 'frame_dim' should be a multiple of 8; it is 12."),
        ({"device": "gpu"}, "Setting 'device' cannot be 'gpu'"),
        ({"name": "../../etc"}, "Setting 'name' cannot be '../../etc'"),
    ],
)
def test_a_fault_is_one_sentence_that_names_the_setting(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as fault:
        resolve_settings(values)
    assert sentence in str(fault.value)


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
