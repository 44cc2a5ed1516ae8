"""How numbers and times are written on screens."""

from vidpred_engine.inert import inert as inert
from vidpred_engine.store.run_fields import better_baseline as better_baseline
from vidpred_engine.wording import ABSENT as ABSENT
from vidpred_engine.wording import decibel as decibel
from vidpred_engine.wording import duration as duration
from vidpred_engine.wording import metric as metric
from vidpred_engine.wording import setting as setting
from vidpred_engine.wording import state_text as state_text
from vidpred_engine.wording import words as words


def age(seconds: float) -> str:
    """A time past in one unit: now, 5m, 3h, 2d."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length:.0f}{unit}"
    return "now"


def count(value: float) -> str:
    """A whole number in at most five characters: 950, 12.3k, 4.1M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size * (1 if unit == "M" else 10):
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"
