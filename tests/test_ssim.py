"""SSIM per frame against scikit-image, and its limits by hand."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from vidpred_engine.evaluation.ssim import NON_FINITE_SSIM, WINDOW, ssim_per_frame


def reference(predicted_chw: Tensor, truth_chw: Tensor) -> float:
    found = structural_similarity(  # type: ignore[no-untyped-call]
        truth_chw.double().numpy(),
        predicted_chw.double().clamp(0, 1).numpy(),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1.0,
        channel_axis=0,
    )
    return float(found)


def pictures(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Three pairs of frames: noise on a smooth ramp, unrelated noise, and a prediction out of range."""
    generator = torch.Generator().manual_seed(height * width)
    ramp = torch.linspace(0.1, 0.9, width).expand(3, height, width)
    noise = torch.rand(4, 3, height, width, generator=generator)
    truth = torch.stack((ramp, noise[0], noise[1]))
    predicted = torch.stack((ramp + 0.1 * (noise[2] - 0.5), noise[3], 3 * noise[1] - 1))
    return predicted, truth


@pytest.mark.parametrize("size", [(32, 64), (WINDOW, WINDOW), (11, 17), (40, 12)])
def test_each_frame_agrees_with_scikit_image(size: tuple[int, int]) -> None:
    predicted, truth = pictures(*size)
    found = ssim_per_frame(predicted, truth)
    assert found.dtype == torch.float64
    expected = [reference(*pair) for pair in zip(predicted, truth, strict=True)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-9)
    assert min(expected) < 0.2, "the pairs must be unlike enough to tell"
    assert max(expected) > 0.5


def test_leading_axes_broadcast_like_psnr() -> None:
    predicted, truth = pictures(16, 16)
    pairs = ssim_per_frame(predicted[:, None], truth[None])
    assert pairs.shape == (3, 3)
    torch.testing.assert_close(pairs.diagonal(), ssim_per_frame(predicted, truth))


def test_an_exact_match_scores_one_and_a_flat_shift_is_a_matter_of_luminance_alone() -> None:
    _, truth = pictures(16, 24)
    assert ssim_per_frame(truth, truth).tolist() == [1.0, 1.0, 1.0]
    dark, bright = torch.full((3, 16, 16), 0.25).double(), torch.full((3, 16, 16), 0.75).double()
    by_hand = (2 * 0.25 * 0.75 + 0.01**2) / (0.25**2 + 0.75**2 + 0.01**2)
    assert ssim_per_frame(bright, dark).item() == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_one_broken_value_scores_the_worst_even_where_clamping_would_make_it_right(broken: float) -> None:
    truth = torch.ones(2, 3, 16, 16) if broken > 0 else torch.zeros(2, 3, 16, 16)
    predicted = truth.clone()
    predicted[0, 1, 8, 8] = broken
    assert ssim_per_frame(predicted, truth).tolist() == [NON_FINITE_SSIM, 1.0]
    assert ssim_per_frame(truth, predicted).tolist() == [NON_FINITE_SSIM, 1.0]


def test_a_negative_of_a_picture_is_anticorrelated() -> None:
    _, truth = pictures(16, 16)
    assert ssim_per_frame(1 - truth[1], truth[1]).item() < -0.5
