"""What each step trains on: the clips of a batch, as the settings have them drawn and altered."""

import torch
from torch import Tensor

from vidpred_engine.data.augment import augment_clips, draw_colours, draw_crops, jitter_colours
from vidpred_engine.data.clips import ClipSet, Indices, batches, epoch_order
from vidpred_engine.data.packed import PackedSplit
from vidpred_engine.schedules import fast_epochs
from vidpred_engine.settings import RunSettings


class TrainingClips:
    """The training clips, on the device; their order and all draws are functions of seed, epoch and step."""

    def __init__(self, settings: RunSettings, split: PackedSplit, device: torch.device) -> None:
        used = max(settings.partial, settings.fast_partial) if settings.fast_train else settings.partial
        self._settings = settings
        self._set = ClipSet(split, settings.clip_length, used, device, stride=settings.clip_stride)

    def batches(self, epoch: int) -> list[Indices]:
        """The clips of each step of an epoch."""
        settings = self._settings
        fast = epoch < fast_epochs(settings)
        clips = self._set.count(settings.fast_partial if fast else settings.partial)
        return batches(
            epoch_order(clips, seed=settings.seed, epoch=epoch, shuffle=settings.shuffle), settings.batch_size
        )

    def take(self, batch: Indices, *, epoch: int, step: int, anchored: bool) -> tuple[Tensor, Tensor]:
        """Frames and labels (B, T, 3, H, W) in [0, 1]; for an anchored model, anchors come as one more frame before."""
        settings, place = self._settings, {"seed": self._settings.seed, "epoch": epoch, "step": step}
        clip_btchw, labels_btchw = self._set.gather(batch)
        if anchored:
            clip_btchw = torch.cat((self._set.anchors(batch, **place)[:, None], clip_btchw), dim=1)
        if settings.augment:
            draws = draw_crops(len(batch), settings.frame_height, settings.frame_width, **place)
            clip_btchw, labels_btchw = augment_clips(clip_btchw, labels_btchw, draws)
        if settings.colour_jitter:
            clip_btchw = jitter_colours(clip_btchw, draw_colours(len(batch), settings.colour_jitter, **place))
        return clip_btchw, labels_btchw
