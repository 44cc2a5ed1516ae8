"""How states, settings and figures are written, in tables, charts and commands alike.

Every state has a sign of its own, so that none needs colour.
"""

import math

from vidpred_engine.inert import inert

STATE_SIGNS = {
    "created": "○",
    "queued": "◔",
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


def metric(value: float | None) -> str:
    """A loss-like number in at most seven characters."""
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("+", "").replace("inf", "∞")
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        digits = 4 if abs(value) >= 1e-2 else 3
        return f"{value:.{digits}g}" if abs(value) < 1e3 else f"{value:.0f}"
    return f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-").replace("e+0", "e")


def decibel(value: float | None, digits: int = 1) -> str:
    """A PSNR with so many digits after the point."""
    if value is None:
        return ABSENT
    return f"{value:.{digits}f}" if math.isfinite(value) else metric(value)


def setting(value: object) -> str:
    """A setting's value as people type it, fit to be shown: a path may hold anything."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return repr(value) if isinstance(value, float) else inert(str(value))


def words(name: str) -> str:
    """A setting's name in words."""
    return name.replace("_", " ")
