"""The one process of a folder of runs that starts those in the queue in their turn, as many at once as there are slots.

It may be killed at any time: what waits, what trains and what has ended stands in the runs' own folders, and the next
one goes on from there.
"""

import os
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import filelock

from vidpred_engine.errors import UserError
from vidpred_engine.launch import local, queue
from vidpred_engine.launch.slots import Devices
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import LIVE_STATES, read_status, write_status

LOCK, LOG = "queue-runner.lock", "queue.log"
# How often ended processes are looked for, and how often the folder is, where nothing has ended.
REST_SECONDS, LOOK_SECONDS = 0.1, 1.0
# Others only try this lock, to see whether someone is at work.
LOCK_PATIENCE = 2.0


def start_runner(runs: Path) -> "subprocess.Popen[bytes]":
    """Let a process of its own session work on the queue of this folder; where one does already, it leaves at once."""
    return local.detached(runs / LOG, "queue", "run", "--runs", str(runs.resolve()), environment={})


def is_at_work(runs: Path) -> bool:
    """Whether a process works on the queue of this folder."""
    lock = filelock.FileLock(runs / LOCK, timeout=0)
    try:
        with lock:
            return False
    except filelock.Timeout:
        return True
    except OSError:
        return False


class QueueRunner:
    """Works on the queue of one folder until nothing waits and what it has started is over."""

    def __init__(self, runs: Path, slots: int | None, say: Callable[[str], None]) -> None:
        self._runs = runs
        self._registry = Registry(runs)
        self._devices = Devices(slots)
        self._say = say
        self._trainings: dict[str, tuple[str, subprocess.Popen[bytes]]] = {}
        self._hopeless: set[str] = set()

    def work(self, told_to_leave: Event) -> bool:
        """Work until all is done or told to leave; False where another process is at work already.

        What was started goes on without it, and what waits keeps its place.
        """
        self._runs.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self._runs / LOCK, timeout=LOCK_PATIENCE)
        try:
            lock.acquire()
        except filelock.Timeout:
            return False
        try:
            queue.recover(self._runs)
            looked = 0.0
            while not told_to_leave.is_set():
                if self._reap() or time.monotonic() - looked > LOOK_SECONDS:
                    self._start_next()
                    looked = time.monotonic()
                    if not self._trainings and self._nothing_waits(lock):
                        break
                told_to_leave.wait(REST_SECONDS)
        finally:
            lock.release()
        return True

    def _nothing_waits(self, lock: filelock.BaseFileLock) -> bool:
        """Whether the queue is empty; if so, others may work on it before anybody can put a run into it again."""
        with queue.changing(self._runs):
            if self._waiting():
                return False
            lock.release()
            return True

    def _reap(self) -> bool:
        """Say of trainings that have ended how they did, where they could not themselves."""
        ended = [(run_id, process) for run_id, (_, process) in self._trainings.items() if process.poll() is not None]
        for run_id, process in ended:
            del self._trainings[run_id]
            local.record_end(RunDirectory(self._runs / run_id), process.pid, process.returncode)
            self._say(f"{run_id} has ended with exit code {process.returncode}.")
        return bool(ended)

    def _start_next(self) -> None:
        """Start runs in their order on devices with a free slot; one overtakes another only for another device."""
        waiting = self._waiting()
        busy: Counter[str] = self._busy() if waiting else Counter()
        for run in waiting:
            try:
                wanted = run.settings().device
                fit = self._devices.fit_for(wanted)
                device = min(fit, key=lambda name: busy[name] - self._devices.slots[name])
                if busy[device] >= self._devices.slots[device]:
                    continue
                process = local.start_in_turn(run, self._devices.environment(wanted, device))
            except (UserError, OSError) as error:
                self._give_up(run, str(error))
                continue
            if process is not None:
                busy[device] += 1
                self._trainings[run.run_id] = device, process
                self._say(f"{run.run_id} starts on {device}.")

    def _waiting(self) -> list[RunDirectory]:
        passed_over = self._trainings.keys() | self._hopeless
        return [run for run in queue.waiting(self._runs) if run.run_id not in passed_over]

    def _busy(self) -> Counter[str]:
        """How many trainings each device of this machine does, whoever started them."""
        busy = Counter(device for device, _ in self._trainings.values())
        for entry in self._registry.entries():
            if entry.state in LIVE_STATES and entry.run_id not in self._trainings:
                status = read_status(RunDirectory(self._runs / entry.run_id).status_file)
                if status.host == socket.gethostname() and not queue.is_waiting(status):
                    busy[self._devices.of_process(str(entry.changed.get("device", "auto")), status.pid)] += 1
        return busy

    def _give_up(self, run: RunDirectory, why: str) -> None:
        """Say of a run that cannot be started that it failed, so that those behind it have their turn."""
        self._say(f"{run.run_id} cannot be started: {why}")
        status = replace(read_status(run.status_file), state="failed", place=0, cause=why)
        try:
            write_status(run.status_file, status)
        except OSError as error:
            self._hopeless.add(run.run_id)
            self._say(str(error))


def log_line(sentence: str) -> str:
    """A line of the log of this process."""
    return f"{time.strftime('%Y-%m-%d %H:%M:%S')} {os.getpid()} {sentence}"
