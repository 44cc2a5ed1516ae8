"""Pictures at the size a terminal has room for."""

import numpy as np
from PIL import Image

from vidpred_tui.pictures.palette import Pixels


def fitting(shape: tuple[int, ...], columns: int, rows: int) -> tuple[int, int]:
    """The size (height, width) in pixels at which a picture (H, W, 3) fits into cells, each two pixels high.

    A whole multiple of the picture's size where it fits, else as large as fits, in its proportions; the height is even.
    """
    height, width = shape[:2]
    scale = min(columns / width, 2 * rows / height)
    if scale >= 1:
        scale = int(scale)
    return max(2, 2 * round(height * scale / 2 - 0.25)), max(1, min(columns, round(width * scale)))


def scale(pixels_hwc: Pixels, height: int, width: int) -> Pixels:
    """A picture at another size: each pixel the mean of the area it stands for."""
    if pixels_hwc.shape[:2] == (height, width):
        return pixels_hwc
    return np.asarray(Image.fromarray(pixels_hwc).resize((width, height), Image.Resampling.BOX))
