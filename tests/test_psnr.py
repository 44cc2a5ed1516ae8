"""PSNR per frame, the lab's score and the baselines, against scikit-image and tables worked by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio

from vidpred_engine.evaluation.baselines import repeat_first_frame, repeat_mean_frame
from vidpred_engine.evaluation.psnr import CAP_DB, lab_psnr_per_frame, psnr_per_frame
from vidpred_engine.evaluation.scores import score
from vidpred_engine.evaluation.ssim import ssim_per_frame

LAB_FRAMES = Path(__file__).parents[1] / "../shared/lab4/lab4_64x32.npz"


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


def test_the_labs_score_rounds_both_to_8_bits_half_to_even() -> None:
    truth = np.random.default_rng(0).integers(0, 256, (3, 8, 16), dtype=np.uint8)
    predicted = torch.rand(3, 8, 16, dtype=torch.double, generator=torch.Generator().manual_seed(1)) * 1.2 - 0.1
    predicted[0, 0, :4] = torch.tensor([0.5, 1.5, 2.5, 254.5]) / 255
    rounded = np.clip(np.rint(255 * predicted.numpy()), 0, 255).astype(np.uint8)
    expected = peak_signal_noise_ratio(truth, rounded, data_range=255)  # type: ignore[no-untyped-call]
    found = lab_psnr_per_frame(predicted, torch.from_numpy(truth).double() / 255).item()
    assert found == pytest.approx(expected, rel=1e-12)
    assert found != pytest.approx(psnr_per_frame(predicted, torch.from_numpy(truth) / 255).item(), abs=1e-4)


def test_the_labs_score_hides_less_than_half_a_level_and_no_broken_value() -> None:
    truth = torch.zeros(2, 3, 4, 4)
    assert lab_psnr_per_frame(truth + 0.49 / 255, truth).tolist() == [CAP_DB, CAP_DB]
    assert lab_psnr_per_frame(truth + 0.51 / 255, truth)[0].item() == pytest.approx(20 * math.log10(255), abs=1e-9)
    truth[0, 0, 0, 0] = math.inf
    assert lab_psnr_per_frame(truth, truth.nan_to_num(posinf=1.0)).tolist() == [0.0, CAP_DB]


def grey(levels: list[float]) -> torch.Tensor:
    """A clip of plain frames (T, 3, 16, 16)."""
    return torch.tensor(levels, dtype=torch.double)[:, None, None, None].expand(-1, 3, 16, 16)


def test_repeating_the_first_frame_by_hand() -> None:
    """Of grey clips the error of frame t is its level less that of frame 0."""
    for levels, expected in (([0.0, 0.1, 1.0, 0.0], [20.0, 0.0, CAP_DB]), ([0.5, 0.6, 0.49], [20.0, 40.0])):
        clip = grey(levels)
        found = score(repeat_first_frame(clip), clip[1:]).psnr
        assert found.tolist() == pytest.approx(expected, abs=1e-9)


def test_the_mean_frame_by_hand() -> None:
    clip = grey([0.0, 0.1, 0.25, 0.3])
    found = score(repeat_mean_frame(clip, grey([0.2])[0]), clip[1:]).psnr
    assert found.tolist() == pytest.approx([20.0, -20 * math.log10(0.05), 20.0], abs=1e-9)


def test_the_labs_score_is_the_mean_over_frames_1_to_600() -> None:
    """One level off in frames 1 to 600 (48.13 dB), white on black from 601 on (0 dB)."""
    truth = grey([0.0]).expand(629, -1, -1, -1)
    predicted = grey([1 / 255] * 600 + [1.0] * 29)
    found = score(predicted, truth)
    assert found.lab_score == pytest.approx(20 * math.log10(255), abs=1e-9)
    assert found.psnr.mean().item() == pytest.approx(20 * math.log10(255) * 600 / 629, abs=1e-9)


def test_scores_do_not_depend_on_how_many_frames_are_taken_at_once() -> None:
    torch.manual_seed(5)
    predicted, truth = torch.rand(70, 3, 12, 16), torch.rand(70, 3, 12, 16)
    found = score(predicted, truth)
    torch.testing.assert_close(found.psnr, psnr_per_frame(predicted, truth), rtol=0, atol=0)
    torch.testing.assert_close(found.ssim, ssim_per_frame(predicted, truth), rtol=0, atol=1e-14)
    assert found.lab_score == pytest.approx(lab_psnr_per_frame(predicted, truth).mean().item(), abs=1e-12)
    assert score(predicted[..., :10], truth[..., :10]).ssim.tolist() == []


@pytest.mark.skipif(not LAB_FRAMES.exists(), reason="the lab's real frames are not beside the repository")
def test_repeating_the_first_frame_of_the_labs_clips_scores_what_is_known() -> None:
    with np.load(LAB_FRAMES) as frames:
        clips = [frames["val_img"], *frames["extra_img"]]
    found = []
    for clip_thwc in clips:
        clip_tchw = torch.from_numpy(clip_thwc).permute(0, 3, 1, 2).float() / 255
        assert len(clip_tchw) == 630
        scores = score(repeat_first_frame(clip_tchw), clip_tchw[1:])
        found.append(f"{scores.psnr.mean().item():.2f}")
    assert found == ["35.41", "22.80", "16.75", "18.10", "16.05"]
