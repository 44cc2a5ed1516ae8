"""All that screens draw of one run, frozen at one moment."""

from dataclasses import dataclass, field

from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import Evaluation
from vidpred_engine.store.sample_frames import StoredFrames
from vidpred_engine.store.status import Status
from vidpred_tui.history import History


@dataclass(frozen=True)
class RunSnapshot:
    """A run's settings (None where they cannot be read), status, history, last log lines and quoted evaluation.

    `shown_name` is the name that people gave it to be shown by, empty where they gave none;
    `gap` is by how many dB of PSNR z from the posterior beats that evaluation, where both are stored;
    `rollouts` names the files of its rollouts' pictures, the newest first;
    `damage` has a line for each of its small files that is damaged;
    `is_gone` says that its folder is not there any more, and all else how it was before.
    """

    run_id: str
    settings: RunSettings | None
    status: Status
    history: History = field(default_factory=History)
    log: tuple[str, ...] = ()
    evaluation: Evaluation | None = None
    gap: float | None = None
    rollouts: tuple[StoredFrames, ...] = ()
    shown_name: str = ""
    damage: tuple[str, ...] = ()
    is_gone: bool = False

    @property
    def name(self) -> str:
        """What people call the run."""
        return self.shown_name or (self.settings.name if self.settings else "") or self.run_id
