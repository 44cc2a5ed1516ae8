"""What tells runs apart that are shown together: their names, and their places among signs and colours."""

from collections import Counter
from collections.abc import Sequence
from itertools import count
from zlib import crc32

PLACES = 7
"""So many signs and colours a screen has; beyond them they pair anew."""


def distinct_names(names: Sequence[str], run_ids: Sequence[str]) -> list[str]:
    """The names of runs; where several bear one, as repeats over seeds do, with the last part of the run's id."""
    borne = Counter(names)
    pairs = zip(names, run_ids, strict=True)
    return [f"{name} {run_id.rpartition('-')[2]}" if borne[name] > 1 else name for name, run_id in pairs]


def steady_places(run_ids: Sequence[str]) -> list[int]:
    """A place from 0 on for each run: the one that its id gives it wherever it is shown, in whatever order.

    Where an older run among these has that one, it is the next that is free.
    """
    taken: dict[int, str] = {}
    for run_id in sorted(set(run_ids)):
        own = crc32(run_id.encode()) % PLACES
        places = (around * PLACES + (own + further) % PLACES for around in count() for further in range(PLACES))
        taken[next(place for place in places if place not in taken)] = run_id
    found = {run_id: place for place, run_id in taken.items()}
    return [found[run_id] for run_id in run_ids]
