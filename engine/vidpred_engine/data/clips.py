"""Training clips: the lab's fixed grid over packed frames, their order in an epoch, and batches on the device."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from vidpred_engine.data.clip_grid import Indices as Indices
from vidpred_engine.data.clip_grid import clip_starts as clip_starts
from vidpred_engine.data.packed import PackedSplit
from vidpred_engine.errors import UserError
from vidpred_engine.randomness import random_stream

_SHARE_OF_DEVICE = 4
"""Frames move to the GPU when they take at most one part in this many of its free memory; training needs the rest."""


class ClipSet:
    """Clips of `clip_length` frames on a fixed grid: clip i of a sequence is its frames [i*S, i*S + L).

    The stride S is L where `stride` is 0; a smaller one makes clips overlap. `partial` keeps the first fraction of all
    frames, then whole clips; a clip never spans two sequences. Frames stay uint8, on the device where they fit (23,410
    frames and labels at 64x32 are 288 MB), else in the mapped file.
    """

    def __init__(
        self, packed: PackedSplit, clip_length: int, partial: float, device: torch.device, *, stride: int = 0
    ) -> None:
        assert packed.frame_lengths == packed.lengths, "training needs every frame"
        self.clip_length, self._stride = clip_length, stride
        self._lengths = packed.lengths
        self._device = device
        self._starts = clip_starts(packed.lengths, clip_length, partial, stride)
        kept = int(self._starts[-1]) + clip_length
        self._videos = list(pairwise([0, *np.minimum(np.cumsum(packed.lengths), kept).tolist()]))
        frames_nchw, labels_nchw = packed.frames_nchw[:kept], packed.labels_nchw[:kept]
        if _fits(frames_nchw.nbytes + labels_nchw.nbytes, device):
            frames_nchw, labels_nchw = frames_nchw.to(device), labels_nchw.to(device)
        self._frames_nchw, self._labels_nchw = frames_nchw, labels_nchw

    def __len__(self) -> int:
        return len(self._starts)

    def count(self, partial: float) -> int:
        """How many clips the first `partial` of all frames holds: these are the clips 0 to count - 1."""
        return len(clip_starts(self._lengths, self.clip_length, partial, self._stride))

    def gather(self, indices: Sequence[int] | Indices) -> tuple[Tensor, Tensor]:
        """Frames and labels (B, T, 3, H, W) of the clips `indices`: float32 in [0, 1], on the device."""
        starts = [int(self._starts[index]) for index in indices]
        frames_btchw = self._gather(self._frames_nchw, starts, self.clip_length)
        return frames_btchw, self._gather(self._labels_nchw, starts, self.clip_length)

    def anchors(self, indices: Sequence[int] | Indices, *, seed: int, epoch: int, step: int) -> Tensor:
        """A frame (B, 3, H, W) of the video of each clip, drawn from its clips' frames by seed, epoch and step alone.

        A model that is anchored to a clip's own first frame would never see an anchor from long ago.
        """
        random = random_stream(seed, "anchors", epoch, step)
        drawn = []
        for index in indices:
            start = int(self._starts[index])
            begin, end = next(bounds for bounds in self._videos if bounds[0] <= start < bounds[1])
            drawn.append(int(random.integers(begin, end)))
        return self._gather(self._frames_nchw, drawn, length=1)[:, 0]

    def _gather(self, images_nchw: Tensor, starts: list[int], length: int) -> Tensor:
        if self._device.type == "cpu":
            return _as_floats(images_nchw, starts, length)
        clips_btchw = torch.stack([images_nchw[start : start + length] for start in starts])
        if not clips_btchw.is_cuda:
            clips_btchw = clips_btchw.pin_memory().to(self._device, non_blocking=True)
        return clips_btchw.to(torch.float32).div_(255)


def _as_floats(images_nchw: Tensor, starts: list[int], length: int) -> Tensor:
    """Clips of a CPU, copied and converted in one go by NumPy, into memory of torch's.

    Waking torch's threads takes longer than the work: 0.24 ms for 64 frames and labels of 64x32, with them 0.25 ms on
    idle cores and 1.6 ms on busy ones.
    """
    clips_btchw = torch.empty((len(starts), length, *images_nchw.shape[1:]), dtype=torch.float32)
    images, clips = images_nchw.numpy(), clips_btchw.numpy()
    for clip, start in zip(clips, starts, strict=True):
        np.divide(images[start : start + length], np.float32(255), out=clip, dtype=np.float32)
    return clips_btchw


def epoch_order(clips: int, *, seed: int, epoch: int, shuffle: bool) -> Indices:
    """The order in which an epoch visits `clips` clips: their own, or a permutation drawn from seed and epoch alone."""
    if not shuffle:
        return np.arange(clips, dtype=np.int64)
    return random_stream(seed, "clip order", epoch).permutation(np.arange(clips, dtype=np.int64))


def batches(order: Indices, batch_size: int) -> list[Indices]:
    """Cut `order` into batches; as in the lab's code the last incomplete one is dropped.

    Raises UserError where there is not one whole batch.
    """
    whole = len(order) // batch_size
    if not whole:
        raise UserError(
            f"There are {len(order)} training clips, fewer than one batch of {batch_size}; "
            f"lower batch_size to {len(order)} or less, or use more frames."
        )
    return np.split(order[: whole * batch_size], whole)


def _fits(size: int, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return size * _SHARE_OF_DEVICE <= free
