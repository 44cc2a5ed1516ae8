"""All that screens draw of one run, frozen at one moment."""

from dataclasses import dataclass, field

from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import Evaluation
from vidpred_engine.store.status import Status
from vidpred_tui.history import History


@dataclass(frozen=True)
class RunSnapshot:
    """A run's settings (None where they cannot be read), status, history, last log lines and quoted evaluation.

    `gap` is by how many dB of PSNR z from the posterior beats that evaluation, where both are stored.
    """

    run_id: str
    settings: RunSettings | None
    status: Status
    history: History = field(default_factory=History)
    log: tuple[str, ...] = ()
    evaluation: Evaluation | None = None
    gap: float | None = None

    @property
    def name(self) -> str:
        """What people call the run."""
        return (self.settings.name if self.settings else "") or self.run_id
