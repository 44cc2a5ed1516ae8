"""The terms of the training loss."""

import torch
from torch import Tensor


def mse_per_frame(predicted_nchw: Tensor, truth_nchw: Tensor) -> Tensor:
    """Give the mean squared error of each frame over its values.

    Shapes: (N, C, H, W) both -> (N,), in float32, or float64 where the truth is.
    """
    return (_widened(predicted_nchw) - _widened(truth_nchw)).square().mean((-3, -2, -1))


def l1_per_frame(predicted_nchw: Tensor, truth_nchw: Tensor) -> Tensor:
    """Give the mean absolute error of each frame over its values.

    Shapes: (N, C, H, W) both -> (N,), in float32, or float64 where the truth is.
    """
    return (_widened(predicted_nchw) - _widened(truth_nchw)).abs().mean((-3, -2, -1))


def kl_to_prior(mu_nchw: Tensor, logvar_nchw: Tensor) -> Tensor:
    """Give the KL divergence from N(mu, exp(logvar)) to N(0, I), summed over the latent, averaged over the first axis.

    Shapes: (N, Z, H, W) both -> scalar, in float32 or float64, whatever autocast does.
    """
    return kl_per_frame(mu_nchw, logvar_nchw).mean()


def kl_per_frame(mu_nchw: Tensor, logvar_nchw: Tensor) -> Tensor:
    """Give the KL divergence from N(mu, exp(logvar)) to N(0, I) of each frame, summed over the latent, in nats.

    Shapes: (N, Z, H, W) both -> (N,), in float32 or float64, whatever autocast does. expm1 keeps what
    1 + logvar - exp(logvar) would cancel away near logvar 0.
    """
    mu, logvar = _widened(mu_nchw), _widened(logvar_nchw)
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar).sum((-3, -2, -1))


def _widened(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))
