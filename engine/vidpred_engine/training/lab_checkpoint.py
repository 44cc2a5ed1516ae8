"""A checkpoint of the lab's trainer as a new run that can be evaluated, predicted from, compared and resumed."""

import math
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidpred_engine.data.source import RunData, open_run_data
from vidpred_engine.device import choose_device
from vidpred_engine.errors import UserError
from vidpred_engine.launch.new_run import with_usable_data
from vidpred_engine.models.build import build_model
from vidpred_engine.presets import preset_values
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.settings_layers import resolve_settings
from vidpred_engine.store.metric_log import MetricWriter
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.training.checkpoint import load_saved
from vidpred_engine.training.loop import Training

LAB_NAMES = {
    "frame_encoder": "frame_transformation",
    "label_encoder": "label_transformation",
    "posterior": "Gaussian_Predictor",
    "decoder_fusion": "Decoder_Fusion",
    "generator": "Generator",
}

# The layer that ends each module is as wide as one setting; the posterior's holds mu and logvar.
_LAST_BIASES = {
    "frame_dim": ("frame_transformation.6.bias", 1),
    "label_dim": ("label_transformation.4.conv2.bias", 1),
    "latent_dim": ("Gaussian_Predictor.6.bias", 2),
    "decoder_dim": ("Decoder_Fusion.5.bias", 1),
}


@dataclass(frozen=True)
class LabCheckpoint:
    """What the lab's trainer saved: weights by its own names; learning rate and teacher-forcing ratio of `last_epoch`.

    The lab counts epochs from 0 and saves an epoch's weights before it counts on, so that `last_epoch` is the number
    of the epoch trained last and `last_epoch` + 1 epochs are over. (Its own resume trains `last_epoch` a second time.)
    A bare state dict has None in the other fields.
    """

    path: Path
    weights: dict[str, Tensor]
    last_epoch: int | None
    lr: float | None
    tfr: float | None

    @property
    def epochs_ended(self) -> int:
        """How many epochs the weights were trained for."""
        return 0 if self.last_epoch is None else self.last_epoch + 1


def import_lab_checkpoint(path: Path, runs: Path, given: Mapping[str, Any], progress: Progress) -> RunDirectory:
    """Make a run below `runs` that stands where the lab's checkpoint was saved, its weights as last and best.

    Sizes come from the weights; `given` settings, not validated yet, come over the lab's defaults. Resumed, the run
    goes on with the next epoch and a fresh optimizer, as the lab never saved Adam's moments; beta, rate and
    teacher-forcing ratio follow from the settings, and a line says where the file has other values.

    Raises UserError, and leaves nothing behind, where file, settings or data cannot serve.
    """
    lab = read_lab_checkpoint(path)
    settings = with_usable_data(_settings(lab, given))
    weights = _fitted(lab, build_model(settings).state_dict())
    device = choose_device(settings.device)
    data = open_run_data(settings, progress)
    run = create_run(runs, settings)
    try:
        _save(run, settings, lab, weights, data, device, progress)
    except BaseException:
        shutil.rmtree(run.path)
        raise
    Registry(runs).index(run)
    return run


