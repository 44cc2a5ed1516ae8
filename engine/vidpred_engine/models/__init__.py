"""Models: the blocks, the lab's conditional VAE, and what step and rollout ask of any model."""

from vidpred_engine.models.cvae import CVAE, ModelSizes
from vidpred_engine.models.interface import VideoModel

__all__ = ["CVAE", "ModelSizes", "VideoModel"]
