"""The losses of one training step: the report's, computed for all time steps at once wherever that is exact."""

from dataclasses import dataclass

import torch
from torch import Tensor

from vidpred_engine.evaluation.psnr import psnr_per_frame
from vidpred_engine.models.interface import VideoModel
from vidpred_engine.training.losses import kl_to_prior, l1_per_frame, mse_per_frame


@dataclass(frozen=True)
class ClipLosses:
    """Means over the predicted frames 1..T-1 of a batch of clips, as scalars on the model's device.

    mse, l1 and kl carry gradients (kl is 0 where the latent is off); psnr, the mean of per-frame dB on clamped
    predictions, does not.
    """

    mse: Tensor
    l1: Tensor
    kl: Tensor
    psnr: Tensor


def clip_losses(
    model: VideoModel,
    clip_btchw: Tensor,
    labels_btchw: Tensor,
    noise_tbnhw: Tensor | None,
    *,
    teacher_forcing: bool,
    detach_previous: bool = False,
    previous_noise_tbchw: Tensor | None = None,
    anchor_bchw: Tensor | None = None,
) -> ClipLosses:
    """Predict frames 1..T-1 of each clip with z from the posterior, and compare.

    Shapes: clip and labels (B, T, 3, H, W) in [0, 1], noise (T-1, B, Z, H, W) from N(0, I), or None for z = 0 and no
    KL. With teacher forcing each frame is predicted from the true previous one, to which `previous_noise_tbchw`
    (T-1, B, 3, H, W) is added where given, else from the model's own, with the gradient flowing through it unless
    detached; the first always from the true frame 0. Equal to the report's training_one_step frame by frame: only what
    depends on the last prediction loops, and label 0 is never encoded (it would move the label encoder's running
    statistics). A model that is anchored sees `anchor_bchw` (B, 3, H, W), or frame 0 where there is none.
    """
    batch = len(clip_btchw)
    # Time first, flattened: step t of all clips is one slice, taken without a copy.
    frames_nchw = clip_btchw.transpose(0, 1).flatten(0, 1)
    truth_nchw = frames_nchw[batch:]
    label_features_nchw = model.encode_labels(labels_btchw[:, 1:]).transpose(0, 1).flatten(0, 1)
    # What is encoded in one call: the previous frames first, the true ones last. They overlap, unless noise tells them
    # apart, so that each is encoded once.
    previous = len(truth_nchw) if teacher_forcing else batch
    if teacher_forcing and previous_noise_tbchw is not None:
        frames_nchw = torch.cat((frames_nchw[:-batch] + previous_noise_tbchw.flatten(0, 1), truth_nchw))
    if noise_tbnhw is None:
        previous_features_nchw = model.encode_frames(frames_nchw[:previous])
        z_nchw, kl = None, truth_nchw.new_zeros(())
    else:
        features_nchw = model.encode_frames(frames_nchw)
        previous_features_nchw = features_nchw[:previous]
        mu, logvar = model.infer(features_nchw[-len(truth_nchw) :], label_features_nchw)
        z_nchw, kl = mu + torch.exp(0.5 * logvar) * noise_tbnhw.flatten(0, 1), kl_to_prior(mu, logvar)
    anchor_features_bchw = None
    if model.anchored:
        anchor_features_bchw = model.encode_frames(clip_btchw[:, 0] if anchor_bchw is None else anchor_bchw)
    if teacher_forcing:
        steps = len(truth_nchw) // batch
        anchors_nchw = anchor_features_bchw.repeat(steps, 1, 1, 1) if anchor_features_bchw is not None else None
        predicted_nchw = model.decode(previous_features_nchw, label_features_nchw, z_nchw, anchors_nchw)
    else:
        predicted_nchw = _run_free(
            model,
            previous_features_nchw,
            label_features_nchw,
            z_nchw,
            anchor_features_bchw,
            detach=detach_previous,
        )
    return ClipLosses(
        mse=mse_per_frame(predicted_nchw, truth_nchw).mean(),
        l1=l1_per_frame(predicted_nchw, truth_nchw).mean(),
        kl=kl,
        psnr=psnr_per_frame(predicted_nchw.detach(), truth_nchw).mean(),
    )


def _run_free(
    model: VideoModel,
    first_features_bchw: Tensor,
    label_features_nchw: Tensor,
    z_nchw: Tensor | None,
    anchor_features_bchw: Tensor | None,
    *,
    detach: bool,
) -> Tensor:
    """Predict step after step, each from the previous prediction; flattened time first like the inputs."""
    batch = len(first_features_bchw)
    predicted: list[Tensor] = []
    # split, not slices: its backward writes each part once, where a slice's fills the whole with zeros.
    labels = torch.split(label_features_nchw, batch)
    latents = [None] * len(labels) if z_nchw is None else torch.split(z_nchw, batch)
    previous_bchw = first_features_bchw
    for label_features_bchw, z_bchw in zip(labels, latents, strict=True):
        if predicted:
            previous_bchw = model.encode_frames(predicted[-1].detach() if detach else predicted[-1])
        predicted.append(model.decode(previous_bchw, label_features_bchw, z_bchw, anchor_features_bchw))
    return torch.cat(predicted)
