"""Where a rollout falls below a baseline for good."""

from collections.abc import Sequence

import numpy as np

from vidpred_engine.curve import Floats

WINDOW = 10
"""Frames whose mean is judged: a single frame says little, and errors of a rollout add up over many."""


def lead_of(values: Sequence[float], baseline: Sequence[float]) -> Floats:
    """By how much a run leads its baseline at each frame; a value that is no number is behind whatever it is held to.

    Two perfect frames, whose PSNR is infinite, are equal.
    """
    ours, other = np.array(values, dtype=float), np.array(baseline, dtype=float)
    with np.errstate(invalid="ignore"):
        lead = np.where(ours == other, 0.0, ours - other)
    return np.where(np.isnan(lead), -np.inf, lead)


def below_from(lead: Floats) -> int | None:
    """The frame, counted from 1, from which on a run stays below: None where it does not, or where there is no frame.

    It is the first frame with a negative lead that lies behind the start of the last WINDOW frames whose mean lead is
    not negative: from there on no such mean reaches the baseline again. A shorter clip is one window.
    """
    window = min(WINDOW, len(lead))
    if not window:
        return None
    with np.errstate(invalid="ignore"):
        is_below = np.lib.stride_tricks.sliding_window_view(lead, window).mean(axis=1) < 0
    if not is_below[-1]:
        return None
    start = int(np.flatnonzero(~is_below).max(initial=-1)) + 1
    return start + int(np.flatnonzero(lead[start:] < 0)[0]) + 1
