"""How much of the disk a run will take, told before it trains."""

import shutil

from torch import nn

from vidpred_engine.errors import UserError
from vidpred_engine.launch.footprint import TENSOR_BYTES, run_bytes
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.run_directory import RunDirectory


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
    weights: int = sum(tensor.nbytes + TENSOR_BYTES for tensor in model.state_dict().values())
    return run_bytes(settings, weights, steps, frames)


def _megabytes(size: int) -> str:
    return f"{max(size, 0) / 1e6:,.1f} MB"
