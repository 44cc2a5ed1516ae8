"""How much the latent tells of the frame being predicted."""

import torch
from torch import Tensor

from vidpred_engine.models.interface import VideoModel
from vidpred_engine.training.losses import kl_per_frame

FRAMES_AT_ONCE = 64


@torch.inference_mode()
def posterior_kl(model: VideoModel, clip_tchw: Tensor, labels_tchw: Tensor) -> Tensor:
    """Give the KL divergence from the posterior of each true frame 1..T-1 to the prior N(0, I), in nats a frame.

    Shapes: (T, 3, H, W) both, in [0, 1] -> (T-1,), summed over the whole latent. It does not depend on what the model
    predicts. The model must be in eval mode.
    """
    assert not model.training, "training mode would move the running statistics"
    chunks = zip(clip_tchw[1:].split(FRAMES_AT_ONCE), labels_tchw[1:].split(FRAMES_AT_ONCE), strict=True)
    found = []
    for frames_nchw, labels_nchw in chunks:
        label_features_nchw = model.encode_labels(labels_nchw.unsqueeze(0)).squeeze(0)
        found.append(kl_per_frame(*model.infer(model.encode_frames(frames_nchw), label_features_nchw)))
    return torch.cat(found)
