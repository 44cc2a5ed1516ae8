"""Schedules against tables worked out by hand, the report's listing and torch's schedulers, and by their properties."""

import math
from fractions import Fraction
from itertools import pairwise

import hypothesis
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vidpred_engine.presets import preset_settings
from vidpred_engine.schedules import Schedules, cyclical_beta
from vidpred_engine.settings import RunSettings

repeatable = hypothesis.settings(deadline=None, derandomize=True)

# 70 epochs in 10 cycles of 7: a full ramp climbs by 1/7 an epoch and never reaches 1; a half ramp climbs by 2/7 and
# rests at 1 from the epoch on in which it would pass it.
SEVENTHS = [0, 1 / 7, 2 / 7, 3 / 7, 4 / 7, 5 / 7, 6 / 7]
HALF_RAMP = [0, 2 / 7, 4 / 7, 6 / 7, 1, 1, 1]


# A ramp of four positions stands at 0, 1/3, 2/3 and 1. With s(x) = 1 / (1 + e^-x) the sigmoid one has at 1/3
# (s(-2) - s(-6)) / (s(6) - s(-6)) = 0.116730299 / 0.995054754 and half a cosine (1 - cos 60 degrees) / 2.
THIRDS = {
    "linear": [0, 1 / 3, 2 / 3, 1],
    "sigmoid": [0, 0.117310428, 0.882689572, 1],
    "cosine": [0, 0.25, 0.75, 1],
}


def schedules(**settings: object) -> Schedules:
    return Schedules(RunSettings.model_validate(settings), steps_per_epoch=3)


def betas_of_epochs(**settings: object) -> list[float]:
    plan = schedules(**settings)
    return [plan.beta(plan.epoch_start(epoch)) for epoch in range(plan.settings.epochs)]


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


@pytest.mark.parametrize("ramp", THIRDS)
def test_each_closed_form_ramp_is_its_table_once_or_in_cycles(ramp: str) -> None:
    expected = THIRDS[ramp]
    once = betas_of_epochs(epochs=4, kl_annealing="linear", kl_ramp=ramp)
    assert once == pytest.approx(expected, abs=1e-9)
    twice = betas_of_epochs(epochs=8, kl_annealing="cyclical", kl_cycles=2, kl_ramp=ramp)
    assert twice == pytest.approx(expected * 2, abs=1e-9)
    half = betas_of_epochs(epochs=14, kl_annealing="cyclical", kl_cycles=2, kl_ratio=0.5, kl_ramp=ramp, beta_max=0.1)
    assert half == pytest.approx([0.1 * share for share in [*expected, 1, 1, 1] * 2], abs=1e-9)


@pytest.mark.parametrize("ramp", THIRDS)
def test_a_closed_form_ramp_moves_every_step_when_asked(ramp: str) -> None:
    expected = THIRDS[ramp]
    once = Schedules(RunSettings(epochs=2, kl_annealing="linear", kl_ramp=ramp, schedule_interval="step"), 2)
    assert [once.beta(step) for step in range(4)] == pytest.approx(expected, abs=1e-9)
    settings = RunSettings(epochs=3, kl_annealing="cyclical", kl_cycles=3, kl_ramp=ramp, schedule_interval="step")
    cyclical = Schedules(settings, 4)
    assert [cyclical.beta(step) for step in range(12)] == pytest.approx(expected * 3, abs=1e-9)


def test_cycles_of_unequal_length_each_reach_the_top() -> None:
    """7 epochs in 2 cycles: one of four epochs, one of three."""
    settings = {"kl_annealing": "cyclical", "kl_cycles": 2, "kl_ramp": "linear"}
    assert betas_of_epochs(epochs=7, **settings) == pytest.approx([0, 1 / 3, 2 / 3, 1, 0, 0.5, 1])


def test_a_short_ramp_still_takes_its_share_of_the_cycle() -> None:
    """A ramp over a quarter of the way from epoch 0 to epoch 6 is through two thirds of it after one epoch."""
    settings = {"kl_annealing": "cyclical", "kl_cycles": 1, "kl_ramp": "linear"}
    assert betas_of_epochs(epochs=7, kl_ratio=0.25, **settings) == pytest.approx([0, 2 / 3, 1, 1, 1, 1, 1])
    assert betas_of_epochs(epochs=4, kl_ratio=1e-300, **settings) == [0, 1, 1, 1]


@pytest.mark.parametrize("ramp", THIRDS)
@pytest.mark.parametrize("cycles", [3, 4, 1000])
def test_a_cycle_of_one_epoch_is_at_its_top(ramp: str, cycles: int) -> None:
    assert betas_of_epochs(epochs=3, kl_annealing="cyclical", kl_cycles=cycles, kl_ramp=ramp) == [1, 1, 1]
    assert betas_of_epochs(epochs=1, kl_annealing="linear", kl_ramp=ramp) == [1]


