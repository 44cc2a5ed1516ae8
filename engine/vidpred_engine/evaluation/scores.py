"""What one prediction of a clip scores."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vidpred_engine.evaluation.psnr import LAB_SCORED_FRAMES, lab_psnr_per_frame, psnr_per_frame
from vidpred_engine.evaluation.ssim import WINDOW, ssim_per_frame

# In float64 the maps of SSIM take 4 MB a frame at the lab's size, so that this many fit a processor's caches.
FRAMES_AT_ONCE = 32


@dataclass(frozen=True)
class Scores:
    """Of frames 1..T-1, on the CPU in float64.

    psnr         (T-1,) in dB
    ssim         (T-1,), or (0,) where frames are smaller than SSIM's window of 11x11
    lab_score    the lab's 8-bit score in dB, the mean over frames 1..600 at most
    """

    psnr: Tensor
    ssim: Tensor
    lab_score: float


def score(predicted_tchw: Tensor, truth_tchw: Tensor) -> Scores:
    """Score the prediction of frames 1..T-1, both (T-1, C, H, W) in [0, 1]."""
    chunks = (torch.split(frames_tchw, FRAMES_AT_ONCE) for frames_tchw in (predicted_tchw, truth_tchw))
    pairs = list(zip(*chunks, strict=True))
    psnr = torch.cat([psnr_per_frame(*pair) for pair in pairs]).cpu()
    lab_psnr = torch.cat([lab_psnr_per_frame(*pair) for pair in pairs]).cpu()
    ssim = psnr.new_empty(0)
    if min(truth_tchw.shape[-2:]) >= WINDOW:
        ssim = torch.cat([ssim_per_frame(*pair) for pair in pairs]).cpu()
    return Scores(psnr, ssim, lab_psnr[:LAB_SCORED_FRAMES].mean().item())
