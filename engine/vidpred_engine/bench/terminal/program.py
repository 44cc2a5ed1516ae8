"""vidpred-tui on a terminal of its own, driven by keys and read as the bytes it sends."""

import os
import pty
import select
import shutil
import subprocess
import sys
import termios
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, Self

import psutil

from vidpred_engine.errors import UserError

PATIENCE_SECONDS = 120.0
ENDING_SECONDS = 10.0
_CHUNK = 1 << 16


class Size(NamedTuple):
    """A terminal's size in cells."""

    columns: int
    rows: int

    def __str__(self) -> str:
        return f"{self.columns}x{self.rows}"


class TerminalProgram:
    """A vidpred-tui process over a folder of runs; use as a context manager, which ends it.

    It is given what SSH gives: a terminal type of 256 colours. All moments are those of `perf_counter`.
    """

    def __init__(self, runs: Path, size: Size) -> None:
        command = [_script(), "--runs", str(runs), "--color", "256"]
        self._terminal, inner = pty.openpty()
        termios.tcsetwinsize(inner, (size.rows, size.columns))
        self.began = perf_counter()
        self._process = psutil.Popen(
            command,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            # what someone has made the program remember would be measured, and what is measured remembered
            env={**os.environ, "TERM": "xterm-256color", "XDG_STATE_HOME": str(runs.parent / "state")},
            start_new_session=True,
        )
        os.close(inner)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.terminate()
        try:
            self._read(ENDING_SECONDS, until_end=True)
            self._process.wait(ENDING_SECONDS)
        except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        finally:
            os.close(self._terminal)

    def press(self, key: str) -> float:
        """Send a key as the terminal would; returns the moment."""
        moment = perf_counter()
        os.write(self._terminal, key.encode())
        return moment

    def until(self, *texts: str) -> list[float]:
        """Read until the program has sent each of these texts, as from now; the moments at which it had.

        A text is found where the program sends it in one piece: one style, one line, all of it changed.
        """
        wanted = [text.encode() for text in texts]
        moments: dict[bytes, float] = {}
        sent = b""
        deadline = perf_counter() + PATIENCE_SECONDS
        while len(moments) < len(set(wanted)):
            chunk = self._chunk(deadline)
            if chunk is None:
                missing = ", ".join(repr(text) for text in texts if text.encode() not in moments)
                raise UserError(f"vidpred-tui did not show {missing} within {PATIENCE_SECONDS:.0f} s.")
            if not chunk:
                raise UserError(f"vidpred-tui ended before it could be measured; it said: {_said(sent)}")
            sent += chunk
            moments |= {text: perf_counter() for text in wanted if text not in moments and text in sent}
        return [moments[text] for text in wanted]

    def read_for(self, seconds: float) -> int:
        """Read what it sends in this time; how many bytes that is."""
        return self._read(seconds)

    def until_quiet(self, seconds: float) -> None:
        """Read until it has sent nothing for so long."""
        while self._read(seconds):
            pass

    def processor_seconds(self) -> float:
        """The processor time that the process has used, of all its threads, in user and system mode."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _read(self, seconds: float, *, until_end: bool = False) -> int:
        deadline, count = perf_counter() + seconds, 0
        while (chunk := self._chunk(deadline)) is not None:
            if not chunk:
                if until_end:
                    break
                raise UserError("vidpred-tui ended before it could be measured.")
            count += len(chunk)
        return count

    def _chunk(self, deadline: float) -> bytes | None:
        """The next bytes; none where the program has ended, None where the time has come."""
        ready, _, _ = select.select([self._terminal], [], [], max(0.0, deadline - perf_counter()))
        if not ready:
            return None
        try:
            return os.read(self._terminal, _CHUNK)
        except OSError:  # what Linux says of a terminal that nobody has open any more
            return b""


def _script() -> str:
    beside = Path(sys.executable).with_name("vidpred-tui")
    found = str(beside) if beside.exists() else shutil.which("vidpred-tui")
    if found is None:
        raise UserError("There is no vidpred-tui to measure; install vidpred as its README says.")
    return found


def _said(sent: bytes) -> str:
    lines = sent.decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip().isprintable() and line.strip()), "nothing")
