"""Encoders of the two inputs: frames and pose images."""

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidpred_engine.models.blocks import ResidualBlock, residual_stages

Normalisation = Literal["batch", "group"]
GROUPS = 8


class FrameEncoder(nn.Sequential):
    """RGB frames (N, 3, H, W) to features (N, frame_dim, H, W)."""

    def __init__(self, frame_dim: int) -> None:
        super().__init__(
            *residual_stages(3, frame_dim // 8, frame_dim // 4, frame_dim // 2),
            nn.Conv2d(frame_dim // 2, frame_dim, 3, padding=1),
        )


class LabelEncoder(nn.Sequential):
    """Pose images of several time steps (T, B, 3, H, W) to features (T, B, label_dim, H, W).

    While training, each step is normalised by its own statistics over (B, H, W), and the running statistics move as
    in T calls, one a step in time order: joint statistics over time would change the features by 1.5 to 1.9%.
    With `normalisation` "group" a GroupNorm stands in its place, which knows no statistics but those of one image.
    The identity stands where the lab has LeakyReLU(True), whose slope is 1: it keeps the layers' numbers.
    """

    def __init__(self, label_dim: int, normalisation: Normalisation = "batch") -> None:
        width = label_dim // 2
        super().__init__(
            nn.ReflectionPad2d(3),
            nn.Conv2d(3, width, 7),
            nn.BatchNorm2d(width) if normalisation == "batch" else nn.GroupNorm(math.gcd(GROUPS, width), width),
            nn.Identity(),
            ResidualBlock(label_dim // 2, label_dim),
        )

    def forward(self, labels_tbchw: Tensor) -> Tensor:
        pad, conv, norm, _, residual = self
        times = labels_tbchw.shape[:2]
        hidden_nchw = conv(pad(labels_tbchw.flatten(0, 1)))
        if self.training and isinstance(norm, nn.BatchNorm2d):
            hidden_nchw = _normalise_each_step(torch.unflatten(hidden_nchw, 0, times), norm).flatten(0, 1)
        else:
            hidden_nchw = norm(hidden_nchw)
        return torch.unflatten(residual(hidden_nchw), 0, times)


def _normalise_each_step(x_tbchw: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """Apply a training BatchNorm2d to each time step by itself, in one call with the steps side by side as channels."""
    steps, _, channels = x_tbchw.shape[:3]
    assert norm.momentum is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    # With momentum 1 batch_norm leaves the mean and the unbiased variance of this batch in its running buffers.
    mean_tc = norm.running_mean.new_zeros(steps * channels)
    var_tc = torch.zeros_like(mean_tc)
    side_by_side = F.batch_norm(
        x_tbchw.transpose(0, 1).flatten(1, 2),
        mean_tc,
        var_tc,
        norm.weight.repeat(steps),
        norm.bias.repeat(steps),
        training=True,
        momentum=1.0,
        eps=norm.eps,
    )
    with torch.no_grad():
        kept = 1 - norm.momentum
        # T updates r <- kept * r + momentum * x_t, unrolled: step t counts momentum * kept^(T-1-t). A sum of products
        # rather than a matrix product, which autocast would do in bf16.
        share_t = norm.momentum * kept ** torch.arange(steps - 1, -1, -1, device=mean_tc.device, dtype=mean_tc.dtype)
        for running_c, batch_tc in ((norm.running_mean, mean_tc), (norm.running_var, var_tc)):
            running_c.mul_(kept**steps).add_((share_t[:, None] * batch_tc.view(steps, channels)).sum(0))
        norm.num_batches_tracked.add_(steps)
    return torch.unflatten(side_by_side, 1, (steps, channels)).transpose(0, 1)
