"""The camera before the stage: metres to pixels, whatever the picture's size."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vidpred_engine.data.dancer.skeleton import Floats

Pixels = NDArray[np.float32]
"""Pictures and what they are made of, colour in [0, 1]."""

DISTANCE: Final = 6.0
"""Metres from the camera to the stage's middle line (z = 0)."""
EYE: Final = 1.15
"""Height of the camera over the floor, in metres."""
_VIEW_HEIGHT, _VIEW_WIDTH, _BELOW_FLOOR = 2.28, 1.7, 0.24
"""Metres that every picture shows at least: raised hands and outstretched arms; and how much of it below the feet."""


@dataclass(frozen=True)
class Camera:
    """A level pinhole camera for pictures of width x height pixels."""

    width: int
    height: int

    @property
    def pixels_per_metre(self) -> float:
        """Scale at the stage's middle line."""
        return min(self.height / _VIEW_HEIGHT, self.width / _VIEW_WIDTH)

    @property
    def stage_half(self) -> float:
        """How far to either side of the middle the dancer may go and still be seen, in metres."""
        return min(max(0.5 * self.width / self.pixels_per_metre - 0.5, 0.05), 2.5)

    @property
    def eye_line(self) -> float:
        """The picture's line at the height of the camera, in pixels from the top."""
        middle_to_eye = 0.5 * _VIEW_HEIGHT - _BELOW_FLOOR - EYE
        return 0.5 * self.height + middle_to_eye * self.pixels_per_metre

    def project(self, points_t3: Floats) -> Floats:
        """Points in metres as (t, 3): x and y in pixels, y downward, and the pixels per metre at their depth."""
        scale_t = self.pixels_per_metre * DISTANCE / (DISTANCE - points_t3[:, 2])
        x_t = 0.5 * self.width + scale_t * points_t3[:, 0]
        y_t = self.eye_line + scale_t * (EYE - points_t3[:, 1])
        return np.stack((x_t, y_t, scale_t), axis=1)
