"""From settings to a model."""

from vidpred_engine.models.cvae import CVAE, ModelSizes
from vidpred_engine.settings import RunSettings


def build_model(settings: RunSettings) -> CVAE:
    """Build the model that the settings describe, with weights from torch's default generator."""
    sizes = ModelSizes(settings.frame_dim, settings.label_dim, settings.latent_dim, settings.decoder_dim)
    return CVAE(sizes, output=settings.output, normalisation=settings.normalisation)
