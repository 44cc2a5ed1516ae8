"""How states, numbers and times are written; every state has a sign of its own, so that none needs colour."""

import math

from vidpred_engine.inert import inert as inert
from vidpred_engine.store.run_fields import better_baseline as better_baseline

STATE_SIGNS = {
    "queued": "○",
    "starting": "◌",
    "running": "●",
    "stalled": "‖",
    "stopping": "◌",
    "finished": "✓",
    "stopped": "■",
    "failed": "✗",
    "lost": "?",
}
ABSENT = "·"


def state_text(state: str) -> str:
    """The state as a sign and a word."""
    return f"{STATE_SIGNS.get(state, '?')} {state}"


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


def metric(value: float | None) -> str:
    """A loss-like number in at most seven characters."""
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("+", "").replace("inf", "∞")
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}" if abs(value) < 1e3 else f"{value:.0f}"
    return f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-").replace("e+0", "e")


def decibel(value: float | None) -> str:
    """A PSNR with one digit after the point."""
    if value is None:
        return ABSENT
    return f"{value:.1f}" if math.isfinite(value) else metric(value)


def count(value: float) -> str:
    """A whole number in at most five characters: 950, 12.3k, 4.1M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size * (1 if unit == "M" else 10):
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"


def setting(value: object) -> str:
    """A setting's value as people type it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return repr(value) if isinstance(value, float) else str(value)


def words(name: str) -> str:
    """A setting's name in words."""
    return name.replace("_", " ")
