"""What a long command shows: a bar with ETA on a terminal, plain lines elsewhere."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tqdm import tqdm

from vidpred_engine.inert import inert, inert_lines

# tqdm's own lock is for several processes, and starts one more that lives as long as this one.
tqdm.set_lock(threading.RLock())

Report = Callable[[int, int], None]


class Progress:
    """Writes to standard error, so that a command's result on standard output stays clean."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Print one line, above the bar where one is shown; a full disk or a closed terminal ends no work."""
        with suppress(OSError):
            tqdm.write(inert_lines(text), file=sys.stderr)
            sys.stderr.flush()

    @contextmanager
    def bar(self, what: str, total: int, *, done: int = 0, unit: str = "step") -> Iterator["tqdm[Any]"]:
        """A bar to update by hand; silent where standard error is no terminal."""
        what = inert(what)
        with tqdm(
            total=total, initial=done, desc=what, unit=unit, disable=not self._live, dynamic_ncols=True, leave=False
        ) as shown:
            yield shown

    @contextmanager
    def report(self, what: str, unit: str = "frame") -> Iterator[Report]:
        """A bar behind a callback (done, total); elsewhere one line says what begins."""
        if not self._live:
            said = False

            def announce(done: int, total: int) -> None:  # noqa: ARG001
                nonlocal said
                if not said:
                    self.say(f"{what} ({total} {unit}s) ...")
                    said = True

            yield announce
            return
        with self.bar(what, 0, unit=unit) as shown:

            def advance(done: int, total: int) -> None:
                shown.total = total
                shown.update(done - shown.n)

            yield advance
