"""RUNS/.trash: where deleted runs lie, whole, until they are restored or somebody empties it."""

from collections.abc import Sequence
from pathlib import Path

from vidpred_engine.errors import UserError
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RUN_ID, RunDirectory, run_ids

TRASH = ".trash"


def delete_runs(runs: Sequence[RunDirectory]) -> None:
    """Move runs to the trash of their folders and take them out of the index.

    Raises UserError, and moves none, where one is at work.
    """
    for run in runs:
        if (status := run.status()).live:
            raise UserError(f"Run {run.run_id} is {status.state}; stop it before you delete it.")
        if (_trash(run.path.parent) / run.run_id).exists():
            raise UserError(
                f"A run {run.run_id} lies in {run.path.parent / TRASH} already; move that folder away first."
            )
    for run in runs:
        trash = _trash(run.path.parent)
        trash.mkdir(exist_ok=True)
        with only_trainer(run):  # a process that has just begun holds this lock before its status says so
            run.path.rename(trash / run.run_id)
    for folder in {run.path.parent for run in runs}:
        Registry(folder).remove(*(run.run_id for run in runs))


def restore_runs(runs: Path, run_ids: Sequence[str]) -> list[RunDirectory]:
    """Move runs back from the trash of `runs`, but for those that are back already, and index them.

    Raises UserError, and moves none, where one cannot be moved.
    """
    for run_id in run_ids:
        if not RUN_ID.fullmatch(run_id):
            raise UserError(f"{run_id!r:.80} is no run's id.")
        deleted, target = (_trash(runs) / run_id).is_dir(), runs / run_id
        if not deleted and not target.is_dir():
            raise UserError(f"Run {run_id} is no longer in {runs / TRASH}.")
        if deleted and target.exists():
            raise UserError(f"Run {run_id} cannot be restored: {target} exists; move that folder away first.")
    restored: list[RunDirectory] = []
    try:
        for run_id in run_ids:
            if (source := _trash(runs) / run_id).is_dir():
                restored.append(RunDirectory(source.rename(runs / run_id)))
    finally:
        Registry(runs).index_all(restored)
    return restored


def find_deleted(runs: Path, wanted: str) -> str:
    """The id of the deleted run that an id, or a unique part of one, names; raises UserError."""
    deleted = run_ids(_trash(runs))
    near = [wanted] if wanted in deleted else [run_id for run_id in deleted if wanted in run_id]
    if len(near) != 1:
        held = f"it holds {', '.join(deleted[-5:])}" if deleted else "it is empty"
        raise UserError(f"'{wanted}' names {len(near)} of the runs in {runs / TRASH}; {held}.")
    return near[0]


def _trash(runs: Path) -> Path:
    """The trash of a folder of runs; raises UserError where it leads out of it."""
    if (runs / TRASH).is_symlink():
        raise UserError(f"{runs / TRASH} is a link; remove it, so that deleted runs stay in {runs}.")
    return runs / TRASH
