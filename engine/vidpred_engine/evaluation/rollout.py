"""Rollout: predict a whole sequence from its first frame, each frame from the previous prediction."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from vidpred_engine.errors import UserError
from vidpred_engine.models.interface import VideoModel
from vidpred_engine.randomness import derive_seed

ZMode = Literal["prior", "posterior", "posterior-mean", "zero"]

# Label features of 64 steps take 17 MB a sequence at the lab's size, where those of all 629 would take 165 MB.
LABEL_CHUNK = 64


def seeded_noise(
    seeds: Sequence[int], shape_nhw: tuple[int, int, int], device: torch.device | str
) -> Callable[[int], Tensor]:
    """Make the noise of a rollout of one sequence a seed: a function of the time step, (B, Z, H, W) from N(0, I).

    Each sequence's noise depends on its own seed and the step alone, so neither batch size nor order changes a result.
    It is drawn on the CPU, so that every device sees the same.
    """

    def draw(seed: int, t: int) -> Tensor:
        generator = torch.Generator().manual_seed(derive_seed(seed, "rollout", t))
        return torch.randn(shape_nhw, generator=generator)

    return lambda t: torch.stack([draw(seed, t) for seed in seeds]).to(device)


@torch.inference_mode()
def rollout(
    model: VideoModel,
    first_frame_bchw: Tensor,
    labels_btchw: Tensor,
    noise: Callable[[int], Tensor],
    *,
    z_mode: ZMode = "prior",
    clip_btchw: Tensor | None = None,
    progress: Callable[[int], None] | None = None,
) -> Tensor:
    """Predict frames 1..T-1 from the first frame and the pose images (label 0 is not used).

    Shapes: first frame (B, 3, H, W) and labels (B, T, 3, H, W) in [0, 1] -> (B, T-1, 3, H, W) clamped to [0, 1], NaN
    where a value is not finite. Labels and true clip may also have batch 1 while B is larger: all B are then rollouts
    of that one clip, and what does not depend on z is computed once. As in the lab the raw prediction is fed back;
    clamping touches what is returned alone.

    `noise(t)` gives the N(0, I) draw (B, Z, H, W) of step t, from 1 to T-1. z is that draw ("prior", the protocol to
    quote), 0 ("zero"), or comes from the posterior of the true frame in `clip_btchw` (B, T, 3, H, W): a sample of it
    ("posterior") or its mean ("posterior-mean"); those two see the frame that they predict.
    `progress(t)` is called after each frame and may raise to interrupt.

    Raises UserError where a posterior mode has no true clip. The model must be in eval mode.
    """
    assert not model.training, "a rollout in training mode would move the running statistics"
    if z_mode.startswith("posterior") and clip_btchw is None:
        raise UserError(f"The z mode '{z_mode}' needs the true frames; use 'prior' or 'zero' where there are none.")

    def latent(t: int, label_features_bchw: Tensor) -> Tensor | None:
        if z_mode == "prior":
            return noise(t)
        if z_mode == "zero":
            return None
        assert clip_btchw is not None
        mu, logvar = model.infer(model.encode_frames(clip_btchw[:, t]), label_features_bchw)
        return _for_all(mu, batch) if z_mode == "posterior-mean" else mu + torch.exp(0.5 * logvar) * noise(t)

    batch, frame_bchw = len(first_frame_bchw), first_frame_bchw
    anchor_features_bchw = model.encode_frames(first_frame_bchw) if model.anchored else None
    predicted_bchw: list[Tensor] = []
    for chunk_btchw in torch.split(labels_btchw[:, 1:], LABEL_CHUNK, dim=1):
        for label_features_bchw in model.encode_labels(chunk_btchw).unbind(1):
            t = len(predicted_bchw) + 1
            z_bnhw = latent(t, label_features_bchw)
            previous_bchw, label_features_bchw = model.encode_frames(frame_bchw), _for_all(label_features_bchw, batch)
            frame_bchw = model.decode(previous_bchw, label_features_bchw, z_bnhw, anchor_features_bchw)
            predicted_bchw.append(frame_bchw.clamp(0, 1).where(frame_bchw.isfinite(), torch.nan))
            if progress is not None:
                progress(t)
    return torch.stack(predicted_bchw, dim=1)


def _for_all(one_or_batch_nchw: Tensor, batch: int) -> Tensor:
    return one_or_batch_nchw.expand(batch, -1, -1, -1)
