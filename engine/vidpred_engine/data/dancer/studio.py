"""The empty studio: a wall in the light of two lamps, with a barre and a skirting board, and a wooden floor."""

from typing import Final

import numpy as np

from vidpred_engine.data.dancer.camera import DISTANCE, EYE, Camera, Pixels
from vidpred_engine.data.dancer.skeleton import Floats

_WALL_AWAY: Final = DISTANCE + 1.1
"""Metres from the camera to the wall."""
_PAINT: Final = (0.66, 0.72, 0.78)
_BARRE: Final = (0.50, 0.38, 0.30)
_SKIRTING: Final = (0.86, 0.86, 0.86)
_WOOD: Final = (0.76, 0.62, 0.48)
_BOARD: Final = 0.42
"""Width of a floor board, in metres."""


def studio_picture(camera: Camera) -> Pixels:
    """The studio without the dancer, (height, width, 3) in [0, 1]."""
    line_h1 = np.arange(camera.height, dtype=np.float64)[:, None] + 0.5 - camera.eye_line
    column_1w = np.arange(camera.width, dtype=np.float64)[None, :] + 0.5 - 0.5 * camera.width
    focal = camera.pixels_per_metre * DISTANCE
    floor_h1 = np.clip(line_h1 - EYE * focal / _WALL_AWAY + 0.5, 0.0, 1.0)[..., None]
    wall_hwc, floor_hwc = _wall(line_h1, column_1w, focal), _floor(line_h1, column_1w, focal)
    studio_hwc: Floats = wall_hwc * (1.0 - floor_h1) + floor_hwc * floor_h1
    return np.clip(studio_hwc, 0.0, 1.0).astype(np.float32)


def _wall(line_h1: Floats, column_1w: Floats, focal: float) -> Floats:
    """The wall as if it went on below the floor: a pool of light at either side of the middle, and two level bars."""
    scale = focal / _WALL_AWAY
    x_1w, y_h1 = column_1w / scale, EYE - line_h1 / scale
    lamps_1w = np.exp(-(((x_1w + 1.2) / 0.9) ** 2)) + np.exp(-(((x_1w - 1.2) / 0.9) ** 2))
    light_hw = 0.80 + 0.28 * lamps_1w * np.exp(-(((y_h1 - 2.2) / 1.3) ** 2))
    wall_hwc = light_hw[..., None] * _PAINT
    for height, half_thickness, colour in ((0.98, 0.03, _BARRE), (0.04, 0.04, _SKIRTING)):
        half = half_thickness * scale
        cover_h1 = np.clip(half + 0.5 - np.abs(y_h1 - height) * scale, 0.0, min(1.0, 2.0 * half))[..., None]
        wall_hwc = wall_hwc * (1.0 - cover_h1) + np.array(colour) * cover_h1
    return wall_hwc


def _floor(line_h1: Floats, column_1w: Floats, focal: float) -> Floats:
    """The floor, its boards running away from the camera, brightest in the middle of the stage."""
    away_h1 = EYE * focal / np.maximum(line_h1, 1.0)
    x_hw = column_1w * away_h1 / focal
    board_hw = np.floor(x_hw / _BOARD)
    grain_hw = 0.035 * np.sin(2.4 * board_hw * board_hw + board_hw)
    pool_hw = np.exp(-((x_hw / 2.0) ** 2) - ((away_h1 - DISTANCE) / 1.6) ** 2)
    floor_hwc: Floats = (0.86 + 0.16 * pool_hw + grain_hw)[..., None] * _WOOD
    return floor_hwc
