"""The lock that lets one process train a run; the kernel frees it when that process ends, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager

import filelock

from vidpred_engine.errors import UserError
from vidpred_engine.store.atomic import remove_abandoned
from vidpred_engine.store.control import control_folder
from vidpred_engine.store.run_directory import RunDirectory


@contextmanager
def only_trainer(run: RunDirectory) -> Iterator[None]:
    """Hold the run's lock, and remove what killed writers left in its folders and in the folder of all runs.

    Raises UserError where another process trains it, its folder cannot be written to, or a link leads out of it.
    """
    run.refuse_links()
    lock = filelock.FileLock(run.lock_file, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise UserError(f"Run {run.run_id} is being trained by another process; stop that one first.") from None
    except OSError as error:
        raise UserError(f"Run {run.run_id} cannot be worked on in {run.path}: {error.strerror or error}.") from None
    try:
        for folder in (run.path.parent, run.path, run.checkpoints, run.evaluations, run.frames, control_folder(run)):
            remove_abandoned(folder)
        yield
    finally:
        lock.release()
