"""status.json: what a run's process last said of itself, and whether that can still be true."""

import os
import socket
import time
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Literal

from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.store.process import life, oom_kills
from vidpred_engine.store.process import this_process as this_process
from vidpred_engine.store.reading import read_whole, refuse_newer, why_unreadable

State = Literal[
    "created", "queued", "starting", "running", "stalled", "stopping", "finished", "stopped", "failed", "lost"
]
"""created: made and never started; queued: it waits in the queue for its turn, see `launch.queue`.

No process writes "stalled" or "lost": that is what others see of one that stands still, or is gone.
"""
LIVE_STATES: tuple[State, ...] = ("starting", "running", "stalled", "stopping")
FORMAT = 1

# A process of another host cannot be looked at: its heartbeat (every 5 s) tells, generously for network file systems.
REMOTE_HEARTBEAT_LIMIT = 90.0
# A process that has been launched must have named itself within this time; importing everything takes about 3 s.
STARTING_LIMIT = 60.0
# So long a process of this host may live without a heartbeat before it counts as stalled.
STALLED_LIMIT = 60.0


@dataclass(frozen=True)
class Status:
    """A run's state with the identity of the process behind it; times are Unix seconds.

    `uptime` is the heartbeat in seconds since the machine's start (0: not told), which no clock that is set can move;
    `place` orders the runs in the queue; 0 outside of it.
    `oom_kills` is how many processes the kernel had killed for want of memory by then (-1: not told).
    `summary` holds what lists show: loss, mse, kl of the last epoch; psnr and best_psnr of validation (mean dB a frame,
    z from the prior) and the baselines repeat_first and mean_frame on the same clip.
    """

    state: State
    pid: int = 0
    process_started: float = 0.0
    host: str = field(default_factory=socket.gethostname)
    boot_id: str = ""
    start_ticks: int = 0
    heartbeat: float = field(default_factory=time.time)
    uptime: float = 0.0
    oom_kills: int = -1
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    place: int = 0
    eta_seconds: float | None = None
    cause: str = ""
    summary: dict[str, float | str | None] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether a process is, or is about to be, at work on the run."""
        return self.state in LIVE_STATES


def beating(status: Status) -> Status:
    """The status with the heartbeat of this moment."""
    return replace(status, heartbeat=time.time(), uptime=time.monotonic(), oom_kills=oom_kills())


def write_status(path: Path, status: Status) -> None:
    """Replace status.json atomically; raises NewerFormatError, and leaves it, where it is of a format to come."""
    refuse_newer(path, FORMAT)
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
        if values.get("state") == "queued" and not values.get("place"):
            values["state"] = "created"
        return Status(**values)
    except FileNotFoundError:
        return Status("lost", cause="status.json is missing", heartbeat=0.0)
    except OSError as error:
        return Status("lost", cause=f"status.json cannot be read: {why_unreadable(error)}", heartbeat=0.0)
    except (ValueError, TypeError) as error:
        return Status("lost", cause=f"status.json cannot be read: {error}", heartbeat=0.0)


def observed(status: Status, now: float | None = None) -> Status:
    """The status corrected by what can be seen: a live state is "lost" without its process, or "stalled".

    On the same host the process itself decides, so a busy one never shows as lost; for another host only the age of
    its heartbeat can.
    """
    if not status.live:
        return status
    age = (now if now is not None else time.time()) - status.heartbeat
    if status.pid == 0:
        return lost(status, "its process never reported") if abs(age) > STARTING_LIMIT else status
    if status.host == socket.gethostname():
        return _observed_here(status)
    if age > REMOTE_HEARTBEAT_LIMIT:
        return lost(status, f"no heartbeat from {status.host} for {age:.0f} s")
    if age < -REMOTE_HEARTBEAT_LIMIT:
        return replace(status, cause=f"the clock of {status.host} differs by {-age:.0f} s, so it may be gone unseen")
    return status


def _observed_here(status: Status) -> Status:
    silence = time.monotonic() - status.uptime if status.uptime else 0.0
    match life(status):
        case "restarted":
            return lost(status, f"the machine was restarted under its process {status.pid}")
        case "gone":
            return lost(status, f"its process {status.pid} is gone{want_of_memory(status)}")
        case "stopped":
            return _stalled(status, f"its process {status.pid} is stopped; `kill -CONT {status.pid}` lets it go on")
        case "alive" if silence > STALLED_LIMIT:
            return _stalled(status, f"its process {status.pid} lives, without a heartbeat for {silence // 60:.0f} min")
        case "alive":
            return status


def want_of_memory(status: Status) -> str:
    """A clause that says so where a process of this host that is gone may have been killed for want of memory."""
    since = oom_kills() - status.oom_kills if status.oom_kills >= 0 else 0
    return f", perhaps for want of memory: the kernel has killed {since} for it since" if since > 0 else ""


def lost(status: Status, cause: str) -> Status:
    """The status of a run that nobody can say more of; what it had reached is kept."""
    return replace(status, state="lost", cause=cause, eta_seconds=None)


def _stalled(status: Status, cause: str) -> Status:
    return replace(status, state="stalled", cause=cause, eta_seconds=None)


def is_alive_here(status: Status) -> bool:
    """Whether the run's process runs on this host and may be sent signals."""
    here = status.host == socket.gethostname() and status.pid not in (0, os.getpid())
    return status.live and here and life(status) in ("alive", "stopped")
