"""Where steps are along a chart: as steps, as epochs, or as the time at which they were logged."""

from dataclasses import dataclass

import numpy as np

from vidpred_engine.curve import EMPTY_CURVE, Curve, Floats

# The longest span that is told in each unit: two of the next.
TIME_UNITS = (("s", 1.0, 120.0), ("min", 60.0, 7200.0), ("h", 3600.0, 172_800.0), ("days", 86_400.0, np.inf))


@dataclass(frozen=True)
class Ruler:
    """Tells steps as (value - origin) / unit, where the value lies on straight lines between the `knots`.

    Without knots a step is its own value. `name` stands at the end of the axis, `foresees` says that steps to come
    have their places too.
    """

    name: str
    knots: Curve = EMPTY_CURVE
    origin: float = 0.0
    unit: float = 1.0
    foresees: bool = True

    def places(self, steps: Floats) -> Floats:
        """Where steps are; all beyond a knot at either end are where it is."""
        told = np.interp(steps, self.knots.steps, self.knots.values) if len(self.knots) else steps
        return (told - self.origin) / self.unit

    def steps(self, places: Floats) -> Floats:
        """Which steps are there."""
        told = places * self.unit + self.origin
        return np.interp(told, self.knots.values, self.knots.steps) if len(self.knots) else told


STEPS = Ruler("step")


def epoch_ruler(epoch_starts: Curve) -> Ruler:
    """Epochs, of which the curve gives the first step each; steps where it is empty."""
    return Ruler("epoch", epoch_starts) if len(epoch_starts) > 1 else STEPS


def time_ruler(clock: Curve) -> Ruler:
    """Time since the first record, pauses included, of a clock that never goes back (Unix seconds); else steps."""
    if len(clock) < 2 or clock.values[-1] <= clock.values[0]:
        return STEPS
    origin = float(clock.values[0])
    span = float(clock.values[-1]) - origin
    name, unit = next((name, unit) for name, unit, longest in TIME_UNITS if span <= longest)
    return Ruler(name, clock, origin, unit, foresees=False)
