"""The planned course of beta, teacher-forcing ratio and learning rate: pure functions of settings and step."""

import math
from dataclasses import dataclass
from typing import Literal

from vidpred_engine.randomness import random_stream
from vidpred_engine.settings import RunSettings

CYCLE_START = 1e-12  # the report's start value: beta 0 within float32, yet a logarithm of it is finite
MULTISTEP_MILESTONES = (2, 5)
MULTISTEP_FACTOR = 0.1


def cyclical_beta(position: int, length: int, cycles: int, ratio: float) -> float:
    """The report's cyclical schedule (after Fu et al. 2019) at one of `length` positions, quirks included.

    Each of `cycles` periods ramps from 1e-12 towards 1 over `ratio` of its length and rests at 1 after. With ratio 1 a
    ramp ends one increment below 1; with as many cycles as positions beta never leaves the start. Where a later cycle
    begins it overwrites an earlier one, so the last one begun decides.
    """
    cycle = ((position + 1) * cycles - 1) // length
    since = position - cycle * length // cycles
    return min(1.0, CYCLE_START + (1.0 - CYCLE_START) * (since * cycles / (length * ratio)))


def linear_beta(position: int, length: int) -> float:
    """Beta rising evenly from 0 at the first to 1 at the last of `length` positions."""
    return position / (length - 1) if length > 1 else 0.0


def ramp_progress(position: int, length: int, cycles: int = 1, ratio: float = 1.0) -> float:
    """How far a cycle's ramp has come: from 0 at the cycle's first position to 1 after `ratio` of its way to the last.

    The closed form of what the report's cyclical schedule was meant to be: each cycle that has a position reaches 1,
    one of a single position at once.
    """
    cycle = position * cycles // length
    first, end = -(-cycle * length // cycles), -(-(cycle + 1) * length // cycles)
    return min(1.0, (position - first) / (ratio * (end - 1 - first))) if end - first > 1 else 1.0


def shape_ramp(progress: float, shape: Literal["linear", "sigmoid", "cosine"]) -> float:
    """Bend a ramp: linear, a logistic curve over -6 to 6 stretched to span 0 to 1, or half a cosine."""
    match shape:
        case "linear":
            return progress
        case "sigmoid":
            return 0.5 + 0.5 * math.tanh(6 * (progress - 0.5)) / math.tanh(3)
        case "cosine":
            return 0.5 - 0.5 * math.cos(math.pi * progress)


def teacher_forcing_ratio(epoch: int, ratio: float, decay_start: int, decay_step: float) -> float:
    """The probability of teacher forcing in an epoch counted from 0.

    The lab counts the epoch up before it updates the ratio, so the first epoch that can have a lower ratio is
    epoch max(decay_start, 1): 1.0, 0, 0.1 gives 0.9 in epoch 1; 0.5, 10, 0.05 gives 0.45 in epoch 10 and 0 in 19.
    """
    decays = max(0, epoch - max(decay_start, 1) + 1)
    return min(1.0, max(0.0, round(ratio - decays * decay_step, 12)))


def fast_epochs(settings: RunSettings) -> int:
    """How many epochs, from the first on, train on `fast_partial` of the frames.

    The lab clears its flag only after it has built the data of the first epoch beyond `fast_train_epoch`, so that
    one is fast too: with 5, epochs 0 to 6.
    """
    return min(settings.fast_train_epochs + 2, settings.epochs) if settings.fast_train else 0


@dataclass(frozen=True)
class Schedules:
    """What beta, teacher-forcing ratio and learning rate are planned to be at each step of a run.

    Steps and epochs count from 0. With `schedule_interval` "epoch" beta and rate keep still within an epoch.
    `fast_steps_per_epoch` is the shorter epoch while `fast_train` lasts.
    """

    settings: RunSettings
    steps_per_epoch: int
    fast_steps_per_epoch: int = 0

    @property
    def total_steps(self) -> int:
        """The number of steps of the whole run."""
        return self.epoch_start(self.settings.epochs)

    def epoch_start(self, epoch: int) -> int:
        """The first step of an epoch."""
        fast = min(epoch, fast_epochs(self.settings))
        return fast * self.fast_steps_per_epoch + (epoch - fast) * self.steps_per_epoch

    def epoch(self, step: int) -> int:
        """The epoch that a step belongs to."""
        fast = fast_epochs(self.settings)
        fast_end = self.epoch_start(fast)
        return (
            step // self.fast_steps_per_epoch if step < fast_end else fast + (step - fast_end) // self.steps_per_epoch
        )

    def _position(self, step: int) -> tuple[int, int]:
        if self.settings.schedule_interval == "step":
            return min(step, self.total_steps - 1), self.total_steps
        return min(self.epoch(step), self.settings.epochs - 1), self.settings.epochs

    def beta(self, step: int) -> float:
        """The weight of the KL term."""
        settings, (position, length) = self.settings, self._position(step)
        cycles, ratio = (settings.kl_cycles, settings.kl_ratio) if settings.kl_annealing == "cyclical" else (1, 1.0)
        if settings.kl_annealing == "constant":
            share = 1.0
        elif settings.kl_ramp != "report":
            share = shape_ramp(ramp_progress(position, length, cycles, ratio), settings.kl_ramp)
        elif settings.kl_annealing == "cyclical":
            share = cyclical_beta(position, length, cycles, ratio)
        else:
            share = linear_beta(position, length)
        return settings.beta_max * share

    def teacher_forcing(self, step: int) -> float:
        """The probability that a step decodes from true previous frames."""
        settings = self.settings
        return teacher_forcing_ratio(
            self.epoch(step),
            settings.teacher_forcing,
            settings.teacher_forcing_decay_start,
            settings.teacher_forcing_decay_step,
        )

    def forced(self, step: int) -> bool:
        """Whether a step does so: drawn once a step, or once an epoch, from the seed and its number alone."""
        by_batch = self.settings.teacher_forcing_draw == "batch"
        place = ("teacher forcing", step) if by_batch else ("teacher forcing of an epoch", self.epoch(step))
        return bool(random_stream(self.settings.seed, *place).random() < self.teacher_forcing(step))

    def learning_rate(self, step: int) -> float:
        """The optimizer's rate: constant, a tenth after epochs 2 and 5, or half a cosine towards 0; after warm-up."""
        position, length = self._position(step)
        match self.settings.lr_schedule:
            case "constant":
                factor = 1.0
            case "multistep":
                passed = sum(self.epoch(step) >= milestone for milestone in MULTISTEP_MILESTONES)
                factor = MULTISTEP_FACTOR**passed
            case "cosine":
                factor = 0.5 * (1.0 + math.cos(math.pi * position / length))
        return self.settings.lr * factor * self._warmth(step)

    def _warmth(self, step: int) -> float:
        """The share of the rate that warm-up allows at a step."""
        whole = int(self.settings.lr_warmup)
        end, next_end = self.epoch_start(whole), self.epoch_start(whole + 1)
        steps = end + (self.settings.lr_warmup - whole) * (next_end - end)
        return min(1.0, (step + 1) / steps) if steps else 1.0
