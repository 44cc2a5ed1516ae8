"""The named settings: what the presets hold, against what report and lab say, and the command that lists them."""

from typing import Any

import orjson
import pytest

from vidpred_engine.cli import build_parser
from vidpred_engine.errors import UserError
from vidpred_engine.presets import preset_names, preset_settings, preset_summary, preset_text, preset_values
from vidpred_engine.settings import RunSettings, describe_settings

# Sections 3.1 and 3.2 of the report: (tfr, tfr_sde, tfr_d_step) and (kl_anneal_type, _cycle, _ratio). What it leaves
# open is the lab's: teacher forcing 1.0, 10, 0.1, ten cyclical ramps of ratio 1.
LAB_TEACHER_FORCING = (1.0, 10, 0.1)
LAB_KL = ("cyclical", 10, 1.0)
REPORT = {
    "report-tf1": ((1.0, 0, 0.1), LAB_KL),
    "report-tf2": ((0.5, 10, 0.05), LAB_KL),
    "report-tf3": ((0.0, 10, 0.1), LAB_KL),
    "report-kl1": (LAB_TEACHER_FORCING, ("cyclical", 10, 1.0)),
    "report-kl2": (LAB_TEACHER_FORCING, ("linear", 10, 1.0)),
    "report-kl3": (LAB_TEACHER_FORCING, ("constant", 10, 1.0)),
    "report-kl4": (LAB_TEACHER_FORCING, ("cyclical", 10, 0.5)),
}
# The defaults of the lab's trainer by its own flags; its device, cuda, is "auto" in the preset.
LAB = {
    "batch_size": 2,
    "lr": 1e-3,
    "optim": "adam",
    "num_epoch": 70,
    "per_save": 3,
    "partial": 1.0,
    "train_vi_len": 16,
    "val_vi_len": 630,
    "frame_H": 32,
    "frame_W": 64,
    "F_dim": 128,
    "L_dim": 32,
    "N_dim": 12,
    "D_out_dim": 192,
    "tfr": 1.0,
    "tfr_sde": 10,
    "tfr_d_step": 0.1,
    "fast_train": False,
    "fast_partial": 0.4,
    "fast_train_epoch": 5,
    "kl_anneal_type": "cyclical",
    "kl_anneal_cycle": 10,
    "kl_anneal_ratio": 1.0,
}


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    arguments = build_parser().parse_args(["presets", *words])
    assert arguments.call(arguments) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_says_what_it_is_for(name: str) -> None:
    assert set(preset_values(name)) <= set(RunSettings.model_fields)
    assert preset_settings(name)
    assert preset_summary(name).endswith(".")


@pytest.mark.parametrize("name", REPORT)
def test_the_report_presets_are_the_reports_experiments(name: str) -> None:
    settings = preset_settings(name)
    teacher_forcing = (
        settings.teacher_forcing,
        settings.teacher_forcing_decay_start,
        settings.teacher_forcing_decay_step,
    )
    assert (teacher_forcing, (settings.kl_annealing, settings.kl_cycles, settings.kl_ratio)) == REPORT[name]
    assert (settings.name, settings.batch_size, settings.lr, settings.epochs) == (name, 4, 1e-4, 70)
    assert (settings.teacher_forcing_draw, settings.kl_ramp, settings.beta_max) == ("batch", "report", 1.0)
    silent = "no KL schedule" if "-tf" in name else "no teacher forcing"
    assert f"The text names {silent}" in preset_text(name)


def test_the_lab_preset_does_what_the_labs_trainer_does_unasked() -> None:
    by_lab_name = {setting.lab: setting.name for setting in describe_settings() if setting.lab}
    assert by_lab_name.keys() - LAB.keys() == {"device", "DR"}
    settings = preset_settings("lab")
    assert {lab: getattr(settings, by_lab_name[lab]) for lab in LAB} == LAB
    assert settings.teacher_forcing_draw == "epoch", "the lab draws outside its loop over batches"


def test_the_list_shows_each_presets_purpose_and_what_differs_from_the_defaults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = printed(capsys)
    assert all(name in page and preset_summary(name) in page for name in preset_names())
    assert "kl_annealing=linear" in page.split("report-kl2")[1].split("report-kl3")[0]

    listed: list[dict[str, Any]] = orjson.loads(printed(capsys, "--json"))
    assert [preset["name"] for preset in listed] == list(preset_names())
    assert listed[list(preset_names()).index("report-tf2")] == {
        "name": "report-tf2",
        "summary": "The report's TF2: teacher forcing from 0.5, down by 0.05 an epoch after epoch 10.",
        "differences": {
            "name": "report-tf2",
            "augment": True,
            "teacher_forcing": 0.5,
            "teacher_forcing_decay_step": 0.05,
        },
    }


def test_one_preset_is_shown_as_the_toml_text_that_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "report-kl4") == preset_text("report-kl4")
    one = orjson.loads(printed(capsys, "report-kl4", "--json"))
    assert one["toml"] == preset_text("report-kl4")
    assert one["differences"] == {"name": "report-kl4", "augment": True, "kl_ratio": 0.5}
    with pytest.raises(UserError, match="There is no preset 'best2'; choose one of best, demo, lab"):
        printed(capsys, "best2", "--json")
