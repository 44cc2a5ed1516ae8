"""Animations of tensors of frames side by side."""

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from vidpred_engine.store import pictures
from vidpred_engine.store.sample_frames import Pixels


def to_pixels(frames_tchw: Tensor) -> Pixels:
    """Frames (T, 3, H, W) of 8 bits, or in [0, 1], as pictures (T, H, W, 3); a value that is not finite is black."""
    levels_tchw = frames_tchw
    if frames_tchw.is_floating_point():
        levels_tchw = frames_tchw.nan_to_num(0, 0, 0).clamp(0, 1).mul(255).round().byte()
    found: Pixels = levels_tchw.permute(0, 2, 3, 1).contiguous().cpu().numpy()
    return found


def write_gif(path: Path, strips_tchw: Sequence[Tensor], scale: int) -> None:
    """Write equally long sequences (T, 3, H, W) in [0, 1] side by side, each pixel `scale` wide, as a looping GIF."""
    pictures.write_gif(path, pictures.side_by_side([to_pixels(strip_tchw) for strip_tchw in strips_tchw]), scale)
