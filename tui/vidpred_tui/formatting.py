"""How numbers and times are written on screens."""

import math

from vidpred_engine.inert import inert as inert
from vidpred_engine.store.run_fields import better_baseline as better_baseline
from vidpred_engine.wording import ABSENT as ABSENT
from vidpred_engine.wording import decibel as decibel
from vidpred_engine.wording import metric as metric
from vidpred_engine.wording import setting as setting
from vidpred_engine.wording import state_text as state_text
from vidpred_engine.wording import words as words


def duration(seconds: float | None) -> str:
    """A span of time in at most six characters: 42s, 7m 05s, 3h 20m, 4d 06h."""
    if seconds is None or not math.isfinite(seconds):
        return ABSENT
    whole = max(0, round(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes == 0:
        return f"{whole}s"
    if hours == 0:
        return f"{minutes}m {whole % 60:02}s"
    if days == 0:
        return f"{hours}h {minutes % 60:02}m"
    return f"{days}d {hours % 24:02}h" if days < 100 else f"{days}d"


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