def report_listing(length: int, cycles: int, ratio: Fraction) -> list[Fraction]:
    """The report's frange_cycle_linear, line by line, in exact arithmetic."""
    start, stop = Fraction(1e-12), Fraction(1)
    table = [stop] * length
    period = Fraction(length, cycles)
    step = (stop - start) / (period * ratio)
    for c in range(cycles):
        v, i = start, 0
        while v <= stop and int(i + c * period) < length:
            table[int(i + c * period)] = v
            v += step
            i += 1
    return table


@repeatable
@given(length=st.integers(1, 80), cycles=st.integers(1, 90), ratio=st.fractions(Fraction(1, 50), 1, max_denominator=50))
def test_the_cyclical_schedule_is_the_reports_listing(length: int, cycles: int, ratio: Fraction) -> None:
    found = [cyclical_beta(position, length, cycles, float(ratio)) for position in range(length)]
    assert found == pytest.approx([float(value) for value in report_listing(length, cycles, ratio)], abs=1e-11)


def test_the_cyclical_schedule_neither_drifts_nor_slows_over_a_million_steps() -> None:
    """Ten cycles of 100,000: the last position of each is one part in 100,000 short of 1, to the last digits."""
    tops = [cyclical_beta(position, 1_000_000, 10, 1.0) for position in range(99_999, 1_000_000, 100_000)]
    assert tops == pytest.approx([0.99999 + 1e-17] * 10, abs=1e-15)
    assert cyclical_beta(999_999, 1_000_000, 10**9, 1.0) == 1e-12


ANY_SETTINGS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 99),
        "epochs": st.integers(1, 60),
        "fast_train": st.booleans(),
        "fast_train_epochs": st.integers(0, 70),
        "kl_annealing": st.sampled_from(["constant", "linear", "cyclical"]),
        "kl_cycles": st.integers(1, 200),
        "kl_ratio": st.floats(0, 1, exclude_min=True),
        "kl_ramp": st.sampled_from(["report", "linear", "sigmoid", "cosine"]),
        "beta_max": st.floats(0, 100),
        "schedule_interval": st.sampled_from(["epoch", "step"]),
        "lr": st.floats(1e-6, 1),
        "lr_schedule": st.sampled_from(["constant", "multistep", "cosine"]),
        "lr_warmup": st.floats(0, 80),
        "teacher_forcing": st.floats(0, 1),
        "teacher_forcing_decay_start": st.integers(0, 70),
        "teacher_forcing_decay_step": st.floats(0, 1),
        "teacher_forcing_draw": st.sampled_from(["batch", "epoch"]),
    }
)
ANY_PLAN = st.builds(
    lambda values, steps, fast_steps: Schedules(RunSettings.model_validate(values), steps, fast_steps),
    ANY_SETTINGS,
    st.integers(1, 5),
    st.integers(1, 3),
)


@repeatable
@given(ANY_PLAN)
def test_beta_keeps_within_its_bounds_and_falls_only_where_a_cycle_begins(plan: Schedules) -> None:
    settings = plan.settings
    betas = [plan.beta(step) for step in range(plan.total_steps)]
    assert all(0 <= beta <= settings.beta_max for beta in betas)
    falls = sum(later < earlier for earlier, later in pairwise(betas))
    assert falls <= (settings.kl_cycles - 1 if settings.kl_annealing == "cyclical" else 0)
    if settings.schedule_interval == "epoch":
        assert all(plan.beta(step) == plan.beta(plan.epoch_start(plan.epoch(step))) for step in range(plan.total_steps))
    if settings.kl_annealing == "constant":
        assert set(betas) == {settings.beta_max}


@repeatable
@given(
    ANY_SETTINGS,
    st.integers(1, 12),
    st.integers(2, 12),
    st.integers(1, 3),
    st.sampled_from(["linear", "sigmoid", "cosine"]),
)
def test_cycles_that_divide_evenly_are_alike_and_closed_form_ones_reach_the_top(
    values: dict[str, object], cycles: int, period: int, steps: int, ramp: str
) -> None:
    values |= {"kl_annealing": "cyclical", "kl_cycles": cycles, "epochs": cycles * period, "fast_train": False}
    for shape in ("report", ramp):
        plan = Schedules(RunSettings.model_validate(values | {"kl_ramp": shape}), steps)
        betas = [plan.beta(step) for step in range(plan.total_steps)]
        per_cycle = period * steps
        assert betas == betas[:per_cycle] * cycles
        assert betas[:per_cycle] == sorted(betas[:per_cycle])
        assert betas[0] == plan.settings.beta_max * (1e-12 if shape == "report" else 0)
    assert betas[per_cycle - 1] == plan.settings.beta_max


@repeatable
@given(ANY_PLAN)
def test_the_teacher_forcing_ratio_is_a_probability_that_never_rises(plan: Schedules) -> None:
    ratios = [plan.teacher_forcing(step) for step in range(plan.total_steps)]
    assert all(0 <= ratio <= 1 for ratio in ratios)
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] == pytest.approx(plan.settings.teacher_forcing, abs=1e-12)


