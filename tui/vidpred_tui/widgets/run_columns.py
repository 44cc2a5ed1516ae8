"""The columns of the table of runs: what each says of a run, and which fit a terminal."""

from collections.abc import Callable
from dataclasses import dataclass

from vidpred_engine.store.codec import number
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_fields import baseline
from vidpred_engine.store.status import LIVE_STATES
from vidpred_tui import formatting
from vidpred_tui.theme import state_colour

GAP = 2


@dataclass(frozen=True)
class Column:
    """One column: its head, its least width in cells, the field it is sorted by, and its text for a run at a time."""

    head: str
    width: int
    field: str
    text: Callable[[RunEntry, float], str]
    left: bool = False

    def colour(self, entry: RunEntry) -> str:
        """The colour of the text, none for most."""
        return state_colour(entry.state) if self.field == "state" else ""


def _figure(name: str) -> Callable[[RunEntry, float], str]:
    return lambda entry, _: formatting.metric(number(entry.summary.get(name)))


def _epoch(entry: RunEntry, _: float) -> str:
    return f"{entry.epoch}/{entry.epochs}" if entry.epochs else formatting.ABSENT


def _eta(entry: RunEntry, _: float) -> str:
    """The time that is left, or of a run that waits its place in the queue."""
    if entry.state == "queued":
        return f"#{entry.place}"
    return formatting.duration(entry.eta_seconds if entry.state in LIVE_STATES else None)


def _best(entry: RunEntry, _: float) -> str:
    """The best PSNR, and a sign that says whether it beats the baselines."""
    best, other = number(entry.summary.get("best_psnr")), baseline(entry)
    standing = "  " if best is None or other is None else " ▲" if best > other else " ▼"
    return formatting.decibel(best) + standing


STATE = Column("state", 10, "state", lambda entry, _: formatting.state_text(entry.state), left=True)
NAME = Column("name", 12, "name", lambda entry, _: entry.label, left=True)
EPOCH = Column("epoch", 9, "epoch", _epoch)
ETA = Column("ETA", 7, "eta", _eta)
LOSS = Column("loss", 7, "loss", _figure("loss"))
BEST = Column("best", 6, "best_psnr", _best)
BASE = Column("base", 5, "baseline", lambda entry, _: formatting.decibel(baseline(entry)))
AGE = Column("age", 4, "age", lambda entry, now: formatting.age(now - entry.created))
TAGS = Column("tags", 12, "tag", lambda entry, _: " ".join(entry.tags), left=True)
NOTE = Column("note", 20, "note", lambda entry, _: entry.note, left=True)

COLUMNS = (STATE, NAME, EPOCH, ETA, LOSS, BEST, BASE, AGE, TAGS, NOTE)
# What a narrow terminal gives up, last first.
_IMPORTANCE = (STATE, NAME, BEST, EPOCH, AGE, LOSS, BASE, ETA, TAGS, NOTE)
# What takes the room that is left, up to a width; the last one shown takes all.
_WIDEST = {NAME: 30, TAGS: 24, NOTE: 0}


def fitting(width: int) -> list[tuple[Column, int]]:
    """The columns that fit a width in cells, in the order shown, with their widths."""
    widths: dict[Column, int] = {}
    left = width + GAP
    for column in _IMPORTANCE:
        if left >= column.width + GAP or len(widths) < 2:
            left -= column.width + GAP
            widths[column] = column.width
    growing = [column for column in _WIDEST if column in widths]
    for column in growing:
        grown = max(0, left if column is growing[-1] else min(left, _WIDEST[column] - column.width))
        widths[column] += grown
        left -= grown
    return [(column, widths[column]) for column in COLUMNS if column in widths]
