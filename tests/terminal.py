"""The real vidpred-tui on a real terminal: a pty drawn by pyte, driven by keys, read as a screen of text."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte

DEADLINE_SECONDS = 300.0


class Terminal:
    """One vidpred-tui process; use as a context manager, which ends it."""

    def __init__(self, runs: Path, *, columns: int = 120, rows: int = 40) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.process: pexpect.spawn[bytes] = pexpect.spawn(
            sys.executable,
            ["-c", "from vidpred_tui.cli import main; main()", "--runs", str(runs)],
            env={**os.environ, "TERM": "xterm-256color"},
            dimensions=(rows, columns),
            timeout=DEADLINE_SECONDS,
        )

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.close(force=True)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self._screen.display)

    @property
    def screen(self) -> pyte.Screen:
        """The screen itself."""
        return self._screen

    def until_quiet(self, seconds: float = 1.0) -> None:
        """Draw what the program sends until it has sent nothing for so long."""
        while True:
            try:
                self.draw(self.process.read_nonblocking(65536, timeout=seconds))
            except pexpect.TIMEOUT:
                return

    def colours(self, row: int, column: int) -> tuple[str, str]:
        """The colours of a cell's character and of its background, as hexadecimal digits."""
        cell = self._screen.buffer[row][column]
        return cell.fg, cell.bg

    def draw(self, output: bytes) -> None:
        """Draw what was read from the process."""
        self._stream.feed(output)

    def press(self, *keys: str) -> None:
        """Send keys as a person's terminal would."""
        for key in keys:
            self.process.send(key)

    def until(self, condition: Callable[[str], bool], what: str) -> str:
        """Draw what the program sends until the screen fulfils the condition; returns the screen's text."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not condition(self.text):
            assert time.monotonic() < deadline, f"waited for {what}; the screen shows\n{self.text}"
            try:
                self.draw(self.process.read_nonblocking(65536, timeout=0.2))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                raise AssertionError(f"vidpred-tui ended while waiting for {what}\n{self.text}") from None
        return self.text

    def sees(self, *words: str) -> str:
        """Wait until all words stand on the screen."""
        return self.until(lambda text: all(word in text for word in words), " and ".join(words))

    def leave(self) -> int:
        """Press q and wait for the end; returns the exit status."""
        self.press("q")
        self.process.expect(pexpect.EOF)
        self.process.close()
        return int(self.process.exitstatus or 0)
