"""A fault of the program itself: the terminal is restored, training goes on, and a report of it is left in a file."""

import asyncio
import os
import platform
import shutil
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from textual.message import Message
from textual.worker import WorkerFailed

from vidpred_engine import __version__
from vidpred_engine.inert import inert
from vidpred_tui.app import VidpredApp
from vidpred_tui.memory import state_file
from vidpred_tui.terminal import take_over_after_stops

MOST_REPORTS = 20


class Program(VidpredApp):
    """The app as a program: it ends at the first fault, of a thread too, and keeps it for a report."""

    fault: BaseException | None = None

    @dataclass
    class ThreadFailed(Message):
        """A thread has failed; without it screens would stand still as if nothing happened."""

        error: BaseException

    def on_load(self) -> None:
        """Hear of threads that fail, and of what fails on the event loop outside any handler, as timers do."""
        threading.excepthook = lambda what: self.post_message(self.ThreadFailed(what.exc_value or what.exc_type()))
        asyncio.get_running_loop().set_exception_handler(self._fail_on_loop)

    def on_mount(self) -> None:
        """Have a driver, which decides what a signal does."""
        take_over_after_stops(self._driver, self.refresh)

    def _fail_on_loop(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Fail with what a callback raised; what else asyncio has to say is no fault that anyone would see."""
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception):
            self._handle_exception(error)
        else:
            loop.default_exception_handler(context)

    def on_program_thread_failed(self, message: ThreadFailed) -> None:
        """Fail with it."""
        raise message.error

    def _handle_exception(self, error: Exception) -> None:
        """Textual's own way, but for what it prints: a hundred lines with the values of all variables."""
        self.fault = self.fault or (error.error if isinstance(error, WorkerFailed) else error)
        super()._handle_exception(error)
        self._exit_renderables.clear()


def crash_sentences(error: BaseException) -> str:
    """Leave a report and say where it is; where none can be written, it is told in full."""
    said = inert(f"vidpred-tui has failed: {type(error).__name__}: {error}")
    try:
        path = _write(_report(error))
    except OSError as why:
        return f"{_report(error)}\n{said}\nNo report could be left: {why}. Training goes on."
    return f"{said}\nTraining goes on; open vidpred-tui again to watch. A report for the authors is in {path}."


def _report(error: BaseException) -> str:
    size = shutil.get_terminal_size()
    facts = {
        "time": time.strftime("%Y-%m-%d %H:%M:%S %z"),
        "command": " ".join(sys.argv),
        "vidpred": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("textual", "plotext")},
        "system": platform.platform(),
        "terminal": f"{size.columns}x{size.lines}",
        **{name: os.environ.get(name, "") for name in ("TERM", "COLORTERM", "TMUX", "SSH_CONNECTION", "LANG")},
    }
    lines = [f"{name}: {inert(value)}" for name, value in facts.items()]
    return "\n".join([*lines, "", *"".join(traceback.format_exception(error)).splitlines()])


def _write(report: str) -> Path:
    """Write a report that its user alone may read, as paths and names of runs stand in it; the oldest ones go."""
    folder = state_file().parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 - of a handle
        file.write(f"{report}\n")
    for old in sorted(folder.glob("crash-*.txt"))[:-MOST_REPORTS]:
        old.unlink(missing_ok=True)
    return path
