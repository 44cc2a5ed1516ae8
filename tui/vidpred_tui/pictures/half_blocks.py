"""A picture as rows of half blocks: each cell shows two pixels, one above the other.

A whole picture is encoded at once by numpy: 64x32 pixels take a third of a millisecond, a twentieth of what styled
segments take.
"""

import numpy as np
from numpy.typing import NDArray

from vidpred_tui.pictures.palette import Bytes, Palette, Pixels

UPPER, LOWER, BOTH = "▀", "▄", "█"
RESET = "\x1b[0m"

_START, _BETWEEN, _END = (np.array(list(text), np.uint8) for text in (b"\x1b[", b";", b"m"))
_GLYPHS = np.array([list(glyph.encode().ljust(3, b"\0")) for glyph in (" ", LOWER, UPPER, BOTH)], np.uint8)
_UPPER = _GLYPHS[2]


class HalfBlocks:
    """A picture (H, W, 3) of an even number of rows, encoded as H / 2 rows of W cells."""

    def __init__(self, pixels_hwc: Pixels, palette: Palette) -> None:
        assert pixels_hwc.shape[0] % 2 == 0
        self._ink, self._paper = palette.ink(pixels_hwc)[0::2], palette.paper(pixels_hwc)[1::2]
        self.rows, self.columns = self._ink.shape[:2]
        self._glyphs = np.broadcast_to(_UPPER, (self.rows, self.columns, 3))
        if palette.is_lit is not None:
            lit = palette.is_lit(pixels_hwc)
            self._glyphs = _GLYPHS[2 * lit[0::2] + lit[1::2]]
        cells = _cells(self._ink, self._paper, self._glyphs)
        self._ends = np.count_nonzero(cells, axis=-1).cumsum(axis=-1)
        self._text = [_joined(row) for row in cells]

    def row(self, y: int, start: int = 0, end: int | None = None) -> str:
        """The cells of a row from `start` up to `end`, with all escape codes they need, and a reset behind."""
        end = self.columns if end is None else min(end, self.columns)
        if end <= start:
            return ""
        if start == 0:
            text = self._text[y][: self._ends[y, end - 1]]
        else:
            part = slice(y, y + 1), slice(start, end)
            text = _joined(_cells(self._ink[part], self._paper[part], self._glyphs[part]))
        return text.decode() + (RESET if self._ink.shape[-1] else "")

    def changes(self, before: "HalfBlocks") -> list[tuple[int, int, int]]:
        """What differs from another picture of the same size and palette: (row, first column, last column + 1)."""
        differs = _differs(self._ink, before._ink) | _differs(self._paper, before._paper)
        differs |= _differs(self._glyphs, before._glyphs)
        first, behind_last = differs.argmax(axis=1), self.columns - differs[:, ::-1].argmax(axis=1)
        return [(y, int(first[y]), int(behind_last[y])) for y in np.flatnonzero(differs.any(axis=1)).tolist()]


def _joined(cells: Bytes) -> bytes:
    return cells.tobytes().translate(None, b"\0")


def _differs(one: Bytes, other: Bytes) -> NDArray[np.bool_]:
    differs: NDArray[np.bool_] = (one != other).any(axis=-1)
    return differs


def _cells(ink: Bytes, paper: Bytes, glyphs: Bytes) -> Bytes:
    """Escape code and glyph of each cell, NUL where a colour is the one of the cell before: (rows, columns, bytes)."""
    new_ink, new_paper = _is_new(ink), _is_new(paper)
    any_new = new_ink | new_paper
    parts = (
        _START * any_new,
        ink * new_ink,
        _BETWEEN * (new_ink & new_paper),
        paper * new_paper,
        _END * any_new,
        glyphs,
    )
    return np.concatenate(parts, axis=-1)


def _is_new(parameters: Bytes) -> NDArray[np.bool_]:
    """Whether a cell's colour differs from the one left of it; that of a row's first cell does, where there are any."""
    differs = np.full((*parameters.shape[:2], 1), parameters.shape[-1] > 0)
    differs[:, 1:, 0] = _differs(parameters[:, 1:], parameters[:, :-1])
    return differs
