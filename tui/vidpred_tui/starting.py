"""What people ask of runs to come, and of runs that shall go on: blocking work for a worker, told as a message."""

import subprocess
from collections.abc import Callable, Container, Sequence
from contextlib import suppress
from pathlib import Path

from textual.message import Message

from vidpred_engine.errors import UserError
from vidpred_engine.launch import queue
from vidpred_engine.launch.new_run import new_run, queue_new_runs
from vidpred_engine.launch.preflight import PreflightChecker
from vidpred_engine.launch.queue_runner import is_at_work
from vidpred_engine.presets import FIRST_CHOICE, preset_names, preset_settings, preset_summary
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.sweep import Sweep
from vidpred_tui import messages
from vidpred_tui.naming import free_name

Start = Callable[[RunDirectory], "subprocess.Popen[bytes]"]
Work = Callable[[Path], "subprocess.Popen[bytes]"]
Predict = Callable[[RunDirectory, int], "subprocess.Popen[bytes]"]


def load_presets(runs: Path, based_on: str | None, taken: Container[str]) -> Message:
    """Read what a form may start from: the presets, and before them the settings of the run `based_on`."""
    choices = {name: messages.PresetChoice(preset_summary(name), preset_settings(name)) for name in preset_names()}
    if based_on is None:
        return messages.PresetsLoaded(choices, FIRST_CHOICE)
    settings = RunDirectory(runs / based_on).settings()
    label = f"copy of {settings.name or based_on}"
    settings = settings.model_copy(update={"name": free_name(settings.name, taken)})
    copied = messages.PresetChoice(f"The settings of run {based_on}.", settings)
    return messages.PresetsLoaded({label: copied, **choices}, label, based_on)


def start_new(runs: Path, settings: RunSettings, start: Start) -> Message:
    """Make a run and start it."""
    _refuse_doomed(runs, [settings])
    return start_run(new_run(runs, settings), start, is_new=True)


def queue_new(runs: Path, sweep: Sweep, work: Work) -> Message:
    """Make runs and put them into the queue."""
    _refuse_doomed(runs, sweep.runs)
    made = queue_new_runs(runs, sweep)
    return messages.RunsQueued(tuple(run.run_id for run in made), work(runs))


def _refuse_doomed(runs: Path, settings: Sequence[RunSettings]) -> None:
    """Raise UserError where it is known beforehand that a run would fail."""
    if problems := PreflightChecker(runs).check(settings).problems:
        raise UserError(problems[0])


def change_queue(runs: Path, wish: messages.QueueChangeRequested, called: str, work: Work) -> Message:
    """Put runs into the queue or take them out, or move the first within it."""
    chosen = [RunDirectory(runs / run_id) for run_id in wish.run_ids]
    are = "is" if len(chosen) == 1 else "are"
    if wish.change == "out":
        queue.take_out(runs, chosen)
        return messages.RequestDone(f"{called} {are} out of the queue.")
    if wish.change == "in":
        queue.add(runs, chosen)
        done = f"{called} {are} in the queue."
    else:
        position = 1 + [run.run_id for run in queue.waiting(runs)].index(chosen[0].run_id)
        position = queue.move(runs, chosen[0], position + (1 if wish.change == "later" else -1))
        done = f"{called} is number {position} in the queue."
    work(runs)  # also where it was killed: whoever changes the queue wants it to go on
    return messages.RequestDone(done)


def look_at_queue(runs: Path, waiting: int) -> Message | None:
    """Say where runs wait and nobody starts them, as after the machine was restarted."""
    if is_at_work(runs):
        return None
    who = "1 run waits" if waiting == 1 else f"{waiting} runs wait"
    return messages.RequestRefused(
        f"{who} and no process works on the queue; `vidpred-engine queue run` does, as do + and - on a run."
    )


def start_run(run: RunDirectory, start: Start, *, is_new: bool) -> Message:
    """Start a run, or let it go on."""
    process = start(run)
    with suppress(OSError):  # the index can be rebuilt; the process must not be lost sight of
        Registry(run.path.parent).index(run)
    return messages.RunStarted(run.run_id, process, is_new)


def start_rollouts(runs: Path, run_ids: Sequence[str], clip: int, predict: Predict) -> Message:
    """Predict a validation clip with each run."""
    processes, refusals = {}, []
    for run_id in run_ids:
        try:
            processes[run_id] = predict(RunDirectory(runs / run_id), clip)
        except (UserError, OSError) as error:
            refusals.append(str(error))
    return messages.RolloutsStarted(processes, refusals)
