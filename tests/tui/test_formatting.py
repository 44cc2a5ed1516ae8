"""How numbers and times are written, checked against literal text."""

import math
from typing import get_args

import pytest

from vidpred_engine.store.status import State
from vidpred_tui import formatting
from vidpred_tui.naming import free_name


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, "·"), (math.nan, "·"), (0, "0s"), (59.4, "59s"), (59.6, "1m 00s"), (425, "7m 05s"), (3600, "1h 00m"),
        (12000, "3h 20m"), (360000, "4d 04h"), (1e9, "11574d"),
    ],
)  # fmt: skip
def test_durations(seconds: float | None, written: str) -> None:
    assert formatting.duration(seconds) == written


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "·"), (0.0, "0"), (0.0123456, "0.01235"), (-0.0019623, "-0.00196"), (123.456, "123.5"),
        (1234.56, "1235"), (1e-4, "1e-4"), (-2.5e-12, "-2.5e-12"), (4.56e7, "4.6e7"),
        (math.nan, "NaN"), (math.inf, "∞"), (-math.inf, "-∞"),
    ],
)  # fmt: skip
def test_metrics(value: float | None, written: str) -> None:
    assert formatting.metric(value) == written


def test_ages() -> None:
    assert [formatting.age(seconds) for seconds in (3, 61, 7200, 200_000)] == ["now", "1m", "2h", "2d"]


def test_every_state_has_a_sign_and_a_word() -> None:
    texts = {formatting.state_text(state) for state in get_args(State)}
    assert len(texts) == len(get_args(State))
    assert "✗ failed" in texts


def test_the_better_baseline_is_the_higher_one_that_is_a_number() -> None:
    assert formatting.better_baseline(21.0, 19.0) == 21.0
    assert formatting.better_baseline(math.nan, 19.0) == 19.0
    assert formatting.better_baseline(None, None) is None


def test_copies_get_the_first_free_number() -> None:
    assert free_name("lab", {"lab"}) == "lab-2"
    assert free_name("lab-2", {"lab", "lab-2", "lab-3"}) == "lab-4"
    assert free_name("lab lr=1e-3", {"lab lr=1e-3", "lab lr=1e-4"}) == "lab lr=1e-3-2"
    assert free_name("lab lr=1e-3-2", {"lab lr=1e-3", "lab lr=1e-3-2"}) == "lab lr=1e-3-3"
    assert len(free_name("x" * 60, set())) <= 60
