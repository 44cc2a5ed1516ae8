"""The colours a terminal has, as the escape parameters of each pixel of a picture.

Parameters are bytes of one width, padded by NUL, so that whole pictures are looked up at once and joined later.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Bytes = NDArray[np.uint8]
"""Text of one width in the last axis: (..., width)."""
Codes = NDArray[np.intp]

_CUBE = np.array([0, 95, 135, 175, 215, 255])
_GREYS = 8 + 10 * np.arange(24)
_NEAR_LEVEL = np.abs(np.arange(256)[:, None] - _CUBE).argmin(-1)
_NEAR_GREY = np.abs(np.arange(3 * 255 + 1)[:, None] / 3 - _GREYS).argmin(-1)  # by the sum of a pixel's channels
_GREYS_OF_16 = np.array([0, 8, 7, 15])  # black, bright black, white, bright white
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, of gamma-coded values
# Thresholds of ordered dithering (Bayer, 4x4): the pattern stands still, where diffused errors would crawl in a film.
_BAYER = (np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) + 0.5) / 16


@dataclass(frozen=True)
class Palette:
    """How pixels (H, W, 3) become parameters of ink (foreground) or paper (background), each (H, W, width).

    A terminal without colours has no parameters (width 0), and draws a pixel or leaves it out: `is_lit` (H, W).
    """

    ink: Callable[[Pixels], Bytes]
    paper: Callable[[Pixels], Bytes]
    is_lit: Callable[[Pixels], NDArray[np.bool_]] | None = None


def palette(colour_system: str | None, *, no_colour: bool = False) -> Palette:
    """The palette of a terminal by Rich's name of its colours; the greys of 16 colours where the name is unknown."""
    if no_colour:
        return _TWO_TONES
    return {"truecolor": _TRUE_COLOUR, "256": _256_COLOURS}.get(colour_system or "", _16_COLOURS)


def _text(texts: list[str]) -> Bytes:
    """Texts as rows of bytes of the longest one's length."""
    array = np.array([text.encode() for text in texts])
    return array.view(np.uint8).reshape(len(texts), -1)


_DECIMAL = _text([str(value) for value in range(256)])


def _true_colour(prefix: str) -> Callable[[Pixels], Bytes]:
    start, semicolon = _text([prefix])[0], _text([";"])[0]

    def parameters(pixels_hwc: Pixels) -> Bytes:
        red, green, blue = (_DECIMAL[pixels_hwc[..., channel]] for channel in range(3))
        parts = (start, red, semicolon, green, semicolon, blue)
        around = pixels_hwc.shape[:2]
        return np.concatenate([np.broadcast_to(part, (*around, part.shape[-1])) for part in parts], axis=-1)

    return parameters


def _looked_up(prefix: str, codes: Callable[[Pixels], Codes]) -> Callable[[Pixels], Bytes]:
    table = _text([f"{prefix}{code}" for code in range(256)])
    return lambda pixels_hwc: table[codes(pixels_hwc)]


def _code_256(pixels_hwc: Pixels) -> Codes:
    """The nearest of the upper 240 colours, a cube of 6 levels a channel and 24 greys: the lower 16 vary."""
    place_hwc, grey_hw = _NEAR_LEVEL[pixels_hwc], _NEAR_GREY[pixels_hwc.sum(-1, dtype=np.intp)]
    to_cube, to_grey = pixels_hwc - _CUBE[place_hwc], pixels_hwc - _GREYS[grey_hw][..., None]
    is_grey = np.square(to_grey).sum(-1) < np.square(to_cube).sum(-1)
    codes: Codes = np.where(is_grey, 232 + grey_hw, 16 + place_hwc @ np.array([36, 6, 1]))
    return codes


def _dithered(pixels_hwc: Pixels, tones: int) -> Codes:
    """The luma of pixels (H, W, 3) in so many tones, (H, W) from 0 to tones - 1."""
    height, width = pixels_hwc.shape[:2]
    thresholds = np.tile(_BAYER, (-(-height // 4), -(-width // 4)))[:height, :width]
    exact = (pixels_hwc @ _LUMA) / 255 * (tones - 1)
    tone_hw: Codes = np.clip(np.floor(exact + thresholds), 0, tones - 1).astype(np.intp)
    return tone_hw


def _16_greys(normal: int, bright: int) -> Callable[[Pixels], Bytes]:
    codes = [normal + code if code < 8 else bright + code - 8 for code in _GREYS_OF_16.tolist()]
    table = _text([str(code) for code in codes])
    return lambda pixels_hwc: table[_dithered(pixels_hwc, 4)]


def _nothing(pixels_hwc: Pixels) -> Bytes:
    return np.empty((*pixels_hwc.shape[:2], 0), np.uint8)


_TRUE_COLOUR = Palette(_true_colour("38;2;"), _true_colour("48;2;"))
_256_COLOURS = Palette(_looked_up("38;5;", _code_256), _looked_up("48;5;", _code_256))
_16_COLOURS = Palette(_16_greys(30, 90), _16_greys(40, 100))
_TWO_TONES = Palette(_nothing, _nothing, lambda pixels_hwc: _dithered(pixels_hwc, 2) == 1)
