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


def metric(value: float | None) -> str:
    """A loss-like number in at most seven characters."""
    if value is None:
        return ABSENT
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{value:+}".replace("+", "").replace("inf", "∞")
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}" if abs(value) < 1e3 else f"{value:.0f}"
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
