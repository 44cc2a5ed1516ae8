"""Round numbers for an axis, and how they are written."""

import itertools
import math


def round_ticks(low: float, high: float, most: int) -> list[float]:
    """Two to `most` (2 or more) round numbers within [low, high], evenly spaced; low < high, both finite."""
    magnitude = 10.0 ** math.floor(math.log10((high - low) / most) - 1)
    finer: list[float] = []
    for factor in (1, 2, 5, 10, 20, 50, 100, 200):
        step = factor * magnitude
        ticks = [index * step for index in range(math.ceil(low / step), math.floor(high / step) + 1)]
        if len(ticks) <= most:
            return ticks if len(ticks) > 1 else [finer[0], finer[-1]]
        finer = ticks
    raise AssertionError("a step of 20 magnitudes is longer than the range over `most`")


def tick_labels(ticks: list[float]) -> list[str]:
    """Short labels that tell all ticks apart and share one format."""
    largest = max(map(abs, ticks), default=0.0)
    spacing = _spacing(ticks, largest)
    if largest and (largest < 1e-2 or largest >= 1e6):
        exponent = math.floor(math.log10(largest))
        unit = 10.0**exponent
        return [f"{_shortest(tick / unit, 6, spacing / unit)}e{exponent}" if tick else "0" for tick in ticks]
    if largest >= 1e4:
        return [f"{tick / 1e3:g}k" if tick else "0" for tick in ticks]
    digits = max(0, -math.floor(math.log10(spacing) + 1e-9)) if spacing else 0
    return [f"{tick:.{digits}f}" for tick in ticks]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Two to `most` numbers for a logarithmic axis over [low, high], 0 < low < high: powers of ten where they do.

    Where there are too many, each second, third ... of them; where there are fewer than two, round numbers.
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last <= first:
        return round_ticks(low, high, most)
    apart = -(-(last - first + 1) // most)
    exponents = list(range(-(-first // apart) * apart, last + 1, apart))
    return [10.0**exponent for exponent in (exponents if len(exponents) > 1 else (first, last))]


def log_labels(ticks: list[float]) -> list[str]:
    """Labels as short as tells each by itself, to a thousandth of what lies between two."""
    spacing = _spacing(ticks, 0.0)
    return [_shortest(tick, 3, spacing).replace("e-0", "e-").replace("e+0", "e") for tick in ticks]


def _spacing(ticks: list[float], alone: float) -> float:
    return min((b - a for a, b in itertools.pairwise(ticks)), default=alone)


def _shortest(number: float, digits: int, spacing: float) -> str:
    """A number to at least `digits` digits, and to as many as tell it from its neighbours."""
    written = (f"{number:.{count}g}" for count in range(digits, 17))
    return next((text for text in written if abs(float(text) - number) <= 1e-3 * spacing), f"{number:.{digits}g}")
