"""The lock that lets one process train a run; the kernel frees it when that process ends, however it ends."""

from collections.abc import Iterator
from contextlib import contextmanager

import filelock

from vidpred_engine.errors import UserError
from vidpred_engine.store.run_directory import RunDirectory


@contextmanager
def only_trainer(run: RunDirectory) -> Iterator[None]:
    """Hold the run's lock; raises UserError where another process trains it, or a link leads out of its folder."""
    run.refuse_links()
    lock = filelock.FileLock(run.lock_file, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise UserError(f"Run {run.run_id} is being trained by another process; stop that one first.") from None
    try:
        yield
    finally:
        lock.release()
