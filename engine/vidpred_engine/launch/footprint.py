"""How much of the disk a run takes, from its settings alone; its weights are counted without building the model."""

from itertools import pairwise

from vidpred_engine.settings import RunSettings
from vidpred_engine.store.sample_frames import LARGEST_PICTURES

# Measured and rounded up: what torch adds to each tensor of a file (350), a step logged (320), an epoch logged (800).
TENSOR_BYTES = 400
STEP_RECORD_BYTES = 400
EPOCH_BYTES = 900
FRAME_BYTES = 110  # of each frame's scores in evaluation/ and curves.json
TENSORS = 250  # of the larger of the two models


def run_bytes(settings: RunSettings, weights: int, steps: int, frames: int) -> int:
    """Bytes of a run with weights of so many bytes and so many steps that predicts so many validation frames.

    That is at its largest: with last.pt, best.pt and the new last.pt, which replaces the old one when it is whole.
    Readings of the device come on top, 2.6 MB a day: how long a run takes cannot be known from its settings.
    """
    copies_in_last = 3 + bool(settings.ema_decay)  # weights, Adam's two moments, the averaged weights
    pictures = min(LARGEST_PICTURES, 3 * frames * 3 * settings.frame_height * settings.frame_width)
    return (
        weights * (2 * copies_in_last + 1)
        + steps // settings.log_every * STEP_RECORD_BYTES
        + (settings.epochs + validations(settings)) * EPOCH_BYTES
        + 2 * pictures
        + 2 * frames * FRAME_BYTES
    )


def validations(settings: RunSettings) -> int:
    """How many epochs of a run end with a validation; the last one does in any case."""
    return -(-settings.epochs // settings.validate_every)


def expected_bytes(settings: RunSettings, steps: int, frames: int) -> int:
    """The same before there is a model."""
    return run_bytes(settings, 4 * parameters(settings) + TENSORS * TENSOR_BYTES, steps, frames)


def parameters(settings: RunSettings) -> int:
    """How many numbers the model of these settings trains; held to the models themselves by a test."""
    if settings.model == "unet":
        return _anchored(settings.unet_width, settings.latent_dim)
    return _lab(settings.frame_dim, settings.label_dim, settings.latent_dim, settings.decoder_dim)


def _lab(frame: int, label: int, latent: int, decoder: int) -> int:
    fused = frame + label + latent
    frame_encoder = _stages(3, frame // 8, frame // 4, frame // 2) + _conv(frame // 2, frame, 3)
    label_encoder = _conv(3, label // 2, 7) + _norm(label // 2) + _residual(label // 2, label)
    posterior = _stages(frame + label, latent // 4, latent // 2) + _residual(latent // 2, latent)
    fusion = _depth(fused, fused) + _residual(fused, fused // 4) + _depth(fused // 4, fused // 2)
    fusion += _residual(fused // 2, fused // 2) + _depth(fused // 2, decoder // 2) + _conv(decoder // 2, decoder, 1)
    generator = _depth(decoder, decoder) + _stages(decoder, decoder // 2, decoder // 4, decoder // 8)
    heads = _conv(latent, 2 * latent, 1) + _conv(decoder // 8, 3, 1)
    return frame_encoder + label_encoder + posterior + fusion + generator + heads


def _anchored(width: int, latent: int) -> int:
    widths = [width, 2 * width, 3 * width]
    narrow = [size // 2 for size in widths]
    posterior = _contracting(6, narrow) + _conv(narrow[-1], 2 * latent, 1)
    expanding = _normed(widths[-1], widths[-1]) + _conv(widths[0], 4 * 4, 3)
    expanding += sum(_conv(coarse, fine, 1) + _normed(2 * fine, fine) for fine, coarse in pairwise(widths))
    return posterior + _contracting(9, widths) + _conv(latent, widths[-1], 1) + expanding


def _contracting(channels: int, widths: list[int]) -> int:
    downs = sum(_conv(fine, coarse, 2) for fine, coarse in pairwise(widths))
    return _conv(4 * channels, widths[0], 3) + sum(_normed(width, width) for width in widths) + downs


def _conv(inputs: int, outputs: int, size: int) -> int:
    return (inputs * size * size + 1) * outputs


def _skip(inputs: int, outputs: int) -> int:
    return _conv(inputs, outputs, 1) if inputs != outputs else 0


def _norm(channels: int) -> int:
    return 2 * channels


def _residual(inputs: int, outputs: int) -> int:
    return _conv(inputs, outputs, 3) + _conv(outputs, outputs, 3) + _skip(inputs, outputs)


def _normed(inputs: int, outputs: int) -> int:
    return _norm(inputs) + _norm(outputs) + _residual(inputs, outputs)


def _depth(inputs: int, outputs: int) -> int:
    depthwise = 10 * inputs
    gated = _conv(outputs, 4 * outputs, 1) + _conv(2 * outputs, outputs, 1)
    return _conv(inputs, inputs, 1) + depthwise + _conv(inputs, outputs, 1) + _skip(inputs, outputs) + gated


def _stages(*widths: int) -> int:
    return sum(_residual(narrow, wide) + _depth(wide, wide) for narrow, wide in pairwise(widths))
