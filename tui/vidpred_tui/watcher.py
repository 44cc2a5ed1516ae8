"""The one thread that follows the runs folder and says what changed; it knows no screen."""

import math
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from vidpred_engine.errors import UserError
from vidpred_engine.launch.local import record_end
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import read_annotations
from vidpred_engine.store.atomic import Stamp, file_stamp
from vidpred_engine.store.damage import small_file_damage
from vidpred_engine.store.evaluations import Evaluation, quoted_with_gap
from vidpred_engine.store.registry import UNSETTLED_STATES, Registry, RunEntry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.sample_frames import StoredFrames, stored_sample_frames
from vidpred_engine.store.status import Status
from vidpred_tui.following import HistoryFollower
from vidpred_tui.formatting import inert
from vidpred_tui.history import History
from vidpred_tui.messages import FolderFaltered, ProcessEnded, RolloutEnded, RunAdvanced, RunsListed
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.tail import LINES_KEPT, LogTail

POLL_SECONDS = 0.2
# How often the list of runs may change: each change redraws a table, 8 kB on a large terminal.
LISTING_SECONDS = 1.0
# How often a live run's process is looked for although no file changed, and how often an idle folder is read anew.
LIVENESS_SECONDS = 1.0
IDLE_SECONDS = 5.0

Event = RunsListed | RunAdvanced | ProcessEnded | RolloutEnded | FolderFaltered


class Watcher(threading.Thread):
    """Polls the registry, the runs it was asked to follow and the processes it was given, and posts what changed.

    `post` is called from this thread. A list of runs or a snapshot is posted only when it differs from the last one.
    """

    def __init__(self, runs: Path, post: Callable[[Event], object], interval: float = POLL_SECONDS) -> None:
        super().__init__(name="vidpred-watcher", daemon=True)
        self._runs = runs
        self._post = post
        self._interval = interval
        self._wake = threading.Event()
        self._ending = False
        self._followed: dict[str, _FollowedRun] = {}  # only ever replaced, so that the thread needs no lock
        self._trainings: dict[str, subprocess.Popen[bytes]] = {}
        self._rollouts: dict[str, subprocess.Popen[bytes]] = {}
        self._listing = _Listing(runs)

    def follow(self, run_ids: Iterable[str]) -> None:
        """Follow exactly these runs from now on; a run new among them is posted with its whole history.

        So is one that was let go a moment ago, though the thread may not have looked in between.
        """
        before = self._followed
        self._followed = {
            run_id: before.get(run_id) or _FollowedRun(RunDirectory(self._runs / run_id)) for run_id in run_ids
        }
        self._wake.set()

    def adopt(self, run_id: str, process: "subprocess.Popen[bytes]") -> None:
        """Wait for this training's end, so that it leaves no zombie, and say when it comes."""
        self._trainings[run_id] = process
        self._wake.set()

    def adopt_rollout(self, run_id: str, process: "subprocess.Popen[bytes]") -> None:
        """Wait for the end of a run's rollout likewise; a run has one at a time."""
        self._rollouts[run_id] = process
        self._wake.set()

    def list_now(self) -> None:
        """Look at the list of runs at once: someone has just changed it and waits."""
        self._listing.is_awaited = True
        self._wake.set()

    def close(self) -> None:
        """Stop polling; returns when the thread has ended. Processes live on."""
        self._ending = True
        self._wake.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Poll until closed."""
        fault = ""
        while not self._ending:
            self._wake.clear()
            rest = self._interval
            try:
                self.poll()
                fault = ""
                if any(followed.is_behind for followed in self._followed.values()):
                    rest = 0
            except OSError as error:
                if str(error) != fault:
                    fault = str(error)
                    self._post(FolderFaltered(f"The runs folder {self._runs} cannot be read: {fault}."))
            self._wake.wait(rest)

    def poll(self) -> None:
        """Look at everything once and post what changed."""
        self._reap()
        for followed in self._followed.values():
            snapshot = followed.changed()
            if snapshot is not None:
                self._post(RunAdvanced(snapshot))
        entries = self._listing.changed()
        if entries is not None:
            self._post(RunsListed(entries))

    def _reap(self) -> None:
        for run_id, pid, exit_code in _ended(self._trainings):
            record_end(RunDirectory(self._runs / run_id), pid, exit_code)
            self._post(ProcessEnded(run_id, exit_code))
        for run_id, _, exit_code in _ended(self._rollouts):
            self._post(RolloutEnded(run_id, exit_code))


def _ended(processes: "dict[str, subprocess.Popen[bytes]]") -> list[tuple[str, int, int]]:
    """Take out the processes that have ended; with their pids and exit codes."""
    found = [(run_id, process.pid, process.poll()) for run_id, process in list(processes.items())]
    ended = [(run_id, pid, code) for run_id, pid, code in found if code is not None]
    for run_id, _, _ in ended:
        del processes[run_id]
    return ended


class _Listing:
    """The list of runs, read only when a file it comes from has changed or a live run's process may have gone."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._registry = Registry(runs)
        self._stamps: list[Stamp] = []
        self._read_at = -math.inf
        self._entries: tuple[RunEntry, ...] | None = None
        self.is_awaited = False

    def changed(self) -> tuple[RunEntry, ...] | None:
        """The entries, newest run first, where they differ from the last ones returned."""
        unsettled = [entry for entry in self._entries or () if entry.state in UNSETTLED_STATES]
        now = time.monotonic()
        if now - self._read_at < LISTING_SECONDS and not self.is_awaited:
            return None
        self.is_awaited = False
        stamps = [file_stamp(self._runs), file_stamp(self._runs / "registry.json")]
        stamps += [file_stamp(RunDirectory(self._runs / entry.run_id).status_file) for entry in unsettled]
        if stamps == self._stamps and now - self._read_at < (LIVENESS_SECONDS if unsettled else IDLE_SECONDS):
            return None
        self._stamps, self._read_at = stamps, now
        entries = tuple(self._registry.entries())
        if entries == self._entries:
            return None
        self._entries = entries
        return entries


