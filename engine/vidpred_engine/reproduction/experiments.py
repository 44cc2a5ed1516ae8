"""The seven experiments of the report's section 3: their presets, panels and the average PSNR that it states."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vidpred_engine.errors import UserError
from vidpred_engine.presets import preset_settings, preset_values
from vidpred_engine.settings import RunSettings
from vidpred_engine.settings_layers import resolve_settings
from vidpred_engine.store.comparison import differing_settings


@dataclass(frozen=True)
class Experiment:
    """One experiment: `name` as the report writes it, its panel in Figure 3, and the report's average PSNR in dB."""

    name: str
    caption: str
    panel: str
    report_psnr: float

    @property
    def key(self) -> str:
        """What people type for it."""
        return self.name.lower()

    @property
    def preset(self) -> str:
        """The preset that holds its settings; its run bears this name."""
        return f"report-{self.key}"


TEACHER_FORCING = (
    Experiment("TF1", "tfr 1.0, tfr_sde 0, tfr_d_step 0.1", "a", 28.10),
    Experiment("TF2", "tfr 0.5, tfr_sde 10, tfr_d_step 0.05", "b", 26.15),
    Experiment("TF3", "no teacher forcing", "c", 33.83),
)
KL_ANNEALING = (
    Experiment("KL1", "cyclical", "d", 27.85),
    Experiment("KL2", "monotonic", "e", 25.48),
    Experiment("KL3", "constant", "f", 24.95),
    Experiment("KL4", "cyclical, ratio 0.5", "g", 24.65),
)
EXPERIMENTS = TEACHER_FORCING + KL_ANNEALING


def choose_experiments(wanted: Sequence[str]) -> tuple[Experiment, ...]:
    """The experiments that words such as "tf1,kl3" name, in the report's order; all where none is named."""
    known = {experiment.key: experiment for experiment in EXPERIMENTS}
    keys = {key.strip().lower() for word in wanted for key in word.split(",") if key.strip()}
    for key in sorted(keys - known.keys()):
        raise UserError(f"There is no experiment '{key}'; choose from {', '.join(known)}.")
    return tuple(experiment for key, experiment in known.items() if not keys or key in keys)


def experiment_settings(experiment: Experiment, flags: Mapping[str, Any], typed: Mapping[str, str]) -> RunSettings:
    """The experiment's preset under the environment and the flags; raises UserError where it would not be itself.

    `typed` says as which flag each setting was given.
    """
    if "name" in flags:
        raise UserError("The experiments' runs are named after their presets; leave --name away.")
    own = {**flags, "name": experiment.preset}
    settings = resolve_settings(own, preset=preset_values(experiment.preset), typed=typed)
    preset = preset_settings(experiment.preset)
    siblings = TEACHER_FORCING if experiment in TEACHER_FORCING else KL_ANNEALING
    for name in differing_settings([preset_settings(sibling.preset) for sibling in siblings]):
        if getattr(settings, name) != getattr(preset, name):
            written = typed.get(name, f"Setting '{name}'")
            raise UserError(
                f"{written} is what {siblings[0].name} to {siblings[-1].name} differ in, so it cannot be set for all of"
                " them; leave it away, or choose other experiments with --only."
            )
    return settings
