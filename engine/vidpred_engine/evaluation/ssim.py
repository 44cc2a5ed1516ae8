"""Structural similarity per frame."""

import torch
from torch import Tensor

SIGMA = 1.5
WINDOW = 11  # 3.5 standard deviations to each side
STABILISERS = 0.01**2, 0.03**2  # for data range 1

# SSIM lies in [-1, 1] and identical frames score exactly 1, so that no cap is needed; a broken frame gets the worst.
NON_FINITE_SSIM = -1.0


def ssim_per_frame(predicted_chw: Tensor, truth_chw: Tensor) -> Tensor:
    """Give the SSIM of each frame for data range 1, the prediction clamped to [0, 1] first.

    Shapes: (..., C, H, W) both, leading axes broadcast, H and W at least WINDOW -> (...), float64. A frame with a value
    that is not finite, in the prediction or the truth, scores NON_FINITE_SSIM.

    As Wang, Bovik, Sheikh and Simoncelli (2004) define it: local means, variances and covariance (divided by the sum
    of the weights, not by one less) under a Gaussian window of 11x11 with sigma 1.5, colour channel by channel. Only
    windows that lie wholly within the frame count, so no border is padded; the mean is over them and over channels. It
    is scikit-image's structural_similarity(gaussian_weights=True, sigma=1.5, use_sample_covariance=False).
    """
    predicted, truth = predicted_chw.double(), truth_chw.double()
    finite = (predicted - truth).isfinite().flatten(-3).all(-1)
    x, y = predicted.clamp(0, 1), truth
    mean_x, mean_y, mean_xx, mean_yy, mean_xy = (_windowed(values) for values in (x, y, x * x, y * y, x * y))
    luminance, contrast = STABILISERS
    covariance = mean_xy - mean_x * mean_y
    variances = mean_xx - mean_x.square() + mean_yy - mean_y.square()
    similarity = (2 * mean_x * mean_y + luminance) * (2 * covariance + contrast)
    similarity = similarity / ((mean_x.square() + mean_y.square() + luminance) * (variances + contrast))
    return similarity.mean((-3, -2, -1)).where(finite, NON_FINITE_SSIM)


def _windowed(maps_hw: Tensor) -> Tensor:
    """Gaussian means of all windows within (..., H, W), as (..., H - 10, W - 10).

    Two products with banded matrices: at 32x64 ten times faster on a CPU than convolutions in float64.
    """
    return _bands(maps_hw.shape[-2], maps_hw) @ maps_hw @ _bands(maps_hw.shape[-1], maps_hw).T


def _bands(length: int, like: Tensor) -> Tensor:
    """The matrix (length - 10, length) that holds the window's weights, one place further in each row."""
    distance = torch.arange(length).unsqueeze(0) - torch.arange(length - WINDOW + 1).unsqueeze(1) - WINDOW // 2
    weights = torch.exp(-distance.double().square() / (2 * SIGMA**2)) * (distance.abs() <= WINDOW // 2)
    return (weights / weights.sum(1, keepdim=True)).to(like)
