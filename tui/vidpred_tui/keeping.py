"""What people ask of runs that are there: blocking work for a worker thread, told as a message."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from textual.message import Message

from vidpred_engine.comparison.view import View
from vidpred_engine.errors import UserError
from vidpred_engine.store.control import REQUESTS, ask
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.run_export import write_runs
from vidpred_engine.store.trash import TRASH, delete_runs, restore_runs
from vidpred_tui import messages


def stop(runs: Path, run_ids: Sequence[str], ask: Callable[[RunDirectory], None]) -> Message:
    """Ask each run's process to stop; raises UserError after all were asked where some could not be."""
    faults = []
    for run_id in run_ids:
        try:
            ask(RunDirectory(runs / run_id))
        except UserError as error:
            faults.append(str(error))
    if faults:
        raise UserError(" ".join(faults))
    return messages.StopSent(tuple(run_ids))


def control(runs: Path, wish: messages.ControlRequested) -> Message:
    """Ask a run at work for something."""
    ask(RunDirectory(runs / wish.run_id), wish.request)
    return messages.RequestDone(f"The run is asked to {REQUESTS[wish.request]}.")


def annotate(runs: Path, wish: messages.AnnotationRequested) -> Message:
    """Keep what someone says of runs."""
    Registry(runs).annotate([RunDirectory(runs / run_id) for run_id in wish.run_ids], wish.change)
    return messages.RequestDone(wish.done)


def delete(runs: Path, run_ids: Sequence[str], called: str) -> Message:
    """Move runs to the trash."""
    delete_runs([RunDirectory(runs / run_id) for run_id in run_ids])
    verb = "lies" if len(run_ids) == 1 else "lie"
    return messages.RunsDeleted(tuple(run_ids), f"{called} {verb} in {runs / TRASH}; u brings back.")


def restore(runs: Path, run_ids: Sequence[str]) -> Message:
    """Move runs back from the trash."""
    restore_runs(runs, run_ids)
    what = run_ids[0] if len(run_ids) == 1 else f"{len(run_ids):,} runs"
    return messages.RunsRestored(tuple(run_ids), f"{what} {'is' if len(run_ids) == 1 else 'are'} back.")


def export(wish: messages.ExportRequested) -> Message:
    """Write runs to a file."""
    write_runs(wish.path, wish.entries)
    return messages.RequestDone(f"{len(wish.entries):,} runs are in {wish.path}.")


def export_comparison(runs: Path, wish: messages.ComparisonExportRequested) -> Message:
    """Write a view of a comparison to a file.

    The command that does so runs as a process of its own: drawing loads a library of half a second, and what is written
    is what it prints, whatever the screen shows.
    """
    words = [sys.executable, "-m", "vidpred_engine", *comparison_command(runs, wish.run_ids, wish.view)]
    done = subprocess.run(
        [*words, "--out", str(wish.path)], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise UserError(said[-1].removeprefix("vidpred-engine: "))
    return messages.RequestDone(f"The comparison is in {wish.path}.")


def comparison_command(runs: Path, run_ids: Sequence[str], view: View) -> list[str]:
    """The words of the command that shows what the Compare screen does."""
    return ["runs", "compare", *run_ids, "--runs", str(runs), *view.flags()]