@repeatable
@given(ANY_PLAN)
def test_the_rate_stays_above_0_and_warm_up_only_lowers_it(plan: Schedules) -> None:
    settings, steps = plan.settings, range(plan.total_steps)
    cold = Schedules(settings.model_copy(update={"lr_warmup": 0.0}), plan.steps_per_epoch, plan.fast_steps_per_epoch)
    rates = [plan.learning_rate(step) for step in steps]
    full = [cold.learning_rate(step) for step in steps]
    assert all(0 < rate <= most <= settings.lr for rate, most in zip(rates, full, strict=True))
    assert full == sorted(full, reverse=True)
    shares = [rate / most for rate, most in zip(rates, full, strict=True)]
    assert shares == pytest.approx(sorted(shares), rel=1e-12)
    warm = [step for step in steps if plan.epoch(step) >= settings.lr_warmup]
    assert [rates[step] for step in warm] == [full[step] for step in warm]


def test_warm_up_rises_evenly_to_the_full_rate() -> None:
    plan = schedules(lr=0.6, lr_schedule="constant", lr_warmup=2.0, epochs=3)
    assert [plan.learning_rate(step) for step in range(9)] == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.6, 0.6]
    )
    part = schedules(lr=0.6, lr_schedule="constant", lr_warmup=0.5, epochs=1)
    assert [part.learning_rate(step) for step in range(3)] == pytest.approx([0.4, 0.6, 0.6])  # of 1.5 steps


def test_warm_up_lasts_its_epochs_whether_they_are_short_or_long() -> None:
    """fast_train makes epochs 0 and 1 one step long, the others four: three and a half epochs are 1 + 1 + 4 + 2."""
    settings = RunSettings(
        fast_train=True, fast_train_epochs=0, epochs=5, lr=0.8, lr_schedule="constant", lr_warmup=3.5
    )
    plan = Schedules(settings, steps_per_epoch=4, fast_steps_per_epoch=1)
    expected = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8]
    assert [plan.learning_rate(step) for step in range(plan.total_steps)] == pytest.approx(expected)


def test_without_warm_up_rates_are_those_of_torchs_schedulers() -> None:
    parameter = torch.nn.Parameter(torch.zeros(()))
    for name, interval in (("multistep", "epoch"), ("multistep", "step"), ("cosine", "epoch"), ("cosine", "step")):
        plan = schedules(lr=3e-3, lr_schedule=name, schedule_interval=interval, epochs=9)
        optimizer = torch.optim.SGD([parameter], lr=3e-3)
        scheduler = (
            torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5], 0.1)
            if name == "multistep"
            else torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 27 if interval == "step" else 9)
        )
        by_step = (name, interval) == ("cosine", "step")
        for step in range(27):
            assert plan.learning_rate(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9), (name, step)
            optimizer.step()
            if by_step or step % 3 == 2:
                scheduler.step()


def test_teacher_forcing_is_drawn_for_each_batch_or_once_an_epoch() -> None:
    """Over 3000 draws at 0.3 about 900 are forced, give or take five standard deviations of 25."""
    settings = RunSettings(teacher_forcing=0.3, teacher_forcing_decay_step=0.0, epochs=3000, seed=4)
    by_batch = Schedules(settings, steps_per_epoch=4)
    drawn = [by_batch.forced(step) for step in range(3000)]
    assert abs(sum(drawn) - 900) < 125
    assert any(len(set(drawn[start : start + 4])) == 2 for start in range(0, 3000, 4))

    by_epoch = Schedules(settings.model_copy(update={"teacher_forcing_draw": "epoch"}), steps_per_epoch=4)
    epochs = [[by_epoch.forced(4 * epoch + step) for step in range(4)] for epoch in range(3000)]
    assert all(len(set(steps)) == 1 for steps in epochs)
    assert abs(sum(steps[0] for steps in epochs) - 900) < 125
    assert [steps[0] for steps in epochs] != drawn


@pytest.mark.parametrize("draw", ["batch", "epoch"])
def test_the_draw_follows_seed_and_ratio(draw: str) -> None:
    def drawn(**settings: object) -> list[bool]:
        plan = schedules(epochs=40, teacher_forcing_draw=draw, **settings)
        return [plan.forced(step) for step in range(plan.total_steps)]

    assert drawn(teacher_forcing=1.0, teacher_forcing_decay_step=0.0) == [True] * 120
    assert drawn(teacher_forcing=0.0) == [False] * 120
    assert drawn(teacher_forcing=0.5, seed=1) == drawn(teacher_forcing=0.5, seed=1)
    assert drawn(teacher_forcing=0.5, seed=1) != drawn(teacher_forcing=0.5, seed=2)
    decayed = drawn(teacher_forcing=1.0, teacher_forcing_decay_start=0, teacher_forcing_decay_step=0.1)
    assert decayed[:3] == [True] * 3  # epoch 0 at 1
    assert decayed[30:] == [False] * 90  # at 0 from epoch 10 on
