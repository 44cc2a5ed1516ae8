"""What a training step moves: the model, its optimizer and its averaged weights."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel

from vidpred_engine.errors import UserError
from vidpred_engine.models import VideoModel
from vidpred_engine.models.build import build_model
from vidpred_engine.randomness import derive_seed, random_stream
from vidpred_engine.settings import RunSettings
from vidpred_engine.training.graphed_step import GraphedStep, Inputs
from vidpred_engine.training.optimisation import make_optimizer, make_recordable, set_learning_rate
from vidpred_engine.training.step import ClipLosses, clip_losses

CPU = torch.device("cpu")


class Learner:
    """A model in training and its step; weights and noise are functions of the seed and of the step's number.

    On a GPU the step is run as a CUDA graph; where it cannot be, `say` is told.
    """

    def __init__(self, settings: RunSettings, device: torch.device, say: Callable[[str], None] = print) -> None:
        self._settings, self._device = settings, device
        torch.manual_seed(derive_seed(settings.seed, "weights"))
        self.model: VideoModel = build_model(settings).to(device).to(memory_format=torch.channels_last)
        self._latent_shape = self.model.latent_shape(settings.frame_height, settings.frame_width)
        self.optimizer = make_optimizer(settings, self.model)
        self.average = AveragedModel(self.model) if settings.ema_decay else None
        self._graphed = GraphedStep(self._step, self._moved, say) if device.type == "cuda" else None
        if self._graphed is not None:
            make_recordable(self.optimizer, device)

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
        if self._graphed is not None:
            make_recordable(self.optimizer, self._device)
            self._graphed.forget()

    def losses(
        self,
        clip_btchw: Tensor,
        labels_btchw: Tensor,
        noise_tbnhw: Tensor | None,
        previous_noise_tbchw: Tensor | None,
        *,
        forced: bool,
    ) -> ClipLosses:
        """The losses on a batch of clips and labels (B, T, 3, H, W) in [0, 1], with noise as `clip_losses` takes it.

        Where the model is anchored its anchors come as one more frame before each clip.
        """
        anchor_bchw = None
        if self.model.anchored:
            anchor_bchw, clip_btchw = clip_btchw[:, 0], clip_btchw[:, 1:]
        self.model.train()
        with self._autocast():
            return clip_losses(
                self.model,
                clip_btchw,
                labels_btchw,
                noise_tbnhw,
                teacher_forcing=forced,
                detach_previous=self._settings.detach_previous,
                previous_noise_tbchw=previous_noise_tbchw,
                anchor_bchw=anchor_bchw,
            )

    def step(
        self, clip_btchw: Tensor, labels_btchw: Tensor, step: int, *, forced: bool, beta: float, rate: float
    ) -> dict[str, Tensor]:
        """Move the weights once; returns loss, mse, kl, psnr and the gradients' norm before clipping, on the device.

        Where loss or gradients are not finite, all stays as it was: weights, moments, averages and running statistics.
        """
        set_learning_rate(self.optimizer, rate)
        inputs = (clip_btchw, labels_btchw, *self._noises(clip_btchw, step))
        do = self._step if self._graphed is None else self._graphed
        values = do((*inputs, torch.tensor(beta, dtype=clip_btchw.dtype, device=self._device)), forced)
        if self.average is not None:
            self.average.n_averaged += 1
        return values

    def _step(self, inputs: Inputs, forced: bool) -> dict[str, Tensor]:
        """Clips, labels, noise, noise on previous frames and beta to a step that a CUDA graph can hold."""
        clip_btchw, labels_btchw, noise_tbnhw, previous_noise_tbchw, beta = inputs
        assert clip_btchw is not None
        assert labels_btchw is not None
        assert beta is not None
        statistics = [buffer.clone() for buffer in self.model.buffers()]
        losses = self.losses(clip_btchw, labels_btchw, noise_tbnhw, previous_noise_tbchw, forced=forced)
        loss = losses.mse + beta * losses.kl
        if self._settings.loss == "l1+mse":
            loss = loss + losses.l1
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        grad_norm = clip_grad_norm_(self.model.parameters(), self._settings.gradient_clip or float("inf"))
        self._move(loss.isfinite() & grad_norm.isfinite(), statistics)
        values = {"loss": loss, "mse": losses.mse, "kl": losses.kl, "psnr": losses.psnr, "grad_norm": grad_norm}
        return {name: value.detach() for name, value in values.items()}

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
            averages: list[Tensor] = [*self.average.parameters()]
            before = [parameter.clone() for parameter in averages]
            # The first step's weights as they are. That is asked of a number on the host, which no graph need hold.
            share = 1 - self._settings.ema_decay if self.average.n_averaged else 1.0
            torch._foreach_lerp_(averages, [*self.model.parameters()], share)
            _restore(averages, before, unless=sound)
            for average, buffer in zip(self.average.module.buffers(), self.model.buffers(), strict=True):
                average.copy_(buffer)

    def _moved(self) -> tuple[list[Tensor], ...]:
        """All that a step changes in place: weights, moments, running statistics, averages."""
        moments = [value for state in self.optimizer.state.values() for value in state.values()]
        average = [] if self.average is None else [*self.average.module.parameters(), *self.average.module.buffers()]
        groups: tuple[list[Tensor], ...] = ([*self.model.parameters()], moments, [*self.model.buffers()], average)
        return tuple(group for group in groups if group)

    def _noises(self, clip_btchw: Tensor, step: int) -> tuple[Tensor | None, Tensor | None]:
        """Noise for the posterior, and for the true previous frames, as far as the settings want them."""
        batch, length, *frame = clip_btchw.shape
        length -= self.model.anchored
        noise_tbnhw = previous_noise_tbchw = None
        if self._settings.latent:
            shape = torch.Size((batch, length, *frame))
            seed, device = self._settings.seed, self._device
            noise_tbnhw = posterior_noise(shape, self._latent_shape, seed=seed, step=step, device=device)
        if self._settings.previous_noise:
            previous_noise_tbchw = self._previous_noise((length - 1, batch, *frame), step)
        return noise_tbnhw, previous_noise_tbchw

    def _previous_noise(self, shape: tuple[int, ...], step: int) -> Tensor:
        """Noise for true previous frames, of another strength for each, so that weak and strong errors are mended."""
        generator = random_stream(self._settings.seed, "strength of noise on previous frames", step)
        strength = self._settings.previous_noise * generator.random((*shape[:2], 1, 1, 1), dtype=np.float32)
        noise_tbchw = _normal("noise on previous frames", shape, self._settings.seed, step, self._device)
        return noise_tbchw * torch.from_numpy(strength).to(self._device)

    def _autocast(self) -> AbstractContextManager[object]:
        if self._settings.precision == "bf16":
            return torch.autocast(self._device.type, dtype=torch.bfloat16)
        return nullcontext()


def _restore(tensors: Iterable[Tensor], before: Iterable[Tensor], *, unless: Tensor) -> None:
    for tensor, former in zip(tensors, before, strict=True):
        torch.where(unless, tensor, former, out=tensor)


def posterior_noise(
    clip_shape: torch.Size, latent_shape: Sequence[int], *, seed: int, step: int, device: torch.device = CPU
) -> Tensor:
    """The noise with which a step samples z: (T-1, B, *latent_shape) for clips of shape (B, T, 3, H, W).

    Drawn on the device, where a CPU would take as long as a GPU does for the whole step: each kind draws its own.
    """
    batch, length = clip_shape[:2]
    return _normal("noise", (length - 1, batch, *latent_shape), seed, step, device)


def _normal(purpose: str, shape: tuple[int, ...], seed: int, step: int, device: torch.device) -> Tensor:
    generator = torch.Generator(device).manual_seed(derive_seed(seed, purpose, step))
    return torch.randn(shape, generator=generator, device=device)
