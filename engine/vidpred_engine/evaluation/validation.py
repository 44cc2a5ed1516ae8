"""Validation: rollouts of the validation clips with z from the prior, beside both baselines."""

from collections.abc import Callable

import torch
from torch import Tensor

from vidpred_engine.data.packed import PackedSplit
from vidpred_engine.data.source import RunData
from vidpred_engine.evaluation.baselines import mean_frame_psnr, repeat_first_frame_psnr
from vidpred_engine.evaluation.psnr import psnr_per_frame
from vidpred_engine.evaluation.rollout import ZMode, rollout, seeded_noise
from vidpred_engine.models import CVAE
from vidpred_engine.randomness import derive_seed
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import Evaluation, mean


class Validation:
    """The validation clips on the device with the curves of their baselines, computed once.

    The noise of a clip's rollout depends on the run's seed and the clip alone, so that the choice of the best
    checkpoint is not partly chance.
    """

    def __init__(self, data: RunData, settings: RunSettings, device: torch.device) -> None:
        self._data, self._settings, self._device = data, settings, device
        length = settings.validation_frames
        self._clips = [
            (sequence.frames_tchw[:length].to(device), sequence.labels_tchw[:length].to(device))
            for sequence in data.validation.sequences()
        ]
        mean_frame_chw = mean_frame(data.train).to(device)
        self._baselines = [
            (_curve(repeat_first_frame_psnr(_unit(frames))), _curve(mean_frame_psnr(_unit(frames), mean_frame_chw)))
            for frames, _ in self._clips
        ]

    @property
    def clips(self) -> int:
        """How many clips there are."""
        return len(self._clips)

    @property
    def frames(self) -> int:
        """How many frames one validation predicts."""
        return sum(len(frames) - 1 for frames, _ in self._clips)

    def predict(self, model: CVAE, clip: int, z_mode: ZMode, progress: Callable[[int], None] | None = None) -> Tensor:
        """Roll out one clip; returns predicted frames 1..T-1 as (1, T-1, 3, H, W) in [0, 1]."""
        frames, labels = (_unit(part) for part in self._clips[clip])
        seed = derive_seed(self._settings.seed, "validation", clip)
        shape = (self._settings.latent_dim, *frames.shape[-2:])
        noise = seeded_noise([seed], shape, self._device)
        return rollout(model, frames[:, 0], labels, noise, z_mode=z_mode, clip_btchw=frames, progress=progress)

    def strips(self, model: CVAE, clip: int, progress: Callable[[int, int], None]) -> list[Tensor]:
        """Truth, prediction (z from the prior) and pose of frames 1..T-1 of a clip, each (T-1, 3, H, W) in [0, 1]."""
        frames, labels = (_unit(part)[0, 1:] for part in self._clips[clip])
        predicted = self.predict(model, clip, "prior", lambda t: progress(t, len(frames)))
        return [frames, predicted[0], labels]

    def evaluate(
        self,
        model: CVAE,
        *,
        step: int,
        weights: str,
        checkpoint: str = "best",
        z_mode: ZMode = "prior",
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Evaluation]:
        """Score every clip; `progress(done, total)` is called after each frame and may raise to interrupt."""
        was_training = model.training
        model.eval()
        evaluations: list[Evaluation] = []
        done = 0
        for clip, (frames, _) in enumerate(self._clips):

            def advance(t: int, before: int = done) -> None:
                if progress is not None:
                    progress(before + t, self.frames)

            predicted = self.predict(model, clip, z_mode, advance)
            done += predicted.shape[1]
            repeat_first, always_mean = self._baselines[clip]
            evaluations.append(
                Evaluation(
                    split="val",
                    clip=clip,
                    z_mode=z_mode,
                    samples=1,
                    seed=self._settings.seed,
                    checkpoint=checkpoint,
                    step=step,
                    weights=weights,
                    data_digest=self._data.validation.digest,
                    psnr=_curve(psnr_per_frame(predicted, _unit(frames)[:, 1:])),
                    repeat_first=repeat_first,
                    mean_frame=always_mean,
                )
            )
        model.train(was_training)
        return evaluations


def mean_frame(packed: PackedSplit) -> Tensor:
    """The mean of all frames of a split, (3, H, W) in [0, 1]."""
    return packed.frames_nchw.sum(0, dtype=torch.int64).float() / (255 * len(packed.frames_nchw))


def mean_figures(evaluations: list[Evaluation]) -> dict[str, float]:
    """psnr, repeat_first and mean_frame: each the mean over clips of the mean over frames, in dB."""
    means = [evaluation.means() for evaluation in evaluations]
    return {name: mean([figures[name] for figures in means]) for name in means[0]}


def _unit(frames_tchw: Tensor) -> Tensor:
    return frames_tchw.unsqueeze(0).float() / 255


def _curve(psnr_bt: Tensor) -> list[float]:
    return [round(value, 6) for value in psnr_bt[0].tolist()]
