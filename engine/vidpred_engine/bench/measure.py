"""Timings of the same work done by both sides, their medians and ratios."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Seconds on the wall and of processor time over all threads, which other programs on the machine disturb less."""

    wall: float
    cpu: float


@dataclass
class Measure:
    """A piece of work, the arguments with which each side does it, and how long it took in each round.

    A turn does it `repeats` times and gives the time of one. Where one turn of the engine's does what the literal
    program must do several times, `literal_times` says so.
    """

    name: str
    work: str
    literal_arguments: tuple[Any, ...]
    engine_arguments: tuple[Any, ...]
    repeats: int = 1
    literal_times: int = 1
    literal: list[Timing] = field(default_factory=list)
    engine: list[Timing] = field(default_factory=list)

    @property
    def literal_seconds(self) -> Timing:
        """Medians of the literal side, for all the times it must do the work."""
        return medians(self.literal, self.literal_times)

    @property
    def engine_seconds(self) -> Timing:
        """Medians of the engine's."""
        return medians(self.engine)

    @property
    def ratio(self) -> Timing:
        """How many times the engine's seconds go into the literal ones; infinite where the engine took none."""
        literal, engine = self.literal_seconds, self.engine_seconds
        return Timing(_ratio(literal.wall, engine.wall), _ratio(literal.cpu, engine.cpu))


def medians(timings: list[Timing], times: int = 1) -> Timing:
    """The median of each kind of seconds, `times` over."""
    return Timing(times * median(timing.wall for timing in timings), times * median(timing.cpu for timing in timings))


def _ratio(literal: float, engine: float) -> float:
    return literal / engine if engine else float("inf")
