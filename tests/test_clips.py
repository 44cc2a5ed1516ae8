"""Clips: the lab's fixed grid, the order of an epoch, whole batches."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pngs import write_split
from vidpred_engine.data.clips import ClipSet, batches, clip_starts, epoch_order
from vidpred_engine.data.folder import scan_folder
from vidpred_engine.data.packed import PackedSplit, load_packed
from vidpred_engine.errors import UserError

CPU = torch.device("cpu")
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"))]


def numbered(*lengths: int) -> PackedSplit:
    """Frames whose every pixel is the frame's number, and labels of 255 minus it."""
    count = sum(lengths)
    frames_nchw = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(count, 3, 2, 4).contiguous()
    return PackedSplit(frames_nchw, 255 - frames_nchw, ("train",) * len(lengths), lengths, lengths, "")


def frame_numbers(clips: ClipSet, index: int) -> list[int]:
    clip_btchw, _ = clips.gather([index])
    return [round(float(frame_chw[0, 0, 0]) * 255) for frame_chw in clip_btchw[0]]


def test_clip_i_is_frames_il_to_il_plus_l() -> None:
    clips = ClipSet(numbered(11), 3, 1.0, CPU)
    assert [frame_numbers(clips, index) for index in range(len(clips))] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_the_labs_training_set_has_1463_clips() -> None:
    starts = clip_starts([23_410], 16, 1.0)
    assert len(starts) == 1463
    assert starts[[0, 1, -1]].tolist() == [0, 16, 1462 * 16]


def test_clips_never_span_two_sequences() -> None:
    clips = ClipSet(numbered(7, 2, 5, 3), 3, 1.0, CPU)
    numbers = [frame_numbers(clips, index) for index in range(len(clips))]
    assert numbers == [[0, 1, 2], [3, 4, 5], [9, 10, 11], [14, 15, 16]]


def test_partial_keeps_the_first_fraction_of_the_frames_then_whole_clips() -> None:
    assert clip_starts([100], 16, 0.5).tolist() == [0, 16, 32]  # 50 frames
    assert clip_starts([23_410], 16, 0.4).size == 585  # 9364 frames; 0.4 of the 1463 clips would be 585.2
    assert clip_starts([10, 10], 5, 0.75).tolist() == [0, 5, 10]
    clips = ClipSet(numbered(20), 5, 0.75, CPU)
    assert len(clips) == 3
    assert [clips.count(partial) for partial in (0.3, 0.5, 1.0)] == [1, 2, 4]


@pytest.mark.parametrize(
    ("lengths", "partial", "stride", "starts"),
    [
        ([10], 1.0, 0, [0, 4]),
        ([10], 1.0, 4, [0, 4]),
        ([10], 1.0, 2, [0, 2, 4, 6]),
        ([10], 1.0, 3, [0, 3, 6]),
        ([10], 1.0, 1, [0, 1, 2, 3, 4, 5, 6]),
        ([10], 1.0, 5, [0, 5]),  # a gap of one frame between clips
        ([10], 1.0, 100, [0]),
        ([7, 3, 9], 1.0, 2, [0, 2, 10, 12, 14]),  # the second is too short for a clip; the third begins at 10
        ([6, 6], 1.0, 2, [0, 2, 6, 8]),
        ([10], 0.75, 2, [0, 2]),  # of 7 frames
        ([6, 6], 0.75, 1, [0, 1, 2]),  # of 9: only 3 of the second
        ([6, 6], 0.9, 1, [0, 1, 2, 6]),  # of 10
    ],
)
def test_clips_of_four_frames_start_a_stride_apart(
    lengths: list[int], partial: float, stride: int, starts: list[int]
) -> None:
    assert clip_starts(lengths, 4, partial, stride).tolist() == starts
    clips = ClipSet(numbered(*lengths), 4, partial, CPU, stride=stride)
    numbers = [frame_numbers(clips, index) for index in range(len(clips))]
    assert numbers == [list(range(start, start + 4)) for start in starts]
    assert clips.count(partial) == len(starts)


def test_overlapping_clips_are_each_visited_once_in_a_shuffled_epoch() -> None:
    """A smaller fraction has the first of them, in whatever order."""
    clips = ClipSet(numbered(11, 6), 4, 1.0, CPU, stride=2)
    assert clips.count(0.5) == 3  # of 8 frames: 0, 2 and 4
    for count, expected in ((len(clips), [0, 2, 4, 6, 11, 13]), (3, [0, 2, 4])):
        order = epoch_order(count, seed=0, epoch=1, shuffle=True)
        firsts = [frame_numbers(clips, int(index))[0] for index in order]
        assert sorted(firsts) == expected
        assert firsts != expected


