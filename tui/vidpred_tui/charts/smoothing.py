"""A debiased exponential moving average, worked out at the few steps that a chart draws."""

import math

import numpy as np

from vidpred_engine.curve import Curve, Floats

# Records that together weigh less than a millionth are left out, so that an average is a sum over 1,375 records at
# most: exact to what can be seen, and as cheap in the midst of a million of them as at their begin.
LEAST_WEIGHT = 1e-6
LARGEST_VALUE = 1e100


def smoothed(curve: Curve, factor: float, borders: Floats) -> Curve:
    """The average up to the last finite value before each of the rising borders, at that value's step.

    As TensorBoard's: m = factor m + (1 - factor) v from 0 on, divided by 1 - factor^n after n values.
    """
    steps, values = curve.finite.steps, curve.finite.values
    ends = np.unique(np.searchsorted(steps, borders, "right"))
    ends = ends[ends > 0]
    before = np.arange(math.ceil(math.log(LEAST_WEIGHT) / math.log(factor)))
    at = ends[:, None] - 1 - before
    weights = np.where(at >= 0, factor**before, 0.0)
    found = np.clip(values[np.maximum(at, 0)], -LARGEST_VALUE, LARGEST_VALUE)
    return Curve(steps[ends - 1], (found * weights).sum(axis=1) / weights.sum(axis=1))
