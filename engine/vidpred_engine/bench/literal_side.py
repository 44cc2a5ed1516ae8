"""The lab's program, as its users run it."""

import warnings

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim import Adam, AdamW
from torch.utils.data import DataLoader, Subset

from vidpred_engine.bench.literal import LiteralLab, literal_rollout, literal_step, modern_name
from vidpred_engine.bench.literal_data import lab_clips
from vidpred_engine.bench.side import KL_SHARE, Array, Probe, Side, as_array
from vidpred_engine.data.source import open_folder
from vidpred_engine.evaluation.rollout import seeded_noise
from vidpred_engine.progress import Progress
from vidpred_engine.randomness import derive_seed
from vidpred_engine.settings import RunSettings
from vidpred_engine.training.learner import posterior_noise


def literal_model(settings: RunSettings) -> LiteralLab:
    """The lab's model at the sizes of the settings, with weights from their seed."""
    torch.manual_seed(derive_seed(settings.seed, "weights"))
    return LiteralLab(settings.frame_dim, settings.label_dim, settings.latent_dim, settings.decoder_dim)


class LiteralSide(Side):
    """PIL for each PNG in a DataLoader, one frame at a time through the model, Adam; contiguous tensors in float32."""

    def __init__(self, settings: RunSettings) -> None:
        super().__init__(settings)
        folder = open_folder(settings, Progress())
        size = settings.frame_height, settings.frame_width
        self._clips = lab_clips(folder.require("train"), settings.clip_length, *size)
        validation = folder.require("val")[:1]
        frames, labels = lab_clips(validation, len(validation[0].frames), *size)[0]
        self._first, self._labels = frames[None, 0].to(self.device), labels[None].to(self.device)
        self._lab = literal_model(settings).to(self.device)
        kind = {"adam": Adam, "adamw": AdamW}[settings.optimizer]
        self._optim = kind(self._lab.parameters(), lr=settings.lr)
        img, label = next(iter(DataLoader(self._clips, settings.batch_size)))
        self._img, self._label = img.to(self.device), label.to(self.device)

    def probe(self, forced: bool) -> Probe:
        latent_shape = (self.settings.latent_dim, *self._img.shape[-2:])
        noise = posterior_noise(self._img.shape, latent_shape, seed=self.settings.seed, step=0)
        mse, kl, psnr = literal_step(
            self._lab, self._img, self._label, list(noise.to(self.device)), teacher_forcing=forced
        )
        self._optim.zero_grad()
        torch.autograd.backward(mse + KL_SHARE * kl)
        gradients = {modern_name(name): as_array(weight.grad) for name, weight in self._lab.named_parameters()}
        return Probe(as_array(self._img), as_array(self._label), mse.item(), kl.item(), psnr, gradients)

    def predict(self, frames: int) -> Array:
        noise = seeded_noise([self.settings.seed], self._latent_shape, self.device)
        self._lab.eval()
        predicted = literal_rollout(
            self._lab, self._first, self._labels[:, : frames + 1], [noise(t) for t in range(1, frames + 1)]
        )
        return as_array(predicted[0].clamp(0, 1))

    def train_step(self, forced: bool) -> None:
        shape = len(self._img), *self._latent_shape
        noise = [torch.randn(shape, device=self.device) for _ in range(self.settings.clip_length - 1)]
        self._lab.train()
        mse, kl, _ = literal_step(self._lab, self._img, self._label, noise, teacher_forcing=forced)
        loss = mse + self.settings.beta_max * kl
        self._optim.zero_grad()
        torch.autograd.backward(loss)
        clip_grad_norm_(self._lab.parameters(), self.settings.gradient_clip or float("inf"))
        self._optim.step()
        mse.item(), kl.item()  # the lab's progress bar shows them

    def read_clips(self, clips: int, workers: int) -> None:
        # Else this process, being spawned itself, would spawn its workers, and each would import torch first.
        context = "fork" if workers else None
        subset, size = Subset(self._clips, range(clips)), self.settings.batch_size
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="This DataLoader will create")  # 4 where there are fewer cores
            for img, label in DataLoader(subset, size, num_workers=workers, multiprocessing_context=context):
                img.to(self.device), label.to(self.device)

    def roll_out(self, frames: int, samples: int) -> None:
        assert samples == 1, "the lab predicts one sequence at a time"
        self._lab.eval()
        z = [torch.randn(1, *self._latent_shape, device=self.device) for _ in range(frames)]
        literal_rollout(self._lab, self._first, self._labels[:, : frames + 1], z).cpu()

    @property
    def _latent_shape(self) -> tuple[int, int, int]:
        return self.settings.latent_dim, self.settings.frame_height, self.settings.frame_width