def test_a_set_without_a_whole_clip_is_refused() -> None:
    with pytest.raises(UserError) as caught:
        ClipSet(numbered(20), 16, 0.5, CPU)
    assert str(caught.value) == (
        "Not one training clip fits: a clip needs 16 frames in a row, and partial 0.5 of the training set is "
        "10 of 20 frames; lower clip_length, raise partial or add frames."
    )
    with pytest.raises(UserError, match="Not one training clip fits"):
        clip_starts([15, 15], 16, 1.0)


@pytest.mark.parametrize("device", DEVICES)
def test_gathered_clips_are_floats_in_0_to_1_on_the_device(device: str) -> None:
    clips = ClipSet(numbered(12), 3, 1.0, torch.device(device))
    clip_btchw, labels_btchw = clips.gather(np.array([2, 0]))
    assert clip_btchw.shape == labels_btchw.shape == (2, 3, 3, 2, 4)
    assert clip_btchw.dtype == labels_btchw.dtype == torch.float32
    assert clip_btchw.device.type == labels_btchw.device.type == device
    expected_bt = torch.tensor([[6.0, 7.0, 8.0], [0.0, 1.0, 2.0]], device=device)
    assert torch.equal(clip_btchw, (expected_bt / 255)[:, :, None, None, None].expand_as(clip_btchw))
    assert torch.equal(labels_btchw, ((255 - expected_bt) / 255)[:, :, None, None, None].expand_as(labels_btchw))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_frames_that_do_not_fit_the_gpu_stay_outside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (0, 0))
    before = torch.cuda.memory_allocated()
    clips = ClipSet(numbered(12), 3, 1.0, torch.device("cuda"))
    assert torch.cuda.memory_allocated() == before
    clip_btchw, _ = clips.gather([1])
    assert clip_btchw.is_cuda
    assert frame_numbers(clips, 1) == [3, 4, 5]


def test_gathering_reads_packed_files_and_leaves_them_as_they_are(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 8, seed=3)
    packed = load_packed(scan_folder(tmp_path), "train", height=8, width=16, cache=tmp_path / "cache")
    before = packed.frames_nchw.clone()
    clip_btchw, labels_btchw = ClipSet(packed, 4, 1.0, CPU).gather([1])
    assert torch.equal(clip_btchw[0], packed.frames_nchw[4:].to(torch.float32) / 255)
    assert torch.equal(labels_btchw[0], packed.labels_nchw[4:].to(torch.float32) / 255)
    assert torch.equal(packed.frames_nchw, before)


def test_an_epoch_visits_every_clip_once() -> None:
    assert epoch_order(5, seed=1, epoch=2, shuffle=False).tolist() == [0, 1, 2, 3, 4]
    order = epoch_order(100, seed=1, epoch=2, shuffle=True)
    assert sorted(order.tolist()) == list(range(100))
    assert order.tolist() != list(range(100))


def test_the_order_is_a_function_of_seed_and_epoch_alone() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return list(map(int, epoch_order(100, seed=seed, epoch=epoch, shuffle=True)))

    first = order(3, 4)
    np.random.default_rng(0).random(10)
    np.random.seed(5)
    assert order(3, 4) == first
    assert len({tuple(order(seed, epoch)) for seed in range(4) for epoch in range(4)}) == 16


def test_shuffling_is_uniform() -> None:
    """Each clip comes first in about a fifth of 2000 epochs: 400 +- 5 standard deviations of 18."""
    firsts = [int(epoch_order(5, seed=0, epoch=epoch, shuffle=True)[0]) for epoch in range(2000)]
    assert np.abs(np.bincount(firsts, minlength=5) - 400).max() < 90


def test_the_last_incomplete_batch_is_dropped() -> None:
    order = np.array([4, 2, 0, 1, 3])
    assert [batch.tolist() for batch in batches(order, 2)] == [[4, 2], [0, 1]]
    assert [batch.tolist() for batch in batches(order, 5)] == [[4, 2, 0, 1, 3]]
    assert len(batches(np.arange(1463), 4)) == 365


def test_fewer_clips_than_a_batch_are_refused() -> None:
    with pytest.raises(UserError) as caught:
        batches(np.arange(3), 4)
    assert str(caught.value) == (
        "There are 3 training clips, fewer than one batch of 4; lower batch_size to 3 or less, or use more frames."
    )
