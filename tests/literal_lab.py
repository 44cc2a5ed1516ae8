"""The report's step, frame by frame, with what others have changed in it: the oracle of the engine's rearranged one.

The lab's model and rollout are those that `vidpred-engine bench` measures the engine against: written from the table
of the lab's layers and the report's listing, sharing nothing with the rest of the engine. Attribute names are the
lab's, so `state_dict()` has the shape of a lab checkpoint.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vidpred_engine.bench.literal import MODERN_NAMES, LiteralLab, literal_rollout, modern_state

__all__ = ["MODERN_NAMES", "LiteralLab", "literal_rollout", "literal_step", "modern_state"]


def literal_step(
    lab: LiteralLab,
    img: Tensor,
    label: Tensor,
    noise: Sequence[Tensor],
    *,
    teacher_forcing: bool,
    latent: bool = True,
    l1: bool = False,
    detach: bool = False,
    previous_noise: Sequence[Tensor] | None = None,
) -> tuple[Tensor, Tensor, float]:
    """The report's training_one_step up to the loss terms, with the noise given: mse, kl and the mean per-frame dB.

    On request with z = 0 and no KL, with the L1 loss added to mse, without a gradient through the previous prediction,
    or with noise on the true previous frames.
    """
    batch_size, video_len = img.shape[:2]
    mse = torch.zeros((), dtype=img.dtype)
    kl = torch.zeros((), dtype=img.dtype)
    decibels = []
    predicted = img[:, 0]
    for i in range(1, video_len):
        label_features = lab.label_transformation(label[:, i])
        if latent:
            mu, logvar = lab.gaussian(img[:, i], label_features)
            z = mu + noise[i - 1] * torch.exp(0.5 * logvar)
            kl = kl + -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / batch_size
        else:
            z = torch.zeros_like(noise[i - 1])
        if teacher_forcing:
            previous = img[:, i - 1]
            if previous_noise is not None:
                previous = previous + previous_noise[i - 1]
        else:
            previous = predicted.detach() if detach else predicted
        predicted = lab.predict(previous, label_features, z)
        mse = mse + nn.functional.mse_loss(predicted, img[:, i])
        if l1:
            mse = mse + nn.functional.l1_loss(predicted, img[:, i])
        for one, true in zip(predicted.detach().clamp(0, 1), img[:, i], strict=True):
            decibels.append(-10 * math.log10(float(torch.mean((one - true) ** 2))))
    return mse / (video_len - 1), kl / (video_len - 1), sum(decibels) / len(decibels)
