"""Validation: rollouts of the clips of a split, scored frame by frame beside both baselines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from vidpred_engine.data.packed import PackedSplit
from vidpred_engine.data.source import RunData
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.baselines import repeat_first_frame, repeat_mean_frame
from vidpred_engine.evaluation.divergence import posterior_kl
from vidpred_engine.evaluation.gif import to_pixels
from vidpred_engine.evaluation.psnr import psnr_per_frame
from vidpred_engine.evaluation.rollout import ZMode, rollout, seeded_noise
from vidpred_engine.evaluation.scores import Scores, score
from vidpred_engine.models import VideoModel
from vidpred_engine.randomness import derive_seed
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import NO_LATENT, Evaluation, mean
from vidpred_engine.store.sample_frames import SampleFrames

EvaluatedSplit = Literal["val", "test"]
NOISE_PURPOSE = {"val": "validation", "test": "test"}
SAMPLED_MODES = ("prior", "posterior")  # the others give the same rollout each time

# Samples rolled out as one batch: few enough that their predictions take at most 256 MB of float32.
SAMPLES_AT_ONCE = 16
VALUES_AT_ONCE = 2**26


@dataclass(frozen=True)
class _Clip:
    """A clip whose frames are all known, uint8 on the device; its number is its place in the split."""

    number: int
    frames_tchw: Tensor
    labels_tchw: Tensor


class Validation:
    """The clips of the validation split (or of the test split, where its true frames are known) on the device.

    The noise of a rollout depends on the run's seed, the clip and the sample alone, so that the choice of the best
    checkpoint is not partly chance, and no figure depends on how many samples or clips there are. In a run whose latent
    is off z is 0 in every rollout; its evaluations say so by the z mode "off".
    """

    def __init__(
        self, data: RunData, settings: RunSettings, device: torch.device, *, split: EvaluatedSplit = "val"
    ) -> None:
        """Take the clips of `data.validation`, which for "test" holds the test split.

        Raises UserError where not one clip has true frames.
        """
        self._data, self._settings, self._device, self._split = data, settings, device, split
        length = settings.validation_frames
        self._clips = [
            _Clip(number, sequence.frames_tchw[:length].to(device), sequence.labels_tchw[:length].to(device))
            for number, sequence in enumerate(data.validation.sequences())
            if len(sequence.frames_tchw) == len(sequence.labels_tchw)
        ]
        if not self._clips:
            raise UserError(
                f"No clip of the {split} split has true frames to score predictions against; put them into "
                f"{split}/{split}_truth, or look at the predictions with `vidpred-engine predict`."
            )

    @property
    def clips(self) -> int:
        """How many clips there are."""
        return len(self._clips)

    @property
    def frames(self) -> int:
        """How many frames one validation predicts."""
        return sum(len(clip.frames_tchw) - 1 for clip in self._clips)

    @cached_property
    def _baselines(self) -> list[tuple[Scores, Scores]]:
        mean_frame_chw = mean_frame(self._data.train).to(self._device)
        clips_tchw = [_unit(clip.frames_tchw) for clip in self._clips]
        return [
            (
                score(repeat_first_frame(clip_tchw), clip_tchw[1:]),
                score(repeat_mean_frame(clip_tchw, mean_frame_chw), clip_tchw[1:]),
            )
            for clip_tchw in clips_tchw
        ]

    def predict(
        self,
        model: VideoModel,
        clip: int,
        z_mode: ZMode,
        progress: Callable[[int], None] | None = None,
        *,
        samples: Sequence[int] = (0,),
    ) -> Tensor:
        """Roll out one clip for each of the samples, as one batch; raises UserError where the run has no such z.

        Returns predicted frames 1..T-1 as (samples, T-1, 3, H, W) in [0, 1].
        """
        self._refuse_without_latent(z_mode)
        frames_btchw = _unit(self._clips[clip].frames_tchw).unsqueeze(0)
        labels_btchw = _unit(self._clips[clip].labels_tchw).unsqueeze(0)
        shape = model.latent_shape(*frames_btchw.shape[-2:])
        return rollout(
            model,
            frames_btchw[:, 0].expand(len(samples), -1, -1, -1),
            labels_btchw,
            seeded_noise([self._seed(clip, sample) for sample in samples], shape, self._device),
            z_mode=z_mode if self._settings.latent else "zero",
            clip_btchw=frames_btchw,
            progress=progress,
        )

    def strips(self, model: VideoModel, clip: int, progress: Callable[[int, int], None]) -> list[Tensor]:
        """Truth, prediction (z from the prior) and pose of frames 1..T-1 of a clip, each (T-1, 3, H, W) in [0, 1]."""
        frames, labels = (_unit(part)[1:] for part in (self._clips[clip].frames_tchw, self._clips[clip].labels_tchw))
        predicted = self.predict(model, clip, "prior", lambda t: progress(t, len(frames)))
        return [frames, predicted[0], labels]

    def sample_frames(
        self, clip: int, predicted_tchw: Tensor, *, step: int, weights: str, checkpoint: str
    ) -> SampleFrames:
        """A rollout of a clip (T-1, 3, H, W), z from the prior, as pictures beside truth and pose."""
        truth_tchw, pose_tchw = self._clips[clip].frames_tchw[1:], self._clips[clip].labels_tchw[1:]
        return SampleFrames(
            split=self._split,
            clip=self._clips[clip].number,
            z_mode="prior" if self._settings.latent else NO_LATENT,
            seed=self._settings.seed,
            checkpoint=checkpoint,
            step=step,
            weights=weights,
            data_digest=self._data.validation.digest,
            psnr=_curve(psnr_per_frame(predicted_tchw, _unit(truth_tchw))),
            truth=to_pixels(truth_tchw),
            prediction=to_pixels(predicted_tchw),
            pose=to_pixels(pose_tchw),
        )

    def divergences(self, model: VideoModel, progress: Callable[[int, int], None]) -> list[list[float]]:
        """The KL of the posterior to the prior of every clip, in nats a frame; no curve where the latent is off."""
        if not self._settings.latent:
            return [[] for _ in self._clips]
        found: list[list[float]] = []
        done = 0
        for clip in self._clips:

            def advance(t: int, before: int = done) -> None:
                progress(before + t, self.frames)

            kl = posterior_kl(model, _unit(clip.frames_tchw), _unit(clip.labels_tchw), advance)
            found.append(_curve(kl.double()))
            done += len(kl)
        return found

    def evaluate(
        self,
        model: VideoModel,
        *,
        step: int,
        weights: str,
        checkpoint: str = "best",
        z_mode: ZMode = "prior",
        samples: int = 1,
        progress: Callable[[int, int], None] | None = None,
        predicted: Callable[[int, Tensor], None] | None = None,
    ) -> list[Evaluation]:
        """Score every clip, KL apart; `progress(done, total)` is called after each frame and may raise to interrupt.

        `predicted(clip, frames_tchw)` is given what sample 0 of each clip predicts, for those who want to see it.
        Raises UserError where the run has no such z, or where several samples of it would all be the same.
        """
        self._refuse_without_latent(z_mode)
        if samples > 1 and not (self._settings.latent and z_mode in SAMPLED_MODES):
            reason = f"with z mode '{z_mode}'" if self._settings.latent else "without a latent"
            raise UserError(f"There is but one rollout {reason}, so it takes 1 sample, not {samples}.")
        was_training = model.training
        model.eval()
        scores: list[list[Scores]] = []
        done = 0
        for index, clip in enumerate(self._clips):

            def advance(t: int, before: int = done) -> None:
                if progress is not None:
                    progress(before + t, samples * self.frames)

            scores.append(self._scores(model, index, z_mode, samples, advance, predicted))
            done += samples * (len(clip.frames_tchw) - 1)
        model.train(was_training)
        return [
            Evaluation(
                split=self._split,
                clip=clip.number,
                z_mode=z_mode if self._settings.latent else NO_LATENT,
                samples=samples,
                seed=self._settings.seed,
                checkpoint=checkpoint,
                step=step,
                weights=weights,
                data_digest=self._data.validation.digest,
                **_model_curves(of_samples),
                **_baseline_curves(*baselines),
            )
            for clip, of_samples, baselines in zip(self._clips, scores, self._baselines, strict=True)
        ]

    def _scores(
        self,
        model: VideoModel,
        clip: int,
        z_mode: ZMode,
        samples: int,
        progress: Callable[[int], None],
        predicted: Callable[[int, Tensor], None] | None,
    ) -> list[Scores]:
        """Score each sample of a clip, a batch of them at a time; `progress` is called with the frames done."""
        truth_tchw = _unit(self._clips[clip].frames_tchw)[1:]
        at_once = max(1, min(SAMPLES_AT_ONCE, VALUES_AT_ONCE // truth_tchw.numel()))
        scores: list[Scores] = []
        for start in range(0, samples, at_once):
            chunk = range(start, min(start + at_once, samples))

            def advance(t: int, chunk: range = chunk) -> None:
                progress(chunk.start * len(truth_tchw) + t * len(chunk))

            predicted_stchw = self.predict(model, clip, z_mode, advance, samples=chunk)
            if predicted is not None and start == 0:
                predicted(clip, predicted_stchw[0])
            scores += [score(predicted_tchw, truth_tchw) for predicted_tchw in predicted_stchw]
        return scores

    def _seed(self, clip: int, sample: int) -> int:
        place = (self._clips[clip].number, sample) if sample else (self._clips[clip].number,)
        return derive_seed(self._settings.seed, NOISE_PURPOSE[self._split], *place)

    def _refuse_without_latent(self, z_mode: ZMode) -> None:
        if z_mode.startswith("posterior") and not self._settings.latent:
            raise UserError(f"This run's setting 'latent' is off, so there is no z of mode '{z_mode}'; leave --z out.")


def mean_frame(packed: PackedSplit) -> Tensor:
    """The mean of all frames of a split, (3, H, W) in [0, 1]."""
    return packed.frames_nchw.sum(0, dtype=torch.int64).float() / (255 * len(packed.frames_nchw))


def mean_figures(evaluations: list[Evaluation]) -> dict[str, float]:
    """psnr, repeat_first and mean_frame: each the mean over clips of the mean over frames, in dB."""
    means = [evaluation.means() for evaluation in evaluations]
    return {name: mean([figures[name] for figures in means]) for name in means[0]}


def _model_curves(samples: list[Scores]) -> dict[str, Any]:
    """The model's fields of `Evaluation`: means over the samples and, where there are several, how they spread."""
    psnr_st = torch.stack([scores.psnr for scores in samples])
    curves = {
        "psnr": _curve(psnr_st.mean(0)),
        "ssim": _curve(torch.stack([scores.ssim for scores in samples]).mean(0)),
        "lab_score": mean([scores.lab_score for scores in samples]),
    }
    if len(samples) > 1:
        of_clip_s = psnr_st.mean(1)
        low, high = psnr_st.quantile(torch.tensor([0.025, 0.975], dtype=psnr_st.dtype), dim=0)
        curves |= {
            "sample_psnr": _curve(of_clip_s),
            "psnr_best": _curve(psnr_st[of_clip_s.argmax()]),
            "psnr_low": _curve(low),
            "psnr_high": _curve(high),
        }
    return curves


def _baseline_curves(repeat_first: Scores, always_mean: Scores) -> dict[str, Any]:
    """The baselines' fields of `Evaluation`."""
    return {
        "repeat_first": _curve(repeat_first.psnr),
        "mean_frame": _curve(always_mean.psnr),
        "ssim_repeat_first": _curve(repeat_first.ssim),
        "ssim_mean_frame": _curve(always_mean.ssim),
        "lab_score_repeat_first": repeat_first.lab_score,
        "lab_score_mean_frame": always_mean.lab_score,
    }


def _unit(images_uint8: Tensor) -> Tensor:
    return images_uint8.float() / 255


def _curve(values_t: Tensor) -> list[float]:
    return [round(value, 6) for value in values_t.tolist()]
