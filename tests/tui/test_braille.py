"""Lines in braille."""

import math
import unicodedata
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vidpred_tui.charts.braille import braille_line


def test_braille_of_a_short_diagonal() -> None:
    """In one cell from its lower left to its upper right: dots 7, 3, 5 and 4 of the alphabet."""
    columns, rows, characters = braille_line(np.array([[0.0, 0.0], [1.0, 1.0]]), 1, 1)
    assert (columns.tolist(), rows.tolist(), characters) == ([0], [0], ["\N{BRAILLE PATTERN DOTS-3457}"])


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40),
    st.integers(1, 12),
    st.integers(1, 6),
)
def test_a_braille_line_goes_through_its_points_without_a_gap(
    points: list[tuple[float, float]], columns: int, rows: int
) -> None:
    """Against a walk from point to point that looks at the characters' dots by their names in Unicode."""
    numbers = {"7": (0, 0), "3": (0, 1), "2": (0, 2), "1": (0, 3), "8": (1, 0), "6": (1, 1), "5": (1, 2), "4": (1, 3)}
    dots = {
        (2 * column + numbers[number][0], 4 * row + numbers[number][1])
        for column, row, character in zip(*braille_line(np.array(points), columns, rows), strict=True)
        for number in unicodedata.name(character).removeprefix("BRAILLE PATTERN DOTS-")
    }
    corners = [(math.floor(x * (2 * columns - 1) + 0.5), math.floor(y * (4 * rows - 1) + 0.5)) for x, y in points]
    assert set(corners) <= dots
    reached, ahead = {corners[0]}, [corners[0]]
    while ahead:
        x, y = ahead.pop()
        near = {(x + dx, y + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} & dots - reached
        reached |= near
        ahead += near
    assert reached == dots
    assert all(min(distance(dot, pair) for pair in pairwise([*corners, corners[-1]])) <= 0.5 + 1e-9 for dot in dots)


def distance(dot: tuple[int, int], ends: tuple[tuple[int, int], tuple[int, int]]) -> float:
    """From a dot to a line, along the line's shorter side; infinite beyond its ends."""
    (x, y), ((x0, y0), (x1, y1)) = dot, ends
    if abs(x1 - x0) < abs(y1 - y0):
        (x, y), (x0, y0), (x1, y1) = (y, x), (y0, x0), (y1, x1)
    if not min(x0, x1) <= x <= max(x0, x1):
        return math.inf
    return abs(y - y0 - (x - x0) * (y1 - y0) / (x1 - x0)) if x1 != x0 else abs(y - y0)
