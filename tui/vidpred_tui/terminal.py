"""What the program must know of the terminal that Textual does not tell."""

import array
import asyncio
import fcntl
import os
import select
import signal
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any


def unusable_reason() -> str | None:
    """Why no screen can be drawn here, in one sentence; None where one can. Textual draws on standard error."""
    if not (sys.stdin and sys.stdin.isatty()):
        return "vidpred-tui needs a terminal, and its standard input is none; run it in one, or use vidpred-engine."
    if not (sys.stderr and sys.stderr.isatty()):
        return "vidpred-tui draws on standard error, which is no terminal here; do not redirect it."
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        return "vidpred-tui needs a terminal that can move its cursor; set TERM, for example to xterm-256color."
    return None


def has_hung_up() -> bool:
    """Whether the terminal that was drawn on is no more."""
    try:
        termios.tcgetattr(sys.__stderr__)  # type: ignore[arg-type]
    except (termios.error, OSError, ValueError, TypeError):
        return True
    return False


def output_pending() -> bool:
    """Whether output waits for a slow connection: a redraw now would only lengthen the queue and delay keys.

    A pseudo-terminal, which is what ssh and tmux give, never counts what waits in it; it only takes no more. And behind
    it, sshd takes up to half a megabyte before it takes no more, which lets a key wait 23 s on a link of 20 kB/s.
    """
    waiting = array.array("i", [0])
    try:
        terminal = sys.__stderr__.fileno()  # type: ignore[union-attr]
        fcntl.ioctl(terminal, termios.TIOCOUTQ, waiting)
        _, writable, _ = select.select([], [terminal], [], 0)
    except (OSError, ValueError, AttributeError):
        return False
    return waiting[0] > 0 or not writable or _ssh_pending(os.environ.get("SSH_CONNECTION", ""))


def _ssh_pending(connection: str) -> bool:
    """Whether the other end of an SSH connection, as SSH_CONNECTION writes it, has not yet confirmed all it was sent.

    Tells nothing where the kernel has no such connection: in a tmux started from another one, or on other systems.
    """
    try:
        client, client_port, _, server_port = connection.split()
        ends = f":{int(server_port):04X}", f":{int(client_port):04X}"
        listed = Path("/proc/net/tcp6" if ":" in client else "/proc/net/tcp").read_text()  # 1 ms to read
    except (OSError, ValueError):
        return False
    return any(
        local.endswith(ends[0]) and remote.endswith(ends[1]) and not queues.startswith("00000000:")
        for _, local, remote, _, queues, *_ in map(str.split, listed.splitlines())
    )


def take_over_after_stops(driver: Any, draw: Callable[[], object]) -> None:
    """Take the terminal over anew, and draw, where SIGSTOP, of which no program is told, had stopped this one.

    Textual takes each SIGCONT for the end of its own Ctrl+Z, before which it gave the terminal back. It would start a
    second thread for keys, so that quitting waits for the first for ever, and leave the terminal as the raw one it is.

    Call it on the event loop, which hears both signals between two callbacks: heard within one they can post a message
    to a queue that is just about to be waited for, after which no key is heard any more.
    """

    def go_on() -> None:
        if not driver._must_signal_resume:
            driver.suspend_application_mode()
        driver.resume_application_mode()
        draw()

    if hasattr(driver, "_must_signal_resume"):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTSTP, driver._sigtstp_application)
        loop.add_signal_handler(signal.SIGCONT, go_on)
