"""What was measured: samples of one quantity, their median and what it should be at most."""

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """Samples of one quantity in `unit`; `target` is what their median may be at most, None where nothing is asked.

    `processor_seconds` tells, for each sample, what the program itself needed of a processor meanwhile: other work on
    the machine lengthens the wall time and hardly changes this.
    """

    name: str
    terminal: str
    unit: str
    samples: list[float]
    target: float | None = None
    processor_seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """The middle one of the samples."""
        return median(self.samples)

    @property
    def median_processor_seconds(self) -> float | None:
        """The middle one of the processor seconds, where they were measured."""
        return median(self.processor_seconds) if self.processor_seconds else None

    @property
    def missed(self) -> bool:
        """Whether the median is above the target."""
        return self.target is not None and self.median > self.target

    def as_json(self) -> dict[str, Any]:
        """All of it, with what follows from the samples."""
        medians = {"median": self.median, "median_processor_seconds": self.median_processor_seconds}
        return {**asdict(self), **medians, "missed": self.missed}
