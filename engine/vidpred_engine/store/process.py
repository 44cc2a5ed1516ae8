"""Telling whether the very process that wrote a file still lives, whatever became of pids, clocks and the machine."""

import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Protocol

import psutil

Life = Literal["alive", "stopped", "gone", "restarted"]
"""stopped: it is there, but does not run (SIGSTOP, Ctrl+Z, a debugger); restarted: its machine was, so it is gone."""


class Identity(Protocol):
    """What a process wrote of itself; `boot_id` and `start_ticks` are empty where the system does not tell them."""

    @property
    def pid(self) -> int: ...
    @property
    def process_started(self) -> float: ...
    @property
    def boot_id(self) -> str: ...
    @property
    def start_ticks(self) -> int: ...


def this_process() -> dict[str, Any]:
    """The identity of the calling process, and its host."""
    process = psutil.Process()
    return {
        "pid": process.pid,
        "process_started": process.create_time(),
        "host": socket.gethostname(),
        "boot_id": boot_id(),
        "start_ticks": _start_ticks(process.pid),
    }


def life(process: Identity) -> Life:
    """What became of a process of this host."""
    if process.boot_id and boot_id() not in ("", process.boot_id):
        return "restarted"
    try:
        found = psutil.Process(process.pid)
        # A pid is given anew. The ticks since the machine's start tell two of them apart to 10 ms; a start time in
        # seconds moves as the clock is set.
        if process.start_ticks:
            same = _start_ticks(process.pid) == process.start_ticks
        else:
            same = abs(found.create_time() - process.process_started) < 1.0
        state = found.status()
    except (psutil.Error, ValueError):  # of a negative pid psutil says ValueError
        return "gone"
    if not same or state in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
        return "gone"
    return "stopped" if state in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP) else "alive"


def boot_id() -> str:
    """What Linux calls this start of the machine; empty elsewhere."""
    return _read("/proc/sys/kernel/random/boot_id")


def oom_kills() -> int:
    """How many processes Linux has killed for want of memory since the machine's start; 0 elsewhere."""
    counts = dict(line.split() for line in _read("/proc/vmstat").splitlines())
    return int(counts.get("oom_kill", 0))


def _start_ticks(pid: int) -> int:
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()  # a program's name may hold anything, ")" too
    return int(fields[19]) if len(fields) > 19 else 0


def _read(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    return ""