def read_lab_checkpoint(path: Path) -> LabCheckpoint:
    """Read `{"state_dict", "lr", "tfr", "last_epoch"}` or a bare state dict, also one of a DataParallel model.

    Nothing in the file can run code. Raises UserError where it holds something else.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}; name a checkpoint that the lab's trainer saved.")
    content = load_saved(path)
    weights = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not weights or not all(isinstance(value, Tensor) for value in weights.values()):
        raise UserError(f"{path} is no checkpoint of the lab's trainer: it holds no state_dict of tensors.")
    names = [str(name) for name in weights]
    if all(name.startswith("module.") for name in names):
        names = [name.removeprefix("module.") for name in names]
    last_epoch = _number(path, content, "last_epoch")
    if last_epoch is not None and last_epoch != int(last_epoch):
        raise UserError(f"In {path} last_epoch should be a whole number; it is {last_epoch:g}.")
    return LabCheckpoint(
        path,
        dict(zip(names, weights.values(), strict=True)),
        None if last_epoch is None else int(last_epoch),
        _number(path, content, "lr"),
        _number(path, content, "tfr"),
    )


def _number(path: Path, content: dict[str, Any], name: str) -> float | None:
    value = content.get(name)
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if value is None:
        return None
    if not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise UserError(f"In {path} {name} should be a number of 0 or more; it is {repr(value)[:40]}.")
    return float(value)


def _settings(lab: LabCheckpoint, given: Mapping[str, Any]) -> RunSettings:
    """The given settings over the lab's defaults, with the sizes of the weights."""
    if missing := [name for name, _ in _LAST_BIASES.values() if name not in lab.weights]:
        raise UserError(f"The weights in {lab.path} are not those of the lab's model: {missing[0]} is missing.")
    sizes = {name: lab.weights[bias].numel() // parts for name, (bias, parts) in _LAST_BIASES.items()}
    defaults = preset_values("lab")
    name = re.sub(r"[^\w .+=@-]+", "-", lab.path.stem)[:60]
    epochs = max(defaults["epochs"], lab.epochs_ended)
    settings = resolve_settings(given, preset={**defaults, "name": name, "epochs": epochs, **sizes})
    for key, size in sizes.items():
        if (asked := getattr(settings, key)) != size:
            raise UserError(f"Setting '{key}' is {asked}, but the weights in {lab.path} have {size}; leave it out.")
    if settings.epochs < lab.epochs_ended:
        raise UserError(
            f"Setting 'epochs' is {settings.epochs}, but {lab.path} was trained for {lab.epochs_ended} already; "
            "give as many or more."
        )
    return settings


def _fitted(lab: LabCheckpoint, model_state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights by the model's names; raises UserError where they are not exactly what the model needs."""
    names = {_lab_name(name): name for name in model_state}
    faults = [f"{name} is missing" for name in names if name not in lab.weights]
    for name, value in lab.weights.items():
        if name not in names:
            faults.append(f"the model has no {name}")
        elif value.shape != (expected := model_state[names[name]]).shape:
            faults.append(f"{name} has the shape {tuple(value.shape)} instead of {tuple(expected.shape)}")
        elif value.is_floating_point() != expected.is_floating_point() or not value.isfinite().all():
            faults.append(f"{name} holds values that are not finite numbers")
    if faults:
        more = f" (and {len(faults) - 1} more faults)" if len(faults) > 1 else ""
        raise UserError(f"The weights in {lab.path} do not fit the lab's model: {faults[0]}{more}.")
    return {names[name]: value for name, value in lab.weights.items()}


def _lab_name(name: str) -> str:
    module, rest = name.split(".", 1)
    return f"{LAB_NAMES[module]}.{rest}"


def _save(
    run: RunDirectory,
    settings: RunSettings,
    lab: LabCheckpoint,
    weights: dict[str, Tensor],
    data: RunData,
    device: torch.device,
    progress: Progress,
) -> None:
    with StatusKeeper(run.status_file, "starting") as status, MetricWriter(run.metrics_file) as log:
        training = Training(run, settings, data, device, status, progress, lambda: False)
        training.adopt(weights, lab.epochs_ended)
        place = {"step": training.next_step, "epoch": training.epochs_ended}
        text = " ".join([f"Imported {lab.path.name}; epochs ended: {lab.epochs_ended}.", *_departures(lab, training)])
        progress.say(text)
        found = {"last_epoch": lab.last_epoch, "lr": lab.lr, "tfr": lab.tfr}
        log.append({"kind": "event", "event": "import", **place, "time": time.time(), "text": text, **found})
        ended = lab.epochs_ended == settings.epochs
        steps = training.schedules.total_steps
        status.update(state="finished" if ended else "stopped", epochs=settings.epochs, steps=steps, **place)


def _departures(lab: LabCheckpoint, training: Training) -> list[str]:
    """A sentence for each value of the file that is not what the settings plan for its epoch."""
    schedules, epoch = training.schedules, max(lab.epochs_ended - 1, 0)
    step = schedules.epoch_start(epoch)
    values = {"lr": (lab.lr, schedules.learning_rate(step)), "tfr": (lab.tfr, schedules.teacher_forcing(step))}
    return [
        f"Its {name} is {found:g} where the settings plan {planned:g} for epoch {epoch}; training goes by the settings."
        for name, (found, planned) in values.items()
        if found is not None and not math.isclose(found, planned, rel_tol=1e-6, abs_tol=1e-12)
    ]
