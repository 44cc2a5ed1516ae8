"""Animations of frames side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from vidpred_engine.store.atomic import replacing

FRAME_MILLISECONDS = 40  # as the lab's own GIFs; browsers round to hundredths of a second
GAP_PIXELS = 2


def write_gif(path: Path, strips_tchw: Sequence[Tensor], scale: int) -> None:
    """Write equally long sequences (T, 3, H, W) in [0, 1] side by side, each pixel `scale` wide, as a looping GIF."""
    gap = torch.ones_like(strips_tchw[0][..., :GAP_PIXELS])
    parts = [part for strip in strips_tchw for part in (strip, gap)][:-1]
    joined_thwc = torch.cat(parts, dim=-1).clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    enlarged = joined_thwc.repeat(scale, axis=1).repeat(scale, axis=2)
    # One palette for all frames, from a sample of them: a palette a frame flickers.
    sample = Image.fromarray(np.concatenate(joined_thwc[:: max(1, len(joined_thwc) // 16)]))
    palette = sample.quantize(256, method=Image.Quantize.MEDIANCUT)
    images = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in enlarged]
    with replacing(path) as temporary:
        images[0].save(
            temporary, format="GIF", save_all=True, append_images=images[1:], duration=FRAME_MILLISECONDS, loop=0
        )
