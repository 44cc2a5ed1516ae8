"""Thinning a curve to what a terminal can show, without losing its extremes."""

import numpy as np
from tsdownsample import MinMaxDownsampler

from vidpred_tui.history import Curve

SAMPLES_A_COLUMN = 2


def thin(curve: Curve, columns: int) -> Curve:
    """The curve's finite values, thinned to the least and the greatest of each column, and both ends.

    Drawing costs 1.5 s at 100,000 points and 25 ms at 240, and looks the same.
    """
    finite = np.isfinite(curve.values)
    steps, values = curve.steps[finite], curve.values[finite]
    most = SAMPLES_A_COLUMN * max(columns, 1)
    if len(values) <= most:
        return Curve(steps, values)
    extremes = MinMaxDownsampler().downsample(steps, values, n_out=most)  # type: ignore[no-untyped-call]
    kept = np.unique([0, *extremes.tolist(), len(values) - 1])
    return Curve(steps[kept], values[kept])
