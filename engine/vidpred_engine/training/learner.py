"""What a training step moves: the model, its optimizer and its averaged weights."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vidpred_engine.errors import UserError
from vidpred_engine.models import VideoModel
from vidpred_engine.models.build import build_model
from vidpred_engine.randomness import derive_seed, random_stream
from vidpred_engine.settings import RunSettings
from vidpred_engine.training.optimisation import make_optimizer, set_learning_rate
from vidpred_engine.training.step import ClipLosses, clip_losses


class Learner:
    """A model in training and its step; weights and noise are functions of the seed and of the step's number."""

    def __init__(self, settings: RunSettings, device: torch.device) -> None:
        self._settings, self._device = settings, device
        torch.manual_seed(derive_seed(settings.seed, "weights"))
        self.model: VideoModel = build_model(settings).to(device).to(memory_format=torch.channels_last)
        self._latent_shape = self.model.latent_shape(settings.frame_height, settings.frame_width)
        self.optimizer = make_optimizer(settings, self.model)
        self.average = (
            AveragedModel(self.model, multi_avg_fn=get_ema_multi_avg_fn(settings.ema_decay))  # type: ignore[no-untyped-call]
            if settings.ema_decay
            else None
        )

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    @property
    def evaluated(self) -> VideoModel:
        """The model to validate: with averaged weights where they are kept."""
        return self.model if self.average is None else self.average.module  # type: ignore[return-value]

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict() if self.average is not None else None,
            "optimizer": self.optimizer.state_dict(),
        }

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take up a saved state; raises UserError where its weights are not finite, as no step can mend them."""
        if not all(value.isfinite().all() for value in saved["model"].values()):
            raise UserError("The last checkpoint holds weights that are NaN or infinite; start a new run.")
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(saved["average"])

    def losses(self, clip_btchw: Tensor, labels_btchw: Tensor, step: int, *, forced: bool) -> ClipLosses:
        """The losses of step number `step` on a batch of clips and labels (B, T, 3, H, W) in [0, 1].

        Where the model is anchored its anchors come as one more frame before each clip.
        """
        settings, anchor_bchw = self._settings, None
        if self.model.anchored:
            anchor_bchw, clip_btchw = clip_btchw[:, 0], clip_btchw[:, 1:]
        self.model.train()
        with self._autocast():
            return clip_losses(
                self.model,
                clip_btchw,
                labels_btchw,
                self._noise(clip_btchw, step) if settings.latent else None,
                teacher_forcing=forced,
                detach_previous=settings.detach_previous,
                previous_noise_tbchw=self._previous_noise(clip_btchw, step) if settings.previous_noise else None,
                anchor_bchw=anchor_bchw,
            )

    def step(
        self, clip_btchw: Tensor, labels_btchw: Tensor, step: int, *, forced: bool, beta: float, rate: float
    ) -> dict[str, Tensor]:
        """Move the weights once; returns loss, mse, kl, psnr and the gradients' norm before clipping, on the device.

        Where loss or gradients are not finite, all stays as it was: weights, moments, averages and running statistics.
        """
        settings = self._settings
        statistics = [buffer.clone() for buffer in self.model.buffers()]
        set_learning_rate(self.optimizer, rate)
        losses = self.losses(clip_btchw, labels_btchw, step, forced=forced)
        loss = losses.mse + beta * losses.kl
        if settings.loss == "l1+mse":
            loss = loss + losses.l1
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        grad_norm = clip_grad_norm_(self.model.parameters(), settings.gradient_clip or float("inf"))
        self._move(loss.isfinite() & grad_norm.isfinite(), statistics)
        return {"loss": loss, "mse": losses.mse, "kl": losses.kl, "psnr": losses.psnr, "grad_norm": grad_norm}

    @torch.no_grad()
    def _move(self, sound: Tensor, statistics: list[Tensor]) -> None:
        """Let a sound step move the weights and their average; of another one nothing is left.

        The fused optimizer reads `found_inf` on the device (as it does for torch's own GradScaler), and the averages
        are chosen there, so that a GPU never waits for the host to look. An older run may have been saved unfused.
        """
        if self.optimizer.param_groups[0]["fused"]:
            self.optimizer.found_inf = (~sound).float()  # type: ignore[attr-defined]
        elif not sound:
            _restore(self.model.buffers(), statistics, unless=sound)
            return
        self.optimizer.step()
        _restore(self.model.buffers(), statistics, unless=sound)
        if self.average is not None:
            before = [parameter.clone() for parameter in self.average.parameters()]
            self.average.update_parameters(self.model)
            _restore(self.average.parameters(), before, unless=sound)

    def _noise(self, clip_btchw: Tensor, step: int) -> Tensor:
        noise = posterior_noise(clip_btchw.shape, self._latent_shape, seed=self._settings.seed, step=step)
        return noise.to(self._device)

    def _previous_noise(self, clip_btchw: Tensor, step: int) -> Tensor:
        """Noise for true previous frames, of another strength for each, so that weak and strong errors are mended."""
        batch, length, *frame = clip_btchw.shape
        generator = random_stream(self._settings.seed, "strength of noise on previous frames", step)
        strength = self._settings.previous_noise * generator.random((length - 1, batch, 1, 1, 1), dtype=np.float32)
        noise_tbchw = _normal("noise on previous frames", (length - 1, batch, *frame), self._settings.seed, step)
        return (noise_tbchw * torch.from_numpy(strength)).to(self._device)

    def _autocast(self) -> AbstractContextManager[object]:
        if self._settings.precision == "bf16":
            return torch.autocast(self._device.type, dtype=torch.bfloat16)
        return nullcontext()


def _restore(tensors: Iterable[Tensor], before: Iterable[Tensor], *, unless: Tensor) -> None:
    for tensor, former in zip(tensors, before, strict=True):
        torch.where(unless, tensor, former, out=tensor)


def posterior_noise(clip_shape: torch.Size, latent_shape: Sequence[int], *, seed: int, step: int) -> Tensor:
    """The noise with which a step samples z: (T-1, B, *latent_shape) for clips of shape (B, T, 3, H, W).

    Drawn on the CPU, so that every device sees the same.
    """
    batch, length = clip_shape[:2]
    return _normal("noise", (length - 1, batch, *latent_shape), seed, step)


def _normal(purpose: str, shape: tuple[int, ...], seed: int, step: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(derive_seed(seed, purpose, step)))
