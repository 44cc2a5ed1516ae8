"""Draws capsules with a depth buffer, shaded as solids or flat, supersampled and averaged down."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from vidpred_engine.data.dancer.body import Capsule
from vidpred_engine.data.dancer.camera import Camera, Pixels
from vidpred_engine.data.dancer.skeleton import Floats

_LIGHT: Final = (-0.45, -0.62, 0.64)
"""Towards the lamp, up to the left and before the dancer (x, y downward, z), of length one."""
_AMBIENT, _BRIGHTEST = 0.55, 1.15


class Painting(NamedTuple):
    """What hides the ground within a window of b frames: premultiplied colour, and how much of each pixel it covers."""

    colour_bhwc: Pixels
    cover_bhw1: Pixels
    left: int
    top: int


class CapsulePainter:
    """Projects the capsules of one clip of t frames once, then draws any of its frames."""

    def __init__(self, camera: Camera, joints: dict[str, Floats], capsules: Sequence[Capsule], *, shaded: bool) -> None:
        self._camera = camera
        self._shaded = shaded
        self._supersampling = 4 if camera.height < 128 else 2
        colours = [(0, 0, 0), *(capsule.colour for capsule in capsules)]
        self._palette: Pixels = (np.array(colours) / 255).astype(np.float32)
        ends = [
            self._end(joints[name], radius)
            for capsule in capsules
            for name, radius in ((capsule.start, capsule.start_radius), (capsule.end, capsule.end_radius))
        ]
        self._ends_tke4 = np.stack(ends, axis=1).reshape(-1, len(capsules), 2, 4).astype(np.float32)

    def _end(self, joint_t3: Floats, radius: float) -> Floats:
        """One end of a capsule, (t, 4): x, y, z and radius in subpixels."""
        x_t, y_t, scale_t = self._camera.project(joint_t3).T
        depth_t = joint_t3[:, 2] * self._camera.pixels_per_metre
        return self._supersampling * np.stack((x_t, y_t, depth_t, radius * scale_t), axis=1)

    def draw(self, numbers: slice) -> Painting:
        """Draw frames that follow each other, within the one window that holds the capsules of them all."""
        times = self._supersampling
        ends_bke4 = self._ends_tke4[numbers]
        left, top, right, bottom = self._window(ends_bke4)
        layers = _Layers(len(ends_bke4), (left * times, top * times, right * times, bottom * times), self._shaded)
        for part in range(ends_bke4.shape[1]):
            layers.add(part + 1, ends_bke4[:, part])
        colour_bhwc = self._palette[layers.part_bhw] * layers.shade_bhw[..., None]
        cover_bhw1 = (layers.part_bhw > 0).astype(np.float32)[..., None]
        return Painting(_average(colour_bhwc, times), _average(cover_bhw1, times), left, top)

    def _window(self, ends_bke4: Pixels) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the pixels that hold all the capsules, within the picture."""
        ends_n4 = ends_bke4.reshape(-1, 4) / self._supersampling
        size = np.array((self._camera.width, self._camera.height))
        low = np.clip(np.floor((ends_n4[:, :2] - ends_n4[:, 3:]).min(axis=0)), 0, size - 1).astype(int)
        high = np.clip(np.ceil((ends_n4[:, :2] + ends_n4[:, 3:]).max(axis=0)), low + 1, size).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])


class _Layers:
    """The nearest surface seen so far in each subpixel: its depth, the part that it belongs to, and its shade."""

    def __init__(self, frames: int, window: tuple[int, int, int, int], shaded: bool) -> None:
        self._left, self._top, self._right, self._bottom = window
        shape = (frames, self._bottom - self._top, self._right - self._left)
        self.depth_bhw = np.full(shape, -np.inf, dtype=np.float32)
        self.part_bhw = np.zeros(shape, dtype=np.uint8)
        self.shade_bhw = np.ones(shape, dtype=np.float32)
        self._shaded = shaded

    def add(self, part: int, ends_be4: Pixels) -> None:
        """Draw one capsule, a row of spheres seen from the front, wherever it is nearer than what is there."""
        left, right = _span(ends_be4[..., 0], ends_be4[..., 3], self._left, self._right)
        top, bottom = _span(ends_be4[..., 1], ends_be4[..., 3], self._top, self._bottom)
        if left >= right or top >= bottom:
            return
        x, y, z, r = ends_be4[:, 0].T[..., None, None]
        to_x, to_y, to_z, to_r = (ends_be4[:, 1] - ends_be4[:, 0]).T[..., None, None]
        x_b1w = np.arange(left, right, dtype=np.float32) + 0.5 - x
        y_bh1 = np.arange(top, bottom, dtype=np.float32)[:, None] + 0.5 - y
        length_squared = np.maximum(to_x * to_x + to_y * to_y, 1e-6)
        share = x_b1w * (to_x / length_squared) + y_bh1 * (to_y / length_squared)
        np.minimum(np.maximum(share, 0.0, out=share), 1.0, out=share)
        off_x, off_y, radius = x_b1w - share * to_x, y_bh1 - share * to_y, r + share * to_r
        bulge = radius * radius - off_x * off_x - off_y * off_y
        drawn = bulge > 0.0
        np.sqrt(np.maximum(bulge, 0.0, out=bulge), out=bulge)
        depth = z + share * to_z + bulge

        box = (slice(None), slice(top - self._top, bottom - self._top), slice(left - self._left, right - self._left))
        drawn &= depth > self.depth_bhw[box]
        np.copyto(self.depth_bhw[box], depth, where=drawn)
        np.copyto(self.part_bhw[box], np.uint8(part), where=drawn)
        if self._shaded:
            facing = (off_x * _LIGHT[0] + off_y * _LIGHT[1] + bulge * _LIGHT[2]) / radius
            shade = _AMBIENT + (_BRIGHTEST - _AMBIENT) * np.maximum(facing, 0.0, out=facing)
            np.copyto(self.shade_bhw[box], shade, where=drawn)


def _span(centres: Pixels, reach: Pixels, low: int, high: int) -> tuple[int, int]:
    """First and past-the-last subpixel between low and high that circles about these centres touch."""
    return max(int((centres - reach).min()), low), min(int((centres + reach).max()) + 1, high)


def _average(picture_bhwc: Pixels, times: int) -> Pixels:
    """Mean of every block of times x times pixels."""
    frames, height, width, channels = picture_bhwc.shape
    blocks = picture_bhwc.reshape(frames, height // times, times, width // times, times, channels)
    mean_bhwc: Pixels = blocks.sum(axis=2).sum(axis=3) * np.float32(1.0 / times**2)
    return mean_bhwc
