"""Time to quality: presets trained on the same data for the same time, and their PSNR against the seconds trained."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from vidpred_engine.data.clips import batches, clip_starts
from vidpred_engine.data.folder import FrameSequence
from vidpred_engine.data.source import RunData, load_split, open_folder
from vidpred_engine.device import choose_device
from vidpred_engine.evaluation.run_model import load_run_model
from vidpred_engine.evaluation.validation import EvaluatedSplit, Validation
from vidpred_engine.launch.local import EXIT_DONE, EXIT_RESUMABLE
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.launch.new_run import new_run
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import write_evaluation
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.training.run import train_run

MARKS = (1 / 8, 1 / 2, 1.0)
"""Shares of the time after which a run is judged; judging itself does not count."""
PROBE_STEPS = 8
NEVER = 1_000_000


@dataclass(frozen=True)
class QualityPoint:
    """What one preset's prediction of one clip scores after so many seconds of training: means of per-frame dB.

    `early` and `late` are the means of the first and the last 50 predicted frames.
    """

    preset: str
    run: str
    seconds: float
    step: int
    split: str
    clip: int
    psnr: float
    repeat_first: float
    mean_frame: float
    early: float
    late: float


class TrainingClock:
    """Counts the seconds a run trains, from its first step on; asks it to stop at a deadline.

    Training looks before the first and after every step; what comes before the first look is not counted.
    """

    def __init__(self) -> None:
        self.spent, self._deadline = 0.0, 0.0
        self._seen: float | None = None
        self.looks = 0

    def until(self, deadline: float) -> Callable[[], bool]:
        """A stop request for the next stretch of training, up to `deadline` seconds in all."""
        self._deadline, self._seen = deadline, None
        return self._over

    def _over(self) -> bool:
        now = time.monotonic()
        if self._seen is not None:
            self.spent += now - self._seen
            self.looks += 1
        self._seen = now
        return self.spent >= self._deadline


def time_to_quality(
    presets: dict[str, RunSettings], runs: Path, seconds: float, progress: Progress, stop_requested: Callable[[], bool]
) -> list[QualityPoint]:
    """Train each preset for `seconds` in a run of its own below `runs`, judging it at each of MARKS.

    Presets whose schedules move step by step are planned to end when the time does; the others are cut off. Every clip
    of the validation split is judged, and of the test split where its true frames are known; z from the prior.
    """
    points: list[QualityPoint] = []
    for preset, settings in presets.items():
        planned = _planned(settings, seconds, progress)
        run, clock = new_run(runs, planned), TrainingClock()
        for mark in MARKS:
            over = clock.until(mark * seconds)
            code = _train(run, progress, _either(over, stop_requested))
            if code not in (EXIT_DONE, EXIT_RESUMABLE) or stop_requested():
                return points
            points += _judge(preset, run, clock.spent, progress)
            if code == EXIT_DONE:
                break
    return points


def _either(first: Callable[[], bool], second: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: first() or second()


def _planned(settings: RunSettings, seconds: float, progress: Progress) -> RunSettings:
    quiet = settings.model_copy(update={"validate_every": NEVER, "save_every": NEVER})
    if settings.schedule_interval == "epoch":
        return quiet
    folder = open_folder(settings, progress)
    lengths = [len(sequence.frames) for sequence in folder.require("train")]
    clips = clip_starts(lengths, settings.clip_length, settings.partial, settings.clip_stride)
    steps = seconds / _seconds_a_step(quiet, progress)
    return quiet.model_copy(update={"epochs": math.ceil(steps / len(batches(clips, settings.batch_size)))})


def _seconds_a_step(settings: RunSettings, progress: Progress) -> float:
    clock = TrainingClock()
    with TemporaryDirectory() as scratch:
        run = create_run(Path(scratch), settings)
        for steps in (PROBE_STEPS, 2 * PROBE_STEPS):  # the first stretch warms caches and allocator up
            before, looks = clock.spent, clock.looks
            _train(run, progress, _either(clock.until(math.inf), lambda most=steps: clock.looks >= most))  # type: ignore[misc]
    return (clock.spent - before) / max(1, clock.looks - looks)


def _train(run: RunDirectory, progress: Progress, stop_requested: Callable[[], bool]) -> int:
    with only_trainer(run), StatusKeeper(run.status_file, "starting") as status:
        return train_run(run, status, progress, stop_requested)


def _judge(preset: str, run: RunDirectory, seconds: float, progress: Progress) -> list[QualityPoint]:
    settings = run.settings()
    device = choose_device(settings.device)
    loaded, folder = load_run_model(run, "last", device), open_folder(settings, progress)
    train = load_split(folder, "train", settings, progress)
    splits: Sequence[EvaluatedSplit] = ("val", "test") if _has_truth(folder.test) else ("val",)
    points = []
    for split in splits:
        judged = RunData(train, load_split(folder, split, settings, progress))
        validation = Validation(judged, settings, device, split=split)
        with progress.report(f"{preset} after {seconds:.0f} s: judging {split}") as report:
            evaluations = validation.evaluate(
                loaded.model, step=loaded.step, weights=loaded.weights, checkpoint="last", progress=report
            )
        for item in evaluations:
            write_evaluation(run, item)
            means, few = item.means(), min(50, len(item.psnr))
            early, late = (sum(part) / few for part in (item.psnr[:few], item.psnr[-few:]))
            points.append(
                QualityPoint(
                    preset, run.run_id, seconds, loaded.step, split, item.clip, **means, early=early, late=late
                )
            )
    Registry(run.path.parent).index(run)
    return points


def _has_truth(sequences: Sequence[FrameSequence]) -> bool:
    return any(len(item.frames) == len(item.labels) for item in sequences)
