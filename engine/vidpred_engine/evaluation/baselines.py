"""Predictions that need no model: a model that scores below them has learnt nothing."""

from torch import Tensor


def repeat_first_frame(clip_tchw: Tensor) -> Tensor:
    """Predict frames 1..T-1 of a clip (T, C, H, W) as its first frame: (T-1, C, H, W), a view."""
    return clip_tchw[:1].expand(len(clip_tchw) - 1, -1, -1, -1)


def repeat_mean_frame(clip_tchw: Tensor, mean_frame_chw: Tensor) -> Tensor:
    """Predict frames 1..T-1 of a clip (T, C, H, W) as the mean training frame (C, H, W): (T-1, C, H, W), a view."""
    return mean_frame_chw.expand(len(clip_tchw) - 1, -1, -1, -1)
