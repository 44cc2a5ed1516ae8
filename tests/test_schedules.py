"""Schedules against tables worked out by hand from the report's text and code."""

import math

import pytest

from vidpred_engine.presets import preset_settings
from vidpred_engine.schedules import Schedules
from vidpred_engine.settings import RunSettings

# 70 epochs in 10 cycles of 7: a full ramp climbs by 1/7 an epoch and never reaches 1; a half ramp climbs by 2/7 and
# rests at 1 from the epoch on in which it would pass it.
SEVENTHS = [0, 1 / 7, 2 / 7, 3 / 7, 4 / 7, 5 / 7, 6 / 7]
HALF_RAMP = [0, 2 / 7, 4 / 7, 6 / 7, 1, 1, 1]


def schedules(**settings: object) -> Schedules:
    return Schedules(RunSettings.model_validate(settings), steps_per_epoch=3)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("report-tf1", [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("report-tf2", [0.5] * 10 + [0.45, 0.4, 0.35, 0.3, 0.25, 0.2, 0.15, 0.1, 0.05, 0, 0]),
        ("report-tf3", [0.0] * 21),
    ],
)
def test_teacher_forcing_ratio_of_the_report(preset: str, expected: list[float]) -> None:
    plan = Schedules(preset_settings(preset), steps_per_epoch=3)
    assert [plan.teacher_forcing(plan.epoch_start(epoch)) for epoch in range(21)] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("report-kl1", SEVENTHS * 10),
        ("report-kl2", [epoch / 69 for epoch in range(70)]),
        ("report-kl3", [1.0] * 70),
        ("report-kl4", HALF_RAMP * 10),
    ],
)
def test_beta_of_the_report(preset: str, expected: list[float]) -> None:
    plan = Schedules(preset_settings(preset), steps_per_epoch=3)
    assert [plan.beta(plan.epoch_start(epoch)) for epoch in range(70)] == pytest.approx(expected, abs=1e-9)


def test_as_many_cycles_as_epochs_keep_beta_at_zero() -> None:
    plan = schedules(kl_annealing="cyclical", kl_cycles=6, kl_ratio=1.0, epochs=6)
    assert [plan.beta(step) for step in range(plan.total_steps)] == [1e-12] * 18


def test_beta_max_scales_the_whole_schedule() -> None:
    plan = schedules(kl_annealing="linear", epochs=3, beta_max=1e-4)
    assert [plan.beta(plan.epoch_start(epoch)) for epoch in range(3)] == pytest.approx([0, 0.5e-4, 1e-4])


def test_learning_rate_of_both_optimizers() -> None:
    multistep = schedules(lr=1e-3, lr_schedule="multistep", epochs=7)
    assert [multistep.learning_rate(3 * epoch) for epoch in range(7)] == pytest.approx(
        [1e-3, 1e-3, 1e-4, 1e-4, 1e-4, 1e-5, 1e-5]
    )
    cosine = schedules(lr=1e-3, lr_schedule="cosine", epochs=4)
    expected = [1e-3, 1e-3 * (0.5 + math.sqrt(0.125)), 0.5e-3, 1e-3 * (0.5 - math.sqrt(0.125))]
    assert [cosine.learning_rate(3 * epoch) for epoch in range(4)] == pytest.approx(expected)


def test_values_keep_still_within_an_epoch_and_move_every_step_when_asked() -> None:
    by_epoch = schedules(kl_annealing="linear", epochs=3)
    assert [by_epoch.beta(step) for step in range(9)] == [0, 0, 0, 0.5, 0.5, 0.5, 1, 1, 1]
    by_step = schedules(kl_annealing="linear", epochs=3, schedule_interval="step")
    assert [by_step.beta(step) for step in range(9)] == pytest.approx([step / 8 for step in range(9)])


def test_fast_train_shortens_the_first_epochs_as_in_the_labs_code() -> None:
    settings = RunSettings(fast_train=True, fast_train_epochs=1, epochs=5)
    plan = Schedules(settings, steps_per_epoch=10, fast_steps_per_epoch=4)
    assert [plan.epoch_start(epoch) for epoch in range(6)] == [0, 4, 8, 12, 22, 32]
    assert plan.total_steps == 32
    assert [plan.epoch(step) for step in (0, 3, 4, 11, 12, 21, 22, 31)] == [0, 0, 1, 2, 3, 3, 4, 4]
