"""Requests to a run at work: small files in its folder that its process takes between two steps, and then removes.

They reach a process on any machine that shares the folder, which a signal does not. The folder `control` is there
only while requests are in it, so that a step without any costs one look at the file system.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from vidpred_engine.errors import UserError
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import file_stamp, write_atomic
from vidpred_engine.store.reading import read_whole
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import Status

Request = Literal["checkpoint", "validate", "stop-after-epoch", "stop"]

REQUESTS: dict[Request, str] = {
    "checkpoint": "save a checkpoint after its step",
    "validate": "validate after its step",
    "stop-after-epoch": "save and leave at the end of its epoch",
    "stop": "save and leave after its step",
}
"""What a run is asked to do."""

ATTEMPTS = 5


def ask(run: RunDirectory, request: Request) -> None:
    """Ask the process that trains a run; the same request again, before it is taken, changes nothing.

    Raises UserError where no process is at work that could do it.
    """
    status = run.status()
    if status.state == "stopping":
        raise UserError(f"Run {run.run_id} is saving and about to leave, so it takes no requests.")
    if not status.live:
        raise UserError(f"Run {run.run_id} is {status.state}, so no process is there to {_first_word(request)}.")
    if not status.pid:
        raise UserError(f"Run {run.run_id} is just being started; ask again once it runs.")
    folder = control_folder(run)
    for attempt in range(ATTEMPTS):
        folder.mkdir(exist_ok=True)
        try:
            return write_atomic(folder / f"{request}.json", codec.encode({"request": request, **_identity(status)}))
        except FileNotFoundError:  # the process has just removed the folder, empty as it was
            if attempt + 1 == ATTEMPTS:
                raise
    raise AssertionError


def control_folder(run: RunDirectory) -> Path:
    """Where requests to a run lie; there is none while there are no requests."""
    return run.path / "control"


@dataclass(frozen=True)
class Taken:
    """A request that was taken; `is_stale` says that it was made to an earlier process of the run."""

    request: Request
    is_stale: bool


class Inbox:
    """The requests to one process, told from those to earlier ones by `whose`, the status that it keeps."""

    def __init__(self, run: RunDirectory, whose: Callable[[], Status]) -> None:
        self._folder = control_folder(run)
        self._whose = whose

    def take(self) -> list[Taken]:
        """The requests that are there, each of them once, whatever was made of the files."""
        if file_stamp(self._folder) is None:
            return []
        taken = []
        mine = _identity(self._whose())
        for request in get_args(Request):
            path = self._folder / f"{request}.json"
            with suppress(OSError):  # what cannot be read and removed is not obeyed, lest it be at every step
                content = read_whole(path)
                path.unlink()
                taken.append(Taken(request, is_stale=_addressee(content) != mine))
        with suppress(OSError):  # somebody is about to put one more into it
            self._folder.rmdir()
        return taken


def _identity(status: Status) -> dict[str, Any]:
    return {"host": status.host, "pid": status.pid, "boot_id": status.boot_id, "start_ticks": status.start_ticks}


def _addressee(content: bytes) -> dict[str, Any]:
    try:
        found = codec.decode(content)
    except ValueError:
        return {}
    return {key: value for key, value in found.items() if key != "request"} if isinstance(found, dict) else {}


def _first_word(request: Request) -> str:
    return "stop" if request.startswith("stop") else REQUESTS[request].partition(" after")[0]
