"""What a long command shows: a bar with ETA on a terminal, plain lines elsewhere."""

import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from vidpred_engine.inert import inert, inert_lines

# tqdm's own lock is for several processes, and starts one more that lives as long as this one.
tqdm.set_lock(threading.RLock())

Report = Callable[[int, int], None]


class _Unhurried:
    """Standard error without what it does not take at once: no work waits for a reader, or ends as one is gone.

    A terminal is opened once more to be told not to wait; told so as it is, others that write to it would be, too.
    """

    def __init__(self) -> None:
        self.encoding = sys.stderr.encoding  # tqdm draws in it
        self._terminal = -1
        if sys.stderr.isatty():
            with suppress(OSError):
                name = os.ttyname(sys.stderr.fileno())
                self._terminal = os.open(name, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)

    def write(self, text: str) -> None:
        with suppress(OSError):
            if self._terminal >= 0:
                os.write(self._terminal, text.encode(errors="replace"))
            elif _takes_more():
                sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()

    def fileno(self) -> int:
        """For the terminal's width."""
        return sys.stderr.fileno()


def _takes_more() -> bool:
    try:
        return bool(select.select([], [sys.stderr.fileno()], [], 0)[1])
    except (OSError, ValueError):  # no file at all
        return True


def _append(log: Path, text: str) -> None:
    """Neither follows a link nor waits for the reader of a pipe."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(log, flags, 0o666), "ab") as file:
        file.write(text.encode(errors="replace"))


class Progress:
    """Writes to standard error, so that a command's result on standard output stays clean."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._stream: Any = _Unhurried()
        self._log: Path | None = None

    def keep_in(self, log: Path) -> None:
        """Append what is said from now on to a file, too, unless standard error goes there as it is."""
        with suppress(OSError):
            if log.exists() and os.path.samestat(log.stat(), os.fstat(sys.stderr.fileno())):
                return
        self._log = log

    def say(self, text: str) -> None:
        """Print one line, above the bar where one is shown; a full disk or a closed terminal ends no work."""
        line = inert_lines(text)
        tqdm.write(line, file=self._stream)
        self._stream.flush()
        if self._log is not None:
            with suppress(OSError):
                _append(self._log, f"{line}\n")

    @contextmanager
    def bar(self, what: str, total: int, *, done: int = 0, unit: str = "step") -> Iterator["tqdm[Any]"]:
        """A bar to update by hand; silent where standard error is no terminal."""
        what = inert(what)
        look: dict[str, Any] = {"dynamic_ncols": True, "leave": False, "disable": not self._live, "file": self._stream}
        with tqdm(total=total, initial=done, desc=what, unit=unit, **look) as shown:
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
