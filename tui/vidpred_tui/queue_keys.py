"""What the keys of the list of runs do to the queue: which runs they act on, and the wish that they become."""

from collections.abc import Sequence

from vidpred_engine.store.registry import RunEntry
from vidpred_tui.messages import QueueChangeRequested

WAITABLE_STATES = ("created", "stopped", "failed", "lost")


def toggle(targets: Sequence[RunEntry]) -> QueueChangeRequested | None:
    """Put into the queue what can wait, the oldest first; where nothing can, take out what waits."""
    if new := [entry.run_id for entry in reversed(targets) if entry.state in WAITABLE_STATES]:
        return QueueChangeRequested(tuple(new), "in")
    return take_out(targets)


def take_out(targets: Sequence[RunEntry]) -> QueueChangeRequested | None:
    """Take out of the queue what waits."""
    waiting = tuple(entry.run_id for entry in targets if entry.state == "queued")
    return QueueChangeRequested(waiting, "out") if waiting else None


def move(entry: RunEntry, by: int) -> QueueChangeRequested:
    """Let a run that waits have its turn one place earlier or later."""
    return QueueChangeRequested((entry.run_id,), "later" if by > 0 else "earlier")
