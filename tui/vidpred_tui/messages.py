"""What happened, in the past tense; the app's handlers turn these into state, workers and screens."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from textual.message import Message

from vidpred_engine.comparison.view import View
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import Annotations
from vidpred_engine.store.control import Request
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.sweep import Sweep
from vidpred_tui.snapshot import RunSnapshot


@dataclass
class RunsListed(Message):
    """The watcher saw the list of runs change."""

    entries: tuple[RunEntry, ...]

    def can_replace(self, message: Message) -> bool:
        """A newer list says all, so that a flood shrinks to one."""
        return isinstance(message, RunsListed)


@dataclass
class RunAdvanced(Message):
    """The watcher saw a followed run change."""

    snapshot: RunSnapshot

    def can_replace(self, message: Message) -> bool:
        """A newer snapshot of the same run says all."""
        return isinstance(message, RunAdvanced) and message.snapshot.run_id == self.snapshot.run_id


@dataclass
class ProcessEnded(Message):
    """A training process that this program started has ended."""

    run_id: str
    exit_code: int


@dataclass
class RolloutEnded(Message):
    """The process of a rollout that this program started has ended."""

    run_id: str
    exit_code: int


@dataclass
class FolderFaltered(Message):
    """The watcher cannot read the runs folder; it keeps trying."""

    sentence: str


@dataclass
class ScreenShown(Message):
    """A screen has become current and wants the present state of what it draws."""


@dataclass
class ViewChanged(Message):
    """Someone looks at a screen in another way, worth remembering as a flat dataclass under the screen's name."""

    name: str
    view: Any


@dataclass
class RunOpened(Message):
    """Someone wants to look at a run."""

    run_id: str


@dataclass
class DemoRequested(Message):
    """Someone wants to see the demo run train."""


@dataclass
class NewRunRequested(Message):
    """Someone wants to edit the settings of a new run, starting from those of another where one is named."""

    based_on: str | None = None


@dataclass
class SettingsSubmitted(Message):
    """Someone wants these runs, one at once or all in their turn."""

    sweep: Sweep
    to_queue: bool


@dataclass
class SettingsFileNamed(Message):
    """Someone wants settings from a file, or these settings in one."""

    path: Path
    settings: RunSettings | None = None


@dataclass
class SettingsRead(Message):
    """Settings were read from a file."""

    path: Path
    values: dict[str, Any]


@dataclass
class QueueChangeRequested(Message):
    """Someone wants runs in the queue, out of it, or one of them earlier or later in it."""

    run_ids: tuple[str, ...]
    change: Literal["in", "out", "earlier", "later"]


@dataclass
class RunsQueued(Message):
    """New runs were put into the queue; the process works on it."""

    run_ids: tuple[str, ...]
    runner: "subprocess.Popen[bytes]"


@dataclass
class ResumeRequested(Message):
    """Someone wants a run to go on."""

    run_id: str


@dataclass
class StopRequested(Message):
    """Someone wants runs to save and leave."""

    run_ids: tuple[str, ...]


@dataclass
class ControlRequested(Message):
    """Someone wants something of a run at work."""

    run_id: str
    request: Request


@dataclass
class AnnotationRequested(Message):
    """Someone wants to say something else of runs; `done` says so once it is kept."""

    run_ids: tuple[str, ...]
    change: Callable[[Annotations], Annotations]
    done: str


@dataclass
class DeletionRequested(Message):
    """Someone wants runs to be gone; `remark` is what should be known before."""

    run_ids: tuple[str, ...]
    remark: str = ""


@dataclass
class RestorationRequested(Message):
    """Someone wants the runs back that were deleted last."""


@dataclass
class ExportRequested(Message):
    """Someone wants runs in a file."""

    path: Path
    entries: tuple[RunEntry, ...]


@dataclass
class ComparisonExportRequested(Message):
    """Someone wants a view of runs side by side in a file."""

    path: Path
    run_ids: tuple[str, ...]
    view: View


@dataclass
class ComparisonRequested(Message):
    """Someone wants to see runs side by side."""

    run_ids: tuple[str, ...]


@dataclass
class FramesRequested(Message):
    """Someone wants to see what runs predict, frame by frame and in step."""

    run_ids: tuple[str, ...]


@dataclass
class RolloutsRequested(Message):
    """Someone wants runs to predict a validation clip."""

    run_ids: tuple[str, ...]
    clip: int


@dataclass
class RunStarted(Message):
    """A training process was started, of a new run or of one that goes on."""

    run_id: str
    process: "subprocess.Popen[bytes]"
    is_new: bool


@dataclass
class RolloutsStarted(Message):
    """Processes that predict a validation clip were started; the refusals say which could not be, and why."""

    processes: "dict[str, subprocess.Popen[bytes]]"
    refusals: list[str]


@dataclass
class StopSent(Message):
    """The processes of runs were asked to stop."""

    run_ids: tuple[str, ...]


@dataclass
class RunsDeleted(Message):
    """Runs were moved to the trash; the sentence says so."""

    run_ids: tuple[str, ...]
    sentence: str


@dataclass
class RunsRestored(Message):
    """Runs are back from the trash; the sentence says so."""

    run_ids: tuple[str, ...]
    sentence: str


@dataclass
class RequestDone(Message):
    """Something asked for was done; the sentence says what."""

    sentence: str


@dataclass
class PresetsLoaded(Message):
    """The settings a form starts from were read: in the order shown, the first choice, and the run to be copied."""

    choices: "dict[str, PresetChoice]"
    chosen: str
    based_on: str | None = None


@dataclass
class PresetChoice:
    """Settings to start from and a line about them."""

    summary: str
    settings: RunSettings


@dataclass
class RequestRefused(Message):
    """Something asked for cannot be done; the sentence says why and what to do."""

    sentence: str
