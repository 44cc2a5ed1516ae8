"""The dancer's contact shadows: soft dark spots on the floor under the pelvis and under both feet."""

from typing import Final

import numpy as np

from vidpred_engine.data.dancer.camera import DISTANCE, EYE, Camera, Pixels
from vidpred_engine.data.dancer.skeleton import SOLE, Floats

_FLATNESS: Final = EYE / DISTANCE
"""Height over width of a circle on the floor as the camera sees it."""
_LIFT: Final = 0.12
"""A foot lifted so many metres casts a shadow weaker by the factor e."""


class Shadows:
    """The shadows of one clip of t frames."""

    def __init__(self, camera: Camera, joints: dict[str, Floats]) -> None:
        self._line_h = np.arange(camera.height) + 0.5
        self._column_w = np.arange(camera.width) + 0.5
        pelvis_t3 = joints["pelvis"]
        self._spots = [_spot(camera, pelvis_t3, 0.36, np.full(len(pelvis_t3), 0.30))]
        for side in ("left", "right"):
            foot_t3 = 0.5 * (joints[f"{side}_ankle"] + joints[f"{side}_toe"])
            self._spots.append(_spot(camera, foot_t3, 0.15, 0.5 * np.exp((SOLE - foot_t3[:, 1]) / _LIFT)))

    def light_nhw1(self, numbers: slice) -> Pixels:
        """The share of light that the shadows of some frames leave, (n, height, width, 1) in [0, 1]."""
        light_nhw = np.ones((1, len(self._line_h), len(self._column_w)))
        for spot_t4 in self._spots:
            x, y, reach, strength = spot_t4[numbers].T[..., None]
            across_nw = np.exp(-(((self._column_w - x) / reach) ** 2))
            along_nh = strength * np.exp(-(((self._line_h - y) / (_FLATNESS * reach + 0.4)) ** 2))
            light_nhw = light_nhw * (1.0 - along_nh[:, :, None] * across_nw[:, None, :])
        return light_nhw[..., None].astype(np.float32)


def _spot(camera: Camera, caster_t3: Floats, reach: float, strength_t: Floats) -> Floats:
    """One spot below a point, (t, 4): centre x and y and reach in pixels, and strength."""
    x_t, y_t, scale_t = camera.project(caster_t3 * np.array((1.0, 0.0, 1.0))).T
    return np.stack((x_t, y_t, reach * scale_t, strength_t), axis=1)
