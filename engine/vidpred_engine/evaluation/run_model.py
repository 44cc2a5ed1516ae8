"""A run's trained model, taken from one of its checkpoints."""

from dataclasses import dataclass

import torch

from vidpred_engine.errors import UserError
from vidpred_engine.models import VideoModel
from vidpred_engine.models.build import build_model
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.training.checkpoint import load_checkpoint


@dataclass(frozen=True)
class RunModel:
    """A model in eval mode and where its weights come from."""

    model: VideoModel
    settings: RunSettings
    step: int
    weights: str


def load_run_model(run: RunDirectory, checkpoint: str, device: torch.device) -> RunModel:
    """Load the checkpoint "best" or "last" of a run; averaged weights where the run keeps them. Raises UserError."""
    run.refuse_links()  # whoever predicts stores what comes of it with the run
    settings = run.settings()
    path = run.checkpoints / f"{checkpoint}.pt"
    saved = load_checkpoint(path, device)
    average = saved.get("average")
    model = build_model(settings).to(device).to(memory_format=torch.channels_last).eval()
    try:
        weights, step = saved["model"], int(saved["step"])
        if average is not None:  # the averaging wrapper keeps the model under this prefix
            weights = {name.removeprefix("module."): value for name, value in average.items() if name != "n_averaged"}
        model.load_state_dict(weights)
    except (RuntimeError, KeyError, TypeError, ValueError, AttributeError):
        raise UserError(f"The checkpoint {path} does not fit the run's settings.toml; restore that file.") from None
    averaged = average is not None or bool(settings.ema_decay)
    return RunModel(model, settings, step, "average" if averaged else "last")
