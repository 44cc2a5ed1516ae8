"""The lab's conditional VAE: frame encoder, label encoder, posterior, decoder fusion and generator."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vidpred_engine.errors import UserError
from vidpred_engine.models.decoder import DecoderFusion, Generator, Output
from vidpred_engine.models.encoders import FrameEncoder, LabelEncoder, Normalisation
from vidpred_engine.models.interface import VideoModel
from vidpred_engine.models.posterior import Posterior


@dataclass(frozen=True)
class ModelSizes:
    """Channels of the features, the latent z and the decoder; the defaults are the lab's.

    Raises UserError where the modules' widths, which are fractions of these, would not be whole numbers.
    """

    frame_dim: int = 128
    label_dim: int = 32
    latent_dim: int = 12
    decoder_dim: int = 192

    def __post_init__(self) -> None:
        for name, divisor in (("frame_dim", 8), ("label_dim", 2), ("latent_dim", 4), ("decoder_dim", 8)):
            size = getattr(self, name)
            if size < divisor or size % divisor:
                raise UserError(f"Setting '{name}' should be a positive multiple of {divisor}; it is {size}.")
        if self.fused_dim % 4:
            raise UserError(
                "Settings 'frame_dim', 'label_dim' and 'latent_dim' should add up to a multiple of 4; "
                f"they add up to {self.fused_dim}."
            )

    @property
    def fused_dim(self) -> int:
        """Channels of frame features, label features and z side by side."""
        return self.frame_dim + self.label_dim + self.latent_dim


class CVAE(VideoModel):
    """Predicts a frame from the previous one, a pose image and a latent z; every feature map keeps height and width.

    Within its five modules all names are those of the lab's public code, so a lab checkpoint loads strictly once
    frame_transformation, label_transformation, Gaussian_Predictor, Decoder_Fusion and Generator are renamed to
    frame_encoder, label_encoder, posterior, decoder_fusion and generator.
    """

    def __init__(self, sizes: ModelSizes, *, output: Output = "linear", normalisation: Normalisation = "batch") -> None:
        super().__init__()
        self.sizes = sizes
        self.frame_encoder = FrameEncoder(sizes.frame_dim)
        self.label_encoder = LabelEncoder(sizes.label_dim, normalisation)
        self.posterior = Posterior(sizes.frame_dim + sizes.label_dim, sizes.latent_dim)
        self.decoder_fusion = DecoderFusion(sizes.fused_dim, sizes.decoder_dim)
        self.generator = Generator(sizes.decoder_dim, output)

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """z of one frame: (latent_dim, H, W)."""
        return self.sizes.latent_dim, height, width

    def encode_frames(self, frames_nchw: Tensor) -> Tensor:
        """Encode RGB frames (N, 3, H, W) as features (N, frame_dim, H, W)."""
        features_nchw: Tensor = self.frame_encoder(frames_nchw)
        return features_nchw

    def encode_labels(self, labels_btchw: Tensor) -> Tensor:
        """Encode pose images (B, T, 3, H, W) as features (B, T, label_dim, H, W), laid out time first.

        In training mode as if called once a time step, in order: see LabelEncoder.
        """
        features_tbchw: Tensor = self.label_encoder(labels_btchw.transpose(0, 1))
        return features_tbchw.transpose(0, 1)

    def infer(self, frame_features_nchw: Tensor, label_features_nchw: Tensor) -> tuple[Tensor, Tensor]:
        """Give mu and logvar of the posterior of z, each (N, latent_dim, H, W), in at least float32."""
        mu, logvar = self.posterior(torch.cat((frame_features_nchw, label_features_nchw), dim=1))
        return mu, logvar

    def decode(
        self,
        previous_features_nchw: Tensor,
        label_features_nchw: Tensor,
        z_nchw: Tensor | None,
        anchor_features_nchw: Tensor | None = None,  # noqa: ARG002 - the lab's model has none
    ) -> Tensor:
        """Predict frames (N, 3, H, W), not clamped, from the previous frame's features, the label's and z (None: 0)."""
        if z_nchw is None:
            count, _, height, width = previous_features_nchw.shape
            z_nchw = previous_features_nchw.new_zeros(count, self.sizes.latent_dim, height, width)
        z_nchw = z_nchw.to(previous_features_nchw.dtype)  # else autocast widens the whole concatenation to float32
        fused_nchw = self.decoder_fusion(torch.cat((previous_features_nchw, label_features_nchw, z_nchw), dim=1))
        frames_nchw: Tensor = self.generator(fused_nchw)
        return frames_nchw
