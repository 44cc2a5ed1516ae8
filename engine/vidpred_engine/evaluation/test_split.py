"""Predicting and drawing the test split: whole sequences of which only the first frame is known."""

from collections import defaultdict
from pathlib import Path

import torch
from torch import Tensor

from vidpred_engine.data.packed import PackedSequence, PackedSplit
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.gif import write_gif
from vidpred_engine.evaluation.rollout import rollout, seeded_noise
from vidpred_engine.evaluation.run_model import RunModel
from vidpred_engine.progress import Report
from vidpred_engine.randomness import derive_seed


def predict_test(loaded: RunModel, test: PackedSplit, device: torch.device, report: Report) -> list[Tensor]:
    """Predict every test sequence from its first frame and its pose images, z from the prior.

    Gives a tensor (T, 3, H, W) in [0, 1] a sequence, on the CPU; frame 0 is the given one. Sequences of equal length
    are one batch; a sequence's noise depends on the run's seed and its number alone.

    Raises UserError where there is nothing to predict or a prediction is not finite.
    """
    sequences = test.sequences()
    if min(test.lengths) < 2:
        raise UserError("A test sequence has one pose image only, so there is nothing to predict; add the others.")
    alike: dict[int, list[int]] = defaultdict(list)
    for number, length in enumerate(test.lengths):
        alike[length].append(number)
    total, done = sum(test.lengths) - len(sequences), 0
    predicted: dict[int, Tensor] = {}
    for length, numbers in alike.items():
        clips_btchw = _predict_alike(loaded, sequences, numbers, device, report, done, total)
        done += (length - 1) * len(numbers)
        predicted |= dict(zip(numbers, clips_btchw.cpu(), strict=True))
    for number, clip_tchw in predicted.items():
        if not clip_tchw.isfinite().all():
            raise UserError(
                f"The prediction of {sequences[number].name} holds NaN; this checkpoint has diverged, take another."
            )
    return [predicted[number] for number in range(len(sequences))]


def draw_test(csv: Path, predicted_tchw: list[Tensor], test: PackedSplit, scale: int, report: Report) -> None:
    """Write a GIF of each predicted sequence beside the CSV file: truth where it is known | prediction | pose."""
    for number, (sequence, prediction) in enumerate(zip(test.sequences(), predicted_tchw, strict=True)):
        truth, pose = sequence.frames_tchw / 255, sequence.labels_tchw / 255
        strips = [truth, prediction, pose] if len(truth) == len(pose) else [prediction, pose]
        write_gif(csv.with_name(f"{csv.stem}_pred_seq{number}.gif"), strips, scale)
        report(number + 1, len(predicted_tchw))


def _predict_alike(
    loaded: RunModel,
    sequences: tuple[PackedSequence, ...],
    numbers: list[int],
    device: torch.device,
    report: Report,
    done: int,
    total: int,
) -> Tensor:
    first_bchw = torch.stack([sequences[number].frames_tchw[0] for number in numbers]).to(device) / 255
    labels_btchw = torch.stack([sequences[number].labels_tchw for number in numbers]).to(device) / 255
    settings = loaded.settings
    noise = seeded_noise(
        [derive_seed(settings.seed, "test", number) for number in numbers],
        loaded.model.latent_shape(*first_bchw.shape[-2:]),
        device,
    )
    predicted_btchw = rollout(
        loaded.model,
        first_bchw,
        labels_btchw,
        noise,
        z_mode="prior" if settings.latent else "zero",
        progress=lambda t: report(done + t * len(numbers), total),
    )
    return torch.cat((first_bchw[:, None], predicted_btchw), dim=1)
