"""The augmentation against torchvision: the same pixels for a draw, boxes of the same distribution."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from vidpred_engine.data.augment import (
    ColourDraw,
    CropDraw,
    augment_clips,
    draw_colours,
    draw_crops,
    jitter_colours,
)

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]


def report_transform(images_tchw: list[Tensor], draw: CropDraw, monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """The report's `self.transform(*imgs, *labels)`, its random crop replaced by the drawn one.

    The images are `tv_tensors.Image` as after the report's `to_image`: of plain tensors v2 would crop only the first.
    """
    crop = v2.RandomResizedCrop(tuple(images_tchw[0].shape[-2:]))
    box = {"top": draw.top, "left": draw.left, "height": draw.height, "width": draw.width}
    monkeypatch.setattr(crop, "make_params", lambda _: box)
    transformed: list[Tensor] = v2.Compose([crop, v2.RandomHorizontalFlip(p=float(draw.mirrored))])(
        *map(tv_tensors.Image, images_tchw)
    )
    return transformed


@pytest.mark.parametrize("device", DEVICES)
def test_pixels_are_torchvisions_for_the_same_draw(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    clip_btchw, labels_btchw = torch.rand(2, 6, 5, 3, 32, 64, generator=generator).to(device)
    draws = draw_crops(6, 32, 64, seed=1, epoch=2, step=3)
    assert {draw.mirrored for draw in draws} == {False, True}
    augmented = augment_clips(clip_btchw, labels_btchw, draws)
    for index, draw in enumerate(draws):
        images = [image.cpu() for image in (*clip_btchw[index], *labels_btchw[index])]
        expected_tchw = torch.stack(report_transform(images, draw, monkeypatch))
        actual_tchw = torch.cat([augmented[0][index], augmented[1][index]]).cpu()
        torch.testing.assert_close(actual_tchw, expected_tchw, rtol=0, atol=1e-6)


def test_a_hand_computed_crop_and_mirroring() -> None:
    clip_btchw = torch.arange(8.0).reshape(1, 1, 1, 2, 4).expand(1, 2, 3, 2, 4)
    whole = CropDraw(top=0, left=0, height=2, width=4, mirrored=True)
    mirrored, _ = augment_clips(clip_btchw, clip_btchw, [whole])
    assert mirrored[0, 0, 0].tolist() == [[3, 2, 1, 0], [7, 6, 5, 4]]
    # Two columns, 1 and 2, stretched to four: samples at -0.25, 0.25, 0.75, 1.25 of them, clamped to the box.
    cropped, _ = augment_clips(clip_btchw, clip_btchw, [CropDraw(top=0, left=1, height=2, width=2, mirrored=False)])
    assert cropped[0, 1, 2].tolist() == [[1, 1.25, 1.75, 2], [5, 5.25, 5.75, 6]]


def test_frames_and_labels_of_a_clip_share_one_draw() -> None:
    image_chw = torch.rand(3, 16, 32, generator=torch.Generator().manual_seed(1))
    still_btchw = image_chw.expand(8, 4, 3, 16, 32)
    draws = draw_crops(8, 16, 32, seed=0, epoch=0, step=0)
    frames_btchw, labels_btchw = augment_clips(still_btchw, still_btchw, draws)
    assert torch.equal(frames_btchw, labels_btchw)
    assert torch.equal(frames_btchw, frames_btchw[:, :1].expand_as(frames_btchw))
    assert len({clip_tchw.numpy().tobytes() for clip_tchw in frames_btchw}) == 8


def test_the_input_is_left_as_it_is() -> None:
    clip_btchw = torch.rand(3, 2, 3, 8, 16, generator=torch.Generator().manual_seed(2))
    before = clip_btchw.clone()
    augment_clips(clip_btchw, clip_btchw, [CropDraw(0, 0, 8, 16, True)] * 3)
    assert torch.equal(clip_btchw, before)


def test_draws_are_a_function_of_seed_epoch_and_step_alone() -> None:
    first = draw_crops(4, 32, 64, seed=5, epoch=6, step=7)
    torch.manual_seed(99)
    np.random.seed(99)
    assert draw_crops(4, 32, 64, seed=5, epoch=6, step=7) == first
    places = [(seed, epoch, step) for seed in range(3) for epoch in range(3) for step in range(3)]
    drawn = {tuple(draw_crops(4, 32, 64, seed=s, epoch=e, step=t)) for s, e, t in places}
    assert len(drawn) == len(places)


@pytest.mark.parametrize(
    ("height", "width", "box"),
    [
        (4, 400, (0, 197, 4, 5)),  # width 4 * 4/3 = 5.33
        (400, 4, (197, 0, 5, 4)),  # height 4 / (3/4) = 5.33
    ],
)
def test_where_no_box_fits_the_crop_is_central(height: int, width: int, box: tuple[int, int, int, int]) -> None:
    draws = draw_crops(20, height, width, seed=0, epoch=0, step=0)
    assert {(draw.top, draw.left, draw.height, draw.width) for draw in draws} == {box}
    params = v2.RandomResizedCrop((height, width)).make_params([torch.zeros(3, height, width)])
    assert (params["top"], params["left"], params["height"], params["width"]) == box


def greatest_gap(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Kolmogorov and Smirnov's distance of two samples."""
    values = np.union1d(one, other)
    shares = [np.searchsorted(np.sort(sample), values, side="right") / sample.size for sample in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def test_boxes_are_distributed_as_torchvisions() -> None:
    count = 4000
    crop, image_chw = v2.RandomResizedCrop((32, 64)), torch.zeros(3, 32, 64)
    torch.manual_seed(0)
    theirs = [crop.make_params([image_chw]) for _ in range(count)]
    ours = draw_crops(count, 32, 64, seed=0, epoch=0, step=0)
    # Two samples of 4000 of one distribution come further apart than 1.95 * sqrt(2 / 4000) = 0.044 once in a thousand.
    for side in ("top", "left", "height", "width"):
        gap = greatest_gap(
            np.array([getattr(draw, side) for draw in ours]), np.array([params[side] for params in theirs])
        )
        assert gap < 0.044, side
    areas = [np.array([draw.height * draw.width for draw in ours])]
    areas.append(np.array([params["height"] * params["width"] for params in theirs]))
    assert greatest_gap(*areas) < 0.044
    assert abs(np.mean([draw.mirrored for draw in ours]) - 0.5) < 0.04  # five standard deviations of 0.008


def test_boxes_lie_within_the_frame() -> None:
    for draw in draw_crops(2000, 32, 64, seed=3, epoch=0, step=0):
        assert 0 <= draw.top <= draw.top + draw.height <= 32
        assert 0 <= draw.left <= draw.left + draw.width <= 64
        assert draw.height > 0
        assert draw.width > 0


@pytest.mark.parametrize("device", DEVICES)
def test_colours_are_torchvisions_frame_by_frame(device: str) -> None:
    clip_btchw = torch.rand(4, 3, 3, 8, 16, generator=torch.Generator().manual_seed(3))
    clip_btchw *= torch.linspace(0.3, 1, 3)[:, None, None, None]  # frames of one clip differ in mean grey
    draws = draw_colours(4, 0.8, seed=1, epoch=0, step=0)
    changed_btchw = jitter_colours(clip_btchw.to(device), draws).cpu()
    for clip_tchw, changed_tchw, draw in zip(clip_btchw, changed_btchw, draws, strict=True):
        for frame_chw, changed_chw in zip(clip_tchw, changed_tchw, strict=True):
            expected_chw = functional.adjust_brightness(tv_tensors.Image(frame_chw), draw.brightness)
            expected_chw = functional.adjust_contrast(expected_chw, draw.contrast)
            expected_chw = functional.adjust_saturation(expected_chw, draw.saturation)
            torch.testing.assert_close(changed_chw, expected_chw.as_subclass(Tensor), rtol=0, atol=1e-6)
    assert not torch.allclose(changed_btchw, clip_btchw, atol=0.05)


def test_a_hand_computed_change_of_colours() -> None:
    """A red pixel of 0.4 beside a grey one of 0.4, whose greys are 0.2989 * 0.4 and 0.4 (the weights sum to 0.9999)."""
    pixels_bt3hw = torch.tensor([[0.4, 0.4], [0, 0.4], [0, 0.4]]).reshape(1, 1, 3, 1, 2)

    def changed(**factors: float) -> list[list[float]]:
        draw = ColourDraw(**{"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, **factors})
        pixels: list[list[float]] = jitter_colours(pixels_bt3hw, [draw])[0, 0, :, 0].tolist()
        return pixels

    red_grey = 0.2989 * 0.4
    mean = (red_grey + 0.9999 * 0.4) / 2
    assert changed(brightness=1.5)[0] == pytest.approx([0.6, 0.6])
    assert changed(brightness=3.0)[0] == pytest.approx([1, 1])  # bounded
    assert changed(contrast=0.5)[0] == pytest.approx([0.2 + mean / 2] * 2, abs=1e-6)
    assert changed(contrast=0.5)[1] == pytest.approx([mean / 2, 0.2 + mean / 2], abs=1e-6)
    assert changed(saturation=0.5)[0][0] == pytest.approx(0.2 + red_grey / 2, abs=1e-6)
    assert changed(saturation=0.5)[1][0] == pytest.approx(red_grey / 2, abs=1e-6)
    assert changed(saturation=2.0)[1][0] == 0  # -red_grey, bounded
    # In this order: brightness first, so that contrast turns about the brightened mean.
    assert changed(brightness=1.5, contrast=0.0)[0] == pytest.approx([1.5 * mean] * 2, abs=1e-6)


def test_one_draw_changes_all_frames_of_a_clip_alike_and_another_clip_otherwise() -> None:
    image_chw = torch.rand(3, 8, 16, generator=torch.Generator().manual_seed(4))
    still_btchw = image_chw.expand(6, 5, 3, 8, 16)
    changed_btchw = jitter_colours(still_btchw, draw_colours(6, 0.4, seed=0, epoch=0, step=0))
    assert torch.equal(changed_btchw, changed_btchw[:, :1].expand_as(changed_btchw))
    assert len({clip_tchw.numpy().tobytes() for clip_tchw in changed_btchw}) == 6


@pytest.mark.parametrize("strength", [0.1, 1.0])
def test_colour_factors_are_uniform_about_1_and_colours_stay_within_0_and_1(strength: float) -> None:
    draws = draw_colours(2000, strength, seed=7, epoch=1, step=2)
    factors = np.array([(draw.brightness, draw.contrast, draw.saturation) for draw in draws])
    assert factors.min() >= 1 - strength
    assert factors.max() <= 1 + strength
    # Of 2000 the mean is off by five standard errors of strength / sqrt(3 * 2000) at most, and both ends are reached.
    assert np.abs(factors.mean(0) - 1).max() < 0.065 * strength
    assert np.abs(np.sort(factors, axis=0)[[0, -1]] - [[1 - strength], [1 + strength]]).max() < 0.02 * strength
    assert np.abs(np.corrcoef(factors.T) - np.eye(3)).max() < 0.12
    clip_btchw = torch.rand(50, 2, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    before = clip_btchw.clone()
    changed_btchw = jitter_colours(clip_btchw, draws[:50])
    assert changed_btchw.min() >= 0
    assert changed_btchw.max() <= 1
    assert torch.equal(clip_btchw, before)


def test_colour_draws_are_a_function_of_seed_epoch_and_step_alone() -> None:
    first = draw_colours(3, 0.5, seed=5, epoch=6, step=7)
    np.random.seed(99)
    assert draw_colours(3, 0.5, seed=5, epoch=6, step=7) == first
    places = [(seed, epoch, step) for seed in range(3) for epoch in range(3) for step in range(3)]
    drawn = {tuple(draw_colours(3, 0.5, seed=s, epoch=e, step=t)) for s, e, t in places}
    assert len(drawn) == len(places)
