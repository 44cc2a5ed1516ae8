"""One clip of the dancer: its motion planned whole, any of its frames drawn on demand."""

import numpy as np
from numpy.typing import NDArray

from vidpred_engine.data.dancer.body import FIGURE, STICKS
from vidpred_engine.data.dancer.camera import Camera, Pixels
from vidpred_engine.data.dancer.motion import choreograph
from vidpred_engine.data.dancer.paint import CapsulePainter
from vidpred_engine.data.dancer.shadows import Shadows
from vidpred_engine.data.dancer.skeleton import joint_positions
from vidpred_engine.data.dancer.studio import studio_picture


class DancerClip:
    """A clip that the seed and the split's name (train, val, test/0 and so on) decide alone."""

    def __init__(self, frames: int, *, width: int, height: int, seed: int, split: str) -> None:
        camera = Camera(width, height)
        rng = np.random.default_rng([seed, *split.encode()])
        joints = joint_positions(choreograph(frames, camera.stage_half, rng))
        self._studio_hwc = studio_picture(camera)
        self._shadows = Shadows(camera, joints)
        self._figure = CapsulePainter(camera, joints, FIGURE, shaded=True)
        self._sticks = CapsulePainter(camera, joints, STICKS, shaded=False)

    def frames_nhwc(self, numbers: slice) -> NDArray[np.uint8]:
        """The dancer in the studio in frames that follow each other, (n, height, width, 3)."""
        return _over(self._studio_hwc * self._shadows.light_nhw1(numbers), self._figure, numbers)

    def labels_nhwc(self, numbers: slice) -> NDArray[np.uint8]:
        """The pose images of the same moments: coloured sticks on white, (n, height, width, 3)."""
        white_nhwc = np.ones((numbers.stop - numbers.start, *self._studio_hwc.shape), dtype=np.float32)
        return _over(white_nhwc, self._sticks, numbers)


def _over(ground_nhwc: Pixels, painter: CapsulePainter, numbers: slice) -> NDArray[np.uint8]:
    """The painter's frames laid over the ground, which is written into, as bytes."""
    painting = painter.draw(numbers)
    height, width = painting.cover_bhw1.shape[1:3]
    window = ground_nhwc[:, painting.top : painting.top + height, painting.left : painting.left + width]
    window *= 1.0 - painting.cover_bhw1
    window += painting.colour_bhwc
    return np.rint(np.clip(ground_nhwc, 0.0, 1.0) * 255).astype(np.uint8)
