"""`vidpred-tui --once`: the runs as plain lines for scripts, without a terminal and without Textual."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

from vidpred_engine.inert import inert
from vidpred_engine.store.codec import number
from vidpred_engine.store.registry import Registry, RunEntry
from vidpred_engine.store.run_fields import baseline
from vidpred_engine.store.run_filter import parse_filter
from vidpred_engine.store.status import LIVE_STATES

COLUMNS = ("run", "name", "state", "epoch", "epochs", "eta_seconds", "loss", "best_psnr", "baseline", "age_seconds")
NONE = "-"


def print_once(runs: Path, words: Sequence[str]) -> None:
    """Print the runs that a filter means, newest first: a line each, tabs between values, the columns' names above.

    Raises FilterError where the filter means nothing.
    """
    now = time.time()
    matches = parse_filter(" ".join(words))
    entries = [entry for entry in Registry(runs).entries() if matches(entry, now)]
    lines = [COLUMNS, *(_values(entry, now) for entry in entries)]
    sys.stdout.write("".join("\t".join(line) + "\n" for line in lines))


def _values(entry: RunEntry, now: float) -> tuple[str, ...]:
    eta = entry.eta_seconds if entry.state in LIVE_STATES else None
    figures = [number(entry.summary.get("loss")), number(entry.summary.get("best_psnr")), baseline(entry)]
    progress = [str(entry.epoch), str(entry.epochs), *(_written(value) for value in (eta, *figures))]
    return (entry.run_id, inert(entry.label), entry.state, *progress, f"{max(0.0, now - entry.created):.0f}")


def _written(value: float | None) -> str:
    return NONE if value is None else f"{value:.6g}"
