"""Augmentation: the report's crop and mirroring of a clip, frames and pose images alike; colours of frames alone."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from vidpred_engine.randomness import random_stream

_SCALE = (0.08, 1.0)
_RATIO = (3 / 4, 4 / 3)
_TRIES = 10
_MIRRORED = 0.5


@dataclass(frozen=True)
class CropDraw:
    """The crop of one clip in pixels, and whether it is mirrored."""

    top: int
    left: int
    height: int
    width: int
    mirrored: bool


def draw_crops(batch: int, height: int, width: int, *, seed: int, epoch: int, step: int) -> list[CropDraw]:
    """Draw one crop and mirroring for each clip of a batch, from seed, epoch and step alone.

    Distributed as torchvision's RandomResizedCrop (scale 0.08 to 1, ratio 3/4 to 4/3, ten tries, then the largest
    central crop of an allowed ratio) and RandomHorizontalFlip(0.5).
    """
    random = random_stream(seed, "augmentation", epoch, step)
    return [CropDraw(*_draw_box(height, width, random), bool(random.random() < _MIRRORED)) for _ in range(batch)]


def augment_clips(clip_btchw: Tensor, labels_btchw: Tensor, draws: list[CropDraw]) -> tuple[Tensor, Tensor]:
    """Crop each clip as drawn, resize it back to (H, W) (bilinear with antialiasing) and mirror it; labels alike.

    Mirroring swaps left and right limbs, which the pose images tell apart by colour, so a mirrored clip shows the model
    a pose code that no real clip has. Kept because the report did it. The crop is taken of the packed frames, so small
    crops are blurrier than from large source images.
    """
    size = list(clip_btchw.shape[-2:])
    length = clip_btchw.shape[1]  # an anchor frame may stand before the clip, so labels can be fewer
    clips, labels = [], []
    for clip_tchw, labels_tchw, draw in zip(clip_btchw, labels_btchw, draws, strict=True):
        both = torch.cat([clip_tchw, labels_tchw])
        both = functional.resized_crop(both, draw.top, draw.left, draw.height, draw.width, size, antialias=True)
        if draw.mirrored:
            both = functional.horizontal_flip(both)
        clips.append(both[:length])
        labels.append(both[length:])
    return torch.stack(clips), torch.stack(labels)


@dataclass(frozen=True)
class ColourDraw:
    """The factors by which one clip's brightness, contrast and saturation change."""

    brightness: float
    contrast: float
    saturation: float


def draw_colours(batch: int, strength: float, *, seed: int, epoch: int, step: int) -> list[ColourDraw]:
    """Draw three factors from [1 - strength, 1 + strength] for each clip, from seed, epoch and step alone."""
    random = random_stream(seed, "colour jitter", epoch, step)
    return [ColourDraw(*random.uniform(1 - strength, 1 + strength, size=3).tolist()) for _ in range(batch)]


def jitter_colours(clip_btchw: Tensor, draws: list[ColourDraw]) -> Tensor:
    """Change brightness, contrast and saturation of each clip as drawn, in this order; all its frames alike.

    Pose images must keep their colours, which tell the limbs apart.
    """
    clips = []
    for clip_tchw, draw in zip(clip_btchw, draws, strict=True):
        changed = functional.adjust_brightness(clip_tchw, draw.brightness)
        changed = functional.adjust_contrast(changed, draw.contrast)
        clips.append(functional.adjust_saturation(changed, draw.saturation))
    return torch.stack(clips)


def _draw_box(height: int, width: int, random: np.random.Generator) -> tuple[int, int, int, int]:
    for _ in range(_TRIES):
        area = height * width * random.uniform(*_SCALE)
        ratio = math.exp(random.uniform(math.log(_RATIO[0]), math.log(_RATIO[1])))
        box_width, box_height = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < box_width <= width and 0 < box_height <= height:
            top = int(random.integers(0, height - box_height + 1))
            return top, int(random.integers(0, width - box_width + 1)), box_height, box_width
    box_height = min(height, round(width / _RATIO[0]))
    box_width = min(width, round(height * _RATIO[1]))
    return (height - box_height) // 2, (width - box_width) // 2, box_height, box_width
