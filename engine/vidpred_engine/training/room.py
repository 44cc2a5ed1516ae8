"""How much of the disk a run will take, told before it trains."""

import shutil

from torch import nn

from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.sample_frames import LARGEST_PICTURES

# Measured and rounded up: what torch adds to each tensor of a file (350), a step logged (320), an epoch logged (800).
TENSOR_BYTES = 400
STEP_RECORD_BYTES = 400
EPOCH_BYTES = 900
FRAME_BYTES = 110  # of each frame's scores in evaluation/ and curves.json


def refuse_without_room(run: RunDirectory, needed: int) -> None:
    """Raise UserError where the file system has less room than the run, of which a part may be there, still needs."""
    there = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
    missing, free = needed - there, shutil.disk_usage(run.path).free
    if missing > free:
        raise UserError(
            f"Run {run.run_id} needs about {_megabytes(missing)} more in {run.path.parent}, where {_megabytes(free)} "
            f"are free; make room and resume it, or start it in another folder of runs."
        )


def room_needed(settings: RunSettings, model: nn.Module, steps: int, frames: int) -> int:
    """Bytes of a run of so many steps that predicts so many validation frames, as it is at its largest.

    That is with last.pt, best.pt and the new last.pt, which replaces the old one when it is whole.
    """
    tensors = list(model.state_dict().values())
    weights: int = sum(tensor.nbytes + TENSOR_BYTES for tensor in tensors)
    copies_in_last = 3 + bool(settings.ema_decay)  # weights, Adam's two moments, the averaged weights
    pictures = min(LARGEST_PICTURES, 3 * frames * 3 * settings.frame_height * settings.frame_width)
    validations = settings.epochs // settings.validate_every + 1
    return (
        weights * (2 * copies_in_last + 1)
        + steps // settings.log_every * STEP_RECORD_BYTES
        + (settings.epochs + validations) * EPOCH_BYTES
        + 2 * pictures
        + 2 * frames * FRAME_BYTES
    )


def _megabytes(size: int) -> str:
    return f"{max(size, 0) / 1e6:,.1f} MB"