class _FollowedRun:
    """One run's files, each read only when it has changed."""

    def __init__(self, run: RunDirectory) -> None:
        self._run = run
        self._metrics = HistoryFollower(run.metrics_file)
        self._tail = LogTail(run.log_file)
        self._stamps: dict[Path, Stamp] = {}
        self._settings: RunSettings | None = None
        self._status: Status | None = None
        self._status_read_at = -math.inf
        self._evaluation: Evaluation | None = None
        self._gap: float | None = None
        self._rollouts: tuple[StoredFrames, ...] = ()
        self._shown_name = ""
        self._damage: tuple[str, ...] = ()
        self._damage_seen_in: object = None
        self._last: RunSnapshot | None = None

    def changed(self) -> RunSnapshot | None:
        """A new snapshot where anything differs from the last one."""
        before = self._last
        if before is not None and not self._run.path.is_dir():
            self._last = replace(before, is_gone=True)
            return None if before.is_gone else self._last
        found = [before is not None and before.is_gone]
        found += [self._read_status(), self._metrics.read_new(), self._read_evaluation(), self._list_rollouts()]
        found += [self._read_name(), self._tail.read_new(), self._find_damage()]
        if not any(found):
            return None
        assert self._status is not None
        self._last = RunSnapshot(
            run_id=self._run.run_id,
            settings=self._settings,
            status=self._status,
            history=self._metrics.history,
            log=self._tail.lines() or _said(self._metrics.history),
            evaluation=self._evaluation,
            gap=self._gap,
            rollouts=self._rollouts,
            shown_name=self._shown_name,
            damage=self._damage,
        )
        return self._last

    @property
    def is_behind(self) -> bool:
        """Whether there is more to read at once."""
        return self._metrics.is_behind

    def _read_status(self) -> bool:
        due = time.monotonic() - self._status_read_at >= LIVENESS_SECONDS
        if not (self._touched(self._run.status_file) or due):
            return False
        before, self._status = self._status, self._run.status()
        self._status_read_at = time.monotonic()
        if self._settings is None:
            with suppress(UserError):
                self._settings = self._run.settings()
        return self._status != before

    def _read_evaluation(self) -> bool:
        if not self._touched(self._run.evaluations):
            return False
        before = self._evaluation, self._gap
        self._evaluation, self._gap = quoted_with_gap(self._run)
        return (self._evaluation, self._gap) != before

    def _list_rollouts(self) -> bool:
        if not self._touched(self._run.frames):
            return False
        before, self._rollouts = self._rollouts, tuple(stored_sample_frames(self._run))
        return self._rollouts != before

    def _read_name(self) -> bool:
        if not self._touched(self._run.annotations_file):
            return False
        before, self._shown_name = self._shown_name, read_annotations(self._run).name
        return self._shown_name != before

    def _find_damage(self) -> bool:
        run, status, log_fault = self._run, self._status, self._metrics.fault
        paths = (run.settings_file, run.annotations_file, run.evaluations)
        seen = (*map(file_stamp, paths), status.cause if status else "", log_fault)
        if seen == self._damage_seen_in:
            return False
        before, self._damage_seen_in = self._damage, seen
        faults = [item.fault for item in small_file_damage(run)]
        self._damage = (*faults, log_fault) if log_fault else tuple(faults)
        return self._damage != before

    def _touched(self, path: Path) -> bool:
        stamp = file_stamp(path)
        changed = path not in self._stamps or self._stamps[path] != stamp
        self._stamps[path] = stamp
        return changed


def _said(history: History) -> tuple[str, ...]:
    """What the events of a run say, in place of the log that one trained in a terminal does not have."""
    texts = [str(event.get("text", "")) for event in history.events[-LINES_KEPT:]]
    return tuple(inert(text) for text in texts if text)
