"""A conditional VAE on a U-Net that is anchored to a given frame, so that no error can grow over a rollout."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from vidpred_engine.models.interface import VideoModel
from vidpred_engine.models.unet import Contracting, Expanding
from vidpred_engine.settings import UNET_REDUCTION

WIDTHS = (1, 2, 3)
"""Channels of the U-Net's levels, as multiples of its width."""
POSTERIOR_WIDTH = 0.5
assert 2 ** len(WIDTHS) == UNET_REDUCTION


class AnchoredCVAE(VideoModel):
    """Predicts a frame as a mixture, pixel by pixel, of the anchor frame and of new pixels within [0, 1].

    prediction = gate * anchor + (1 - gate) * new pixel, gate and pixel through a sigmoid. Previous frame, pose image
    and anchor enter the U-Net side by side, so their "features" are the images themselves. z lies at an eighth of the
    resolution; mu and logvar start at 0, so the posterior starts as the prior.
    """

    anchored: ClassVar[bool] = True

    def __init__(self, width: int, latent_dim: int) -> None:
        super().__init__()
        self._latent_dim = latent_dim
        widths = [width * factor for factor in WIDTHS]
        narrow = [int(size * POSTERIOR_WIDTH) for size in widths]
        self.posterior = Contracting(2 * 3, narrow)
        self.posterior_head = nn.Conv2d(narrow[-1], 2 * latent_dim, 1)
        nn.init.zeros_(self.posterior_head.weight)
        assert self.posterior_head.bias is not None
        nn.init.zeros_(self.posterior_head.bias)
        self.contracting = Contracting(3 * 3, widths)
        self.latent_in = nn.Conv2d(latent_dim, widths[-1], 1)
        self.expanding = Expanding(widths, 4)

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """z of one frame: (latent_dim, H/8, W/8)."""
        return self._latent_dim, height // UNET_REDUCTION, width // UNET_REDUCTION

    def encode_frames(self, frames_nchw: Tensor) -> Tensor:
        """Frames (N, 3, H, W) as they are."""
        return frames_nchw

    def encode_labels(self, labels_btchw: Tensor) -> Tensor:
        """Pose images (B, T, 3, H, W) as they are."""
        return labels_btchw

    def infer(self, frame_features_nchw: Tensor, label_features_nchw: Tensor) -> tuple[Tensor, Tensor]:
        """Give mu and logvar of the posterior of z, each (N, latent_dim, H/8, W/8), in at least float32."""
        coarsest_nchw = self.posterior(_centred(frame_features_nchw, label_features_nchw))[-1]
        with torch.autocast(coarsest_nchw.device.type, enabled=False):
            coarsest_nchw = coarsest_nchw.to(torch.promote_types(coarsest_nchw.dtype, torch.float32))
            mu, logvar = self.posterior_head(coarsest_nchw).chunk(2, dim=1)
        return mu, logvar

    def decode(
        self,
        previous_features_nchw: Tensor,
        label_features_nchw: Tensor,
        z_nchw: Tensor | None,
        anchor_features_nchw: Tensor | None = None,
    ) -> Tensor:
        """Predict frames (N, 3, H, W) within [0, 1] from previous frames, pose images, z (None: 0) and anchors."""
        assert anchor_features_nchw is not None
        levels = self.contracting(_centred(label_features_nchw, anchor_features_nchw, previous_features_nchw))
        if z_nchw is not None:
            levels[-1] = levels[-1] + self.latent_in(z_nchw)
        pixels_nchw, gate_nchw = self.expanding(levels).split([3, 1], dim=1)
        new_nchw, kept_nchw = torch.sigmoid(pixels_nchw), torch.sigmoid(gate_nchw)
        return kept_nchw * anchor_features_nchw + (1 - kept_nchw) * new_nchw


def _centred(*images_nchw: Tensor) -> Tensor:
    """Images side by side as channels, from [0, 1] to [-1, 1]."""
    return torch.cat(images_nchw, dim=1) * 2 - 1
