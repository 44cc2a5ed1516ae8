"""From the previous frame's features, the label's and the latent z to the next frame."""

from typing import Literal

from torch import nn

from vidpred_engine.models.blocks import DepthConvBlock, ResidualBlock, residual_stages

Output = Literal["linear", "sigmoid"]


class DecoderFusion(nn.Sequential):
    """Frame features, label features and z side by side (N, in_dim, H, W) to fused features (N, decoder_dim, H, W)."""

    def __init__(self, in_dim: int, decoder_dim: int) -> None:
        super().__init__(
            DepthConvBlock(in_dim, in_dim),
            ResidualBlock(in_dim, in_dim // 4),
            DepthConvBlock(in_dim // 4, in_dim // 2),
            ResidualBlock(in_dim // 2, in_dim // 2),
            DepthConvBlock(in_dim // 2, decoder_dim // 2),
            nn.Conv2d(decoder_dim // 2, decoder_dim, 1),
        )


class Generator(nn.Sequential):
    """Fused features (N, decoder_dim, H, W) to RGB frames (N, 3, H, W), not clamped, or within [0, 1] by a sigmoid."""

    def __init__(self, decoder_dim: int, output: Output = "linear") -> None:
        super().__init__(
            DepthConvBlock(decoder_dim, decoder_dim),
            *residual_stages(decoder_dim, decoder_dim // 2, decoder_dim // 4, decoder_dim // 8),
            nn.Conv2d(decoder_dim // 8, 3, 1),
            *([nn.Sigmoid()] if output == "sigmoid" else []),
        )
