"""The engine, through the very functions that train and evaluate a run."""

import numpy as np
import torch

from vidpred_engine.bench.literal import modern_state
from vidpred_engine.bench.literal_side import literal_model
from vidpred_engine.bench.roofline import peak_tflops
from vidpred_engine.bench.side import KL_SHARE, Array, Probe, Side, as_array
from vidpred_engine.data.clips import Indices, batches
from vidpred_engine.data.source import open_run_data
from vidpred_engine.evaluation.rollout import rollout, seeded_noise
from vidpred_engine.progress import Progress
from vidpred_engine.randomness import derive_seed
from vidpred_engine.settings import RunSettings
from vidpred_engine.training.clips import TrainingClips
from vidpred_engine.training.learner import Learner, posterior_noise
from vidpred_engine.training.memory import keep_freed_memory
from vidpred_engine.training.step import clip_losses
from vidpred_engine.training.tally import Tally


class EngineSide(Side):
    """Packed clips on the device, all time steps at once where that is exact, several samples as one batch."""

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(settings)
        if self.device.type == "cpu":
            keep_freed_memory()
        data = open_run_data(settings, Progress())
        self._clips = TrainingClips(settings, data.train, self.device)
        self._validation = data.validation.sequences()[0]
        self._learner = Learner(settings, self.device)
        self._batches = self._clips.batches(0)
        self._tally = Tally()
        self._step = 0

    def take_literal_weights(self) -> None:
        """Begin with the weights that the literal side begins with."""
        self._learner.model.load_state_dict(modern_state(literal_model(self.settings)))

    def clips(self) -> int:
        """How many training clips whole batches hold."""
        return len(self._batches) * self.settings.batch_size

    def predictable_frames(self) -> int:
        """How many frames of the validation clip can be predicted."""
        return len(self._validation.frames_tchw) - 1

    def peak_tflops(self) -> dict[str, float]:
        """The device's measured speed in this precision."""
        return peak_tflops(self.device, self.settings.precision)

    def probe(self, forced: bool) -> Probe:
        clip_btchw, labels_btchw = self._take(self._batches[0])
        latent_shape = self._learner.model.latent_shape(*clip_btchw.shape[-2:])
        noise = posterior_noise(clip_btchw.shape, latent_shape, seed=self.settings.seed, step=0)
        model = self._learner.model.train()
        losses = clip_losses(model, clip_btchw, labels_btchw, noise.to(self.device), teacher_forcing=forced)
        model.zero_grad()
        torch.autograd.backward(losses.mse + KL_SHARE * losses.kl)
        gradients = {name: as_array(weight.grad) for name, weight in model.named_parameters()}
        mse, kl, psnr = (value.item() for value in (losses.mse, losses.kl, losses.psnr))
        return Probe(as_array(clip_btchw), as_array(labels_btchw), mse, kl, psnr, gradients)

    def predict(self, frames: int) -> Array:
        return as_array(self._predict(frames, [self.settings.seed])[0])

    def train_step(self, forced: bool) -> None:
        clip_btchw, labels_btchw = self._take(self._batches[self._step % len(self._batches)])
        values = self._learner.step(
            clip_btchw, labels_btchw, self._step, forced=forced, beta=self.settings.beta_max, rate=self.settings.lr
        )
        self._tally.add(**values)
        self._step += 1

    def read_clips(self, clips: int, workers: int) -> None:  # noqa: ARG002 - nothing is left for a worker to do
        for batch in batches(np.arange(clips), self.settings.batch_size):
            self._take(batch)

    def _take(self, batch: Indices) -> tuple[torch.Tensor, torch.Tensor]:
        return self._clips.take(batch, epoch=0, step=self._step, anchored=self._learner.model.anchored)

    def roll_out(self, frames: int, samples: int) -> None:
        seeds = [derive_seed(self.settings.seed, "sample", sample) for sample in range(samples)]
        self._predict(frames, seeds).cpu()

    def _predict(self, frames: int, seeds: list[int]) -> torch.Tensor:
        first, labels = (
            part[: frames + 1].to(self.device)[None].float() / 255
            for part in (self._validation.frames_tchw[:1], self._validation.labels_tchw)
        )
        settings = self.settings
        noise = seeded_noise(seeds, (settings.latent_dim, settings.frame_height, settings.frame_width), self.device)
        return rollout(self._learner.model.eval(), first[:, 0].expand(len(seeds), -1, -1, -1), labels, noise)
