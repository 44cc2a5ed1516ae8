"""status.json: what a run's process last said of itself, and whether that can still be true."""

import os
import socket
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import psutil

from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.store.reading import read_whole, why_unreadable

State = Literal["queued", "starting", "running", "stopping", "finished", "stopped", "failed", "lost"]
LIVE_STATES: tuple[State, ...] = ("starting", "running", "stopping")
FORMAT = 1

# A process of another host cannot be looked at: its heartbeat (every 5 s) tells, generously for network file systems.
REMOTE_HEARTBEAT_LIMIT = 90.0
# A process that has been launched must have named itself within this time; importing everything takes about 3 s.
STARTING_LIMIT = 60.0


@dataclass(frozen=True)
class Status:
    """A run's state with the identity of the process behind it; times are Unix seconds.

    `summary` holds what lists show: loss, mse, kl of the last epoch; psnr and best_psnr of validation (mean dB a frame,
    z from the prior) and the baselines repeat_first and mean_frame on the same clip.
    """

    state: State
    pid: int = 0
    process_started: float = 0.0
    host: str = field(default_factory=socket.gethostname)
    heartbeat: float = field(default_factory=time.time)
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    eta_seconds: float | None = None
    cause: str = ""
    summary: dict[str, float | str | None] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether a process is, or is about to be, at work on the run."""
        return self.state in LIVE_STATES


def this_process() -> dict[str, Any]:
    """The identity of the calling process as fields of Status."""
    process = psutil.Process()
    return {"pid": process.pid, "process_started": process.create_time(), "host": socket.gethostname()}


def write_status(path: Path, status: Status) -> None:
    """Replace status.json atomically."""
    write_atomic(path, _encoded(status))


def overwrite_status(path: Path, status: Status) -> None:
    """Write over the present status.json, which a full disk still allows: the file's own block is enough."""
    with path.open("r+b") as file:
        file.write(_encoded(status))
        file.truncate()


def _encoded(status: Status) -> bytes:
    return codec.encode({"format": FORMAT, **asdict(status)}, indent=True)


def read_status(path: Path) -> Status:
    """Read status.json as it stands; a missing or damaged one reads as lost, saying why."""
    try:
        found = codec.decode(read_whole(path))
        codec.check_format(found, FORMAT)
        known = {item.name for item in fields(Status)}
        values = {key: value for key, value in found.items() if key in known}
        values["eta_seconds"] = codec.number(values.get("eta_seconds"))
        codec.check_kinds(Status, values)
        return Status(**values)
    except FileNotFoundError:
        return Status("lost", cause="status.json is missing", heartbeat=0.0)
    except OSError as error:
        return Status("lost", cause=f"status.json cannot be read: {why_unreadable(error)}", heartbeat=0.0)
    except (ValueError, TypeError) as error:
        return Status("lost", cause=f"status.json cannot be read: {error}", heartbeat=0.0)


def same_process_alive(pid: int, started: float) -> bool:
    """Whether the process with this pid is still the one that started at `started` (pids are reused)."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError):  # of a negative pid psutil says ValueError
        return False


def observed(status: Status, now: float | None = None) -> Status:
    """The status corrected by what can be seen: a live state whose process is gone becomes "lost".

    On the same host pid and process start time decide, so a busy process never shows as lost; for another host only
    the age of its heartbeat can.
    """
    if not status.live:
        return status
    age = (now if now is not None else time.time()) - status.heartbeat
    if status.pid == 0:
        gone, why = age > STARTING_LIMIT, "its process never reported"
    elif status.host == socket.gethostname():
        gone, why = not same_process_alive(status.pid, status.process_started), f"its process {status.pid} is gone"
    else:
        gone, why = age > REMOTE_HEARTBEAT_LIMIT, f"no heartbeat from {status.host} for {age:.0f} s"
    if not gone:
        return status
    return Status(**{**asdict(status), "state": "lost", "cause": why, "eta_seconds": None})


def is_alive_here(status: Status) -> bool:
    """Whether the run's process runs on this host and may be sent signals."""
    here = status.host == socket.gethostname() and status.pid not in (0, os.getpid())
    return status.live and here and same_process_alive(status.pid, status.process_started)
