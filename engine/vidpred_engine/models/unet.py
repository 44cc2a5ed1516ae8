"""The parts of a U-Net: normalised residual blocks, a contracting path and an expanding one with skip connections.

Most arithmetic happens at a quarter of the pixels and below, so a frame costs a small part of what it costs in the
lab's network, every feature map of which has full resolution.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUPS = 8
UNSHUFFLE = 2


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(GROUPS, channels), channels)


class NormedBlock(nn.Module):
    """GroupNorm, SiLU and a 3x3 convolution, twice, plus the input; starts as the identity (or a 1x1 convolution).

    Shapes: (N, in_channels, H, W) -> (N, out_channels, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _norm(in_channels), _norm(out_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.skip = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else nn.Identity()
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x_nchw: Tensor) -> Tensor:
        hidden = self.conv1(F.silu(self.norm1(x_nchw)))
        hidden = self.conv2(F.silu(self.norm2(hidden)))
        out: Tensor = self.skip(x_nchw) + hidden
        return out


class Contracting(nn.Module):
    """Images (N, in_channels, H, W) to one feature map a level, level i with widths[i] channels at H/2^(i+1).

    H and W must be multiples of 2^len(widths).
    """

    def __init__(self, in_channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels * UNSHUFFLE**2, widths[0], 3, padding=1)
        self.blocks = nn.ModuleList(NormedBlock(width, width) for width in widths)
        self.downs = nn.ModuleList(nn.Conv2d(fine, coarse, 2, stride=2) for fine, coarse in pairwise(widths))

    def forward(self, images_nchw: Tensor) -> list[Tensor]:
        hidden = self.blocks[0](self.stem(F.pixel_unshuffle(images_nchw, UNSHUFFLE)))
        levels = [hidden]
        for down, block in zip(self.downs, self.blocks[1:], strict=True):
            levels.append(block(down(levels[-1])))
        return levels


class Expanding(nn.Module):
    """The feature maps of `Contracting` back to (N, out_channels, H, W), each level joined by its skip connection."""

    def __init__(self, widths: Sequence[int], out_channels: int) -> None:
        super().__init__()
        coarse_to_fine = list(pairwise(reversed(widths)))
        self.middle = NormedBlock(widths[-1], widths[-1])
        self.ups = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for coarse, fine in coarse_to_fine)
        self.blocks = nn.ModuleList(NormedBlock(2 * fine, fine) for _, fine in coarse_to_fine)
        self.head = nn.Conv2d(widths[0], out_channels * UNSHUFFLE**2, 3, padding=1)

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        hidden = self.middle(levels[-1])
        for up, block, skip in zip(self.ups, self.blocks, levels[-2::-1], strict=True):
            hidden = block(torch.cat((F.interpolate(up(hidden), scale_factor=2.0), skip), dim=1))
        return F.pixel_shuffle(self.head(F.silu(hidden)), UNSHUFFLE)
