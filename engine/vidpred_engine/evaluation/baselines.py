"""Predictions that need no model: a model that scores below them has learnt nothing."""

from torch import Tensor

from vidpred_engine.evaluation.psnr import psnr_per_frame


def repeat_first_frame_psnr(clip_btchw: Tensor) -> Tensor:
    """Give the PSNR in dB of repeating each clip's first frame, over frames 1..T-1.

    Shapes: (B, T, C, H, W) in [0, 1] -> (B, T-1), float64.
    """
    return psnr_per_frame(clip_btchw[:, :1], clip_btchw[:, 1:])


def mean_frame_psnr(clip_btchw: Tensor, mean_frame_chw: Tensor) -> Tensor:
    """Give the PSNR in dB of always predicting the mean training frame, over frames 1..T-1.

    Shapes: (B, T, C, H, W) and (C, H, W) in [0, 1] -> (B, T-1), float64.
    """
    return psnr_per_frame(mean_frame_chw, clip_btchw[:, 1:])
