"""The augmentation against torchvision: the same pixels for a box, boxes of the same distribution."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from vidpred_engine.data.augment import CropDraw, augment_clips, draw_crops

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
