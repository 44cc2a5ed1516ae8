"""What the training step and the rollout ask of a model."""

from typing import Protocol

from torch import Tensor


class VideoModel(Protocol):
    """A pose-conditioned model that predicts a frame from the previous one, a pose image and a latent z."""

    training: bool

    def encode_frames(self, frames_nchw: Tensor) -> Tensor:
        """Encode RGB frames (N, 3, H, W) as features (N, F, H, W)."""
        ...

    def encode_labels(self, labels_btchw: Tensor) -> Tensor:
        """Encode the pose images of successive time steps (B, T, 3, H, W) as features (B, T, L, H, W)."""
        ...

    def infer(self, frame_features_nchw: Tensor, label_features_nchw: Tensor) -> tuple[Tensor, Tensor]:
        """Give mu and logvar of the posterior of z, each (N, Z, H, W), from the features of frame and label."""
        ...

    def decode(self, previous_features_nchw: Tensor, label_features_nchw: Tensor, z_nchw: Tensor | None) -> Tensor:
        """Predict frames (N, 3, H, W), not clamped, from the previous frame's features, the label's and z (None: 0)."""
        ...
