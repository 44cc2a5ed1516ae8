"""How much the latent tells of the frame being predicted."""

from collections.abc import Callable

import torch
from torch import Tensor

from vidpred_engine.models.interface import VideoModel
from vidpred_engine.training.losses import kl_per_frame

FRAMES_AT_ONCE = 64


@torch.inference_mode()
def posterior_kl(
    model: VideoModel, clip_tchw: Tensor, labels_tchw: Tensor, progress: Callable[[int], None] | None = None
) -> Tensor:
    """Give the KL divergence from the posterior of each true frame 1..T-1 to the prior N(0, I), in nats a frame.

    Shapes: (T, 3, H, W) both, in [0, 1] -> (T-1,), summed over the whole latent. It does not depend on what the model
    predicts. `progress` is called with the frames done. The model must be in eval mode.
    """
    assert not model.training, "training mode would move the running statistics"
    chunks = (torch.split(images_tchw[1:], FRAMES_AT_ONCE) for images_tchw in (clip_tchw, labels_tchw))
    found: list[Tensor] = []
    for frames_nchw, labels_nchw in zip(*chunks, strict=True):
        label_features_nchw = model.encode_labels(labels_nchw.unsqueeze(0)).squeeze(0)
        found.append(kl_per_frame(*model.infer(model.encode_frames(frames_nchw), label_features_nchw)))
        if progress is not None:
            progress(sum(map(len, found)))
    return torch.cat(found)
