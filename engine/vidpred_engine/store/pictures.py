"""Frames as image files: side by side in an animation or in a still picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from vidpred_engine.store.atomic import replacing
from vidpred_engine.store.sample_frames import Pixels

FRAME_MILLISECONDS = 40  # as the lab's own GIFs; browsers round to hundredths of a second
GAP_PIXELS = 2


def side_by_side(strips_thwc: Sequence[Pixels]) -> Pixels:
    """Join equally long sequences (T, H, W, 3) from left to right, a white gap between them."""
    gap = np.full_like(strips_thwc[0][:, :, :GAP_PIXELS], 255)
    return np.concatenate([part for strip in strips_thwc for part in (strip, gap)][:-1], axis=2)


def write_gif(path: Path, frames_thwc: Pixels, scale: int) -> None:
    """Write frames (T, H, W, 3) as a looping GIF, each pixel `scale` wide."""
    # One palette for all frames, from a sample of them: a palette a frame flickers.
    sample = Image.fromarray(np.concatenate(frames_thwc[:: max(1, len(frames_thwc) // 16)]))
    palette = sample.quantize(256, method=Image.Quantize.MEDIANCUT)
    images = [
        Image.fromarray(_enlarged(frame, scale)).quantize(palette=palette, dither=Image.Dither.NONE)
        for frame in frames_thwc
    ]
    with replacing(path) as temporary:
        images[0].save(
            temporary, format="GIF", save_all=True, append_images=images[1:], duration=FRAME_MILLISECONDS, loop=0
        )


def write_png(path: Path, frame_hwc: Pixels, scale: int) -> None:
    """Write one frame (H, W, 3) as a PNG, each pixel `scale` wide."""
    with replacing(path) as temporary:
        Image.fromarray(_enlarged(frame_hwc, scale)).save(temporary, format="PNG")


def _enlarged(frame_hwc: Pixels, scale: int) -> Pixels:
    return frame_hwc.repeat(scale, axis=0).repeat(scale, axis=1)
