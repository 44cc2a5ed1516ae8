"""What the training step, the rollout and the checkpoints ask of a model."""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor, nn


class VideoModel(nn.Module, ABC):
    """A pose-conditioned model that predicts a frame from the previous one, a pose image and a latent z.

    An `anchored` model is also given the features of a true frame of the same video: of the clip's first one when
    predicting, of any one while training. Others are never asked to look at it.
    """

    anchored: ClassVar[bool] = False

    @abstractmethod
    def latent_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """The shape of z for one frame of this size: channels, height, width."""

    @abstractmethod
    def encode_frames(self, frames_nchw: Tensor) -> Tensor:
        """Encode RGB frames (N, 3, H, W) as features (N, F, H, W)."""

    @abstractmethod
    def encode_labels(self, labels_btchw: Tensor) -> Tensor:
        """Encode the pose images of successive time steps (B, T, 3, H, W) as features (B, T, L, H, W)."""

    @abstractmethod
    def infer(self, frame_features_nchw: Tensor, label_features_nchw: Tensor) -> tuple[Tensor, Tensor]:
        """Give mu and logvar of the posterior of z, each (N, *latent_shape), from the features of frame and label."""

    @abstractmethod
    def decode(
        self,
        previous_features_nchw: Tensor,
        label_features_nchw: Tensor,
        z_nchw: Tensor | None,
        anchor_features_nchw: Tensor | None = None,
    ) -> Tensor:
        """Predict frames (N, 3, H, W), not clamped, from the features of previous frame, label and anchor, and z.

        z None stands for 0; the anchor is there where the model is `anchored`.
        """
