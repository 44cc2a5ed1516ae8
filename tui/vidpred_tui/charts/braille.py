"""A line through points in braille: each character is a cell of two by four dots.

plotext can draw it, but takes as long for that as for all the rest of a chart.
"""

import numpy as np
from numpy.typing import NDArray

from vidpred_engine.curve import Floats

Integers = NDArray[np.int_]

DOTS_ACROSS, DOTS_UP = 2, 4
_NO_DOT = 0x2800
# The bit of each dot of a cell, by column and row from below. The lowest row was added to the alphabet last.
_BITS = np.array([[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]])


def braille_line(points: Floats, columns: int, rows: int) -> tuple[Integers, Integers, list[str]]:
    """Columns and rows from the lower left of the cells that a line through points touches, and their characters.

    Points, of shape [n, 2], are shares of the width and the height between 0 and 1.
    """
    last = np.array([DOTS_ACROSS * columns - 1, DOTS_UP * rows - 1])
    corners = np.clip(np.floor(points * last + 0.5), 0, last).astype(int)
    across, up = _dots_along(corners).T
    cells, which = np.unique(up // DOTS_UP * columns + across // DOTS_ACROSS, return_inverse=True)
    bits = np.zeros(len(cells), int)
    np.bitwise_or.at(bits, which, _BITS[across % DOTS_ACROSS, up % DOTS_UP])
    return cells % columns, cells // columns, [chr(_NO_DOT + bit) for bit in bits.tolist()]


def _dots_along(corners: Integers) -> Integers:
    """The dots from each corner to the next, one for each step along the longer side, and the last corner."""
    ways = np.diff(corners, axis=0)
    steps = np.abs(ways).max(axis=1)
    way = np.repeat(np.arange(len(steps)), steps)
    gone = np.arange(len(way)) - (np.cumsum(steps) - steps)[way]
    between = corners[:-1][way] + gone[:, None] * ways[way] / steps[way, None]
    return np.concatenate([np.floor(between + 0.5).astype(int), corners[-1:]])
