"""From settings to a model."""

from vidpred_engine.models.anchored import AnchoredCVAE
from vidpred_engine.models.cvae import CVAE, ModelSizes
from vidpred_engine.models.interface import VideoModel
from vidpred_engine.settings import RunSettings


def build_model(settings: RunSettings) -> VideoModel:
    """Build the model that the settings describe, with weights from torch's default generator; raises UserError."""
    if settings.model == "unet":
        return AnchoredCVAE(settings.unet_width, settings.latent_dim)
    sizes = ModelSizes(settings.frame_dim, settings.label_dim, settings.latent_dim, settings.decoder_dim)
    return CVAE(sizes, output=settings.output, normalisation=settings.normalisation)
