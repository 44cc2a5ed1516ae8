"""Checkpoints: self-describing files, replaced atomically and loaded weights-only."""

import pickle
from pathlib import Path
from typing import Any

import torch

from vidpred_engine.errors import UserError
from vidpred_engine.store.atomic import replacing

FORMAT = 1
LAST, BEST = "last.pt", "best.pt"


def save_checkpoint(path: Path, content: dict[str, Any]) -> None:
    """Save `content` (tensors and plain values) under a temporary name, flush it and rename it onto `path`."""
    with replacing(path) as temporary:
        torch.save({"format": FORMAT, **content}, temporary)


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Load a checkpoint; nothing in the file can run code. Raises UserError where there is none or it is damaged."""
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except FileNotFoundError:
        raise UserError(f"There is no checkpoint {path}; the run has not saved one yet.") from None
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        raise UserError(f"The checkpoint {path} cannot be read: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict) or not isinstance(content.get("format"), int):
        raise UserError(f"{path} is no vidpred checkpoint.")
    if content["format"] > FORMAT:
        raise UserError(f"{path} has format {content['format']}, this vidpred reads up to {FORMAT}; use a newer one.")
    return content
