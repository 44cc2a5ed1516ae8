"""PSNR per frame and the baselines, against scikit-image and tables worked by hand."""

import math

import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from vidpred_engine.evaluation.baselines import mean_frame_psnr, repeat_first_frame_psnr
from vidpred_engine.evaluation.psnr import CAP_DB, psnr_per_frame


def test_each_frame_agrees_with_scikit_image() -> None:
    torch.manual_seed(0)
    predicted, truth = torch.rand(2, 5, 3, 8, 16), torch.rand(2, 5, 3, 8, 16)
    found = psnr_per_frame(predicted, truth)
    assert found.shape == (2, 5)
    assert found.dtype == torch.float64
    for b in range(2):
        for t in range(5):
            expected = peak_signal_noise_ratio(  # type: ignore[no-untyped-call]
                truth[b, t].double().numpy(), predicted[b, t].double().numpy(), data_range=1
            )
            assert found[b, t].item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("error", "decibels"), [(1.0, 0.0), (0.1, 20.0), (0.01, 40.0), (0.001, 60.0)])
def test_a_constant_error_by_hand(error: float, decibels: float) -> None:
    truth = torch.zeros(3, 4, 4, dtype=torch.double)
    assert psnr_per_frame(truth + error, truth).item() == pytest.approx(decibels, abs=1e-9)


def test_predictions_are_clamped_before_they_are_compared() -> None:
    truth = torch.tensor([0.0, 1.0, 0.5, 0.5]).view(1, 2, 2)
    wild = torch.tensor([-3.0, 9.0, 0.5, 0.7]).view(1, 2, 2)
    assert psnr_per_frame(wild, truth).item() == pytest.approx(-10 * math.log10(0.04 / 4), rel=1e-6)


def test_identical_frames_score_the_cap_and_the_cap_hides_no_8_bit_difference() -> None:
    truth = torch.rand(3, 32, 64)
    assert psnr_per_frame(truth, truth).item() == CAP_DB
    one_level = torch.zeros(3, 32, 64)
    one_level[0, 0, 0] = 1 / 255
    found = psnr_per_frame(one_level, torch.zeros(3, 32, 64)).item()
    assert found == pytest.approx(20 * math.log10(255) + 10 * math.log10(3 * 32 * 64), abs=1e-4)
    assert found < CAP_DB


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_one_broken_value_scores_nothing_even_where_clamping_would_make_it_right(broken: float) -> None:
    truth = torch.ones(2, 3, 4, 4) if broken > 0 else torch.zeros(2, 3, 4, 4)
    predicted = truth.clone()
    predicted[0, 1, 2, 3] = broken
    assert psnr_per_frame(predicted, truth).tolist() == [0.0, CAP_DB]
    assert psnr_per_frame(truth, predicted).tolist() == [0.0, CAP_DB]


def test_a_half_precision_prediction_is_compared_in_double() -> None:
    predicted = torch.full((3, 32, 64), 0.5, dtype=torch.bfloat16)
    truth = torch.full((3, 32, 64), 0.501, dtype=torch.double)
    assert psnr_per_frame(predicted, truth).item() == pytest.approx(60, abs=1e-6)


def test_repeating_the_first_frame_by_hand() -> None:
    """Grey clips: the error of frame t is its level less that of frame 0."""
    levels = torch.tensor([[0.0, 0.1, 1.0, 0.0], [0.5, 0.6, 0.5, 0.49]], dtype=torch.double)
    clip = levels[:, :, None, None, None].expand(2, 4, 3, 2, 2)
    expected = torch.tensor([[20.0, 0.0, CAP_DB], [20.0, CAP_DB, 40.0]], dtype=torch.double)
    torch.testing.assert_close(repeat_first_frame_psnr(clip), expected, rtol=0, atol=1e-9)


def test_the_mean_frame_by_hand() -> None:
    levels = torch.tensor([[0.0, 0.1, 0.25, 0.3]], dtype=torch.double)
    clip = levels[:, :, None, None, None].expand(1, 4, 3, 2, 2)
    mean_frame = torch.full((3, 2, 2), 0.2, dtype=torch.double)
    expected = torch.tensor([[20.0, -20 * math.log10(0.05), 20.0]], dtype=torch.double)
    torch.testing.assert_close(mean_frame_psnr(clip, mean_frame), expected, rtol=0, atol=1e-9)
