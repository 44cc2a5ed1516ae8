"""Thousands of short runs made, started, stopped, deleted and restored beside a vidpred-tui that watches.

`python tests/soak.py --runs 2000 --trainings 40` prints what it measured and leaves with 1 where something is lost, or
where the program's memory or open files grow. Most runs are processes that write what a training writes and end; a
share are trainings. All are started by the launcher, in processes of their own, as the program itself starts them.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pexpect
import psutil

from conftest import TINY
from pngs import write_split
from terminal import Terminal
from vidpred_engine.launch import local
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import read_annotations
from vidpred_engine.store.metric_log import MetricReader, MetricWriter
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run, run_ids
from vidpred_engine.store.status import LIVE_STATES, read_status, this_process, write_status
from vidpred_engine.store.trash import TRASH, delete_runs, restore_runs

AT_ONCE = 8
RECORDS = 5
GROWTH = 1.25
"""How much more memory the program may take at the end than when a tenth of the runs was there."""


def short_process(run: RunDirectory) -> None:
    """What a training does, without any: name itself, log, end; or be killed in the midst of it, by chance."""
    status = replace(read_status(run.status_file), state="running", epochs=RECORDS, **this_process())
    write_status(run.status_file, status)
    Registry(run.path.parent).index(run)
    is_killed = random.random() < 0.1
    with MetricWriter(run.metrics_file) as log:
        for step in range(RECORDS):
            log.append({"kind": "step", "step": step, "epoch": step, "time": time.time(), "loss": 1 / (step + 1)})
            if is_killed and step == RECORDS // 2:
                os.kill(os.getpid(), 9)
    write_status(run.status_file, replace(status, state="finished", epoch=RECORDS, step=RECORDS))
    Registry(run.path.parent).index(run)


@dataclass
class Watched:
    """What the program took at each look: its memory in MB and its open files."""

    process: psutil.Process
    seen: list[tuple[int, float, int]] = field(default_factory=list)

    def look(self, runs: int) -> None:
        self.seen.append((runs, self.process.memory_info().rss / 1e6, self.process.num_fds()))

    def at(self, share: float) -> tuple[int, float, int]:
        return self.seen[round(share * (len(self.seen) - 1))]


def soak(root: Path, runs_wanted: int, trainings: int) -> Watched:
    """Carry it out; raises AssertionError where something is lost."""
    runs, chance = root / "runs", random.Random(0)
    for split, count in (("train", 31), ("val", 5)):
        write_split(root / "data", split, count)
    settings = RunSettings.model_validate({**TINY, "data": str(root / "data")})
    real = set(chance.sample(range(runs_wanted), trainings))
    made: dict[str, int] = {}
    deleted: set[str] = set()
    runs.mkdir(parents=True)
    with Terminal(runs, columns=160, rows=48) as terminal:
        terminal.sees("No run yet")
        watched = Watched(psutil.Process(terminal.process.pid))
        live: dict[str, subprocess.Popen[bytes] | int] = {}
        for number in range(runs_wanted):
            run = create_run(runs, settings.model_copy(update={"name": f"soak{number}"}))
            made[run.run_id] = number
            live[run.run_id] = local.start(run) if number in real else _fork(run)
            if number in real and chance.random() < 0.3:
                _stop(run)
            while len(live) >= AT_ONCE:
                _reap(live)
                _read(terminal)
            if number % 7 == 3:
                _delete_one(runs, [run_id for run_id in made if run_id not in live], deleted, chance)
            if number % 20 == 19:
                watched.look(number + 1)
        while live:
            _reap(live)
            _read(terminal)
        watched.look(runs_wanted)
        assert terminal.leave() == 0
    _check(runs, made, deleted, real)
    return watched


def _fork(run: RunDirectory) -> int:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        try:
            short_process(run)
        finally:
            os._exit(0)
    return pid


def _stop(run: RunDirectory) -> None:
    while not (status := run.status()).pid and status.state in LIVE_STATES:
        time.sleep(0.01)
    if run.status().live:
        local.stop(run)


def _reap(live: "dict[str, subprocess.Popen[bytes] | int]") -> None:
    for run_id, process in list(live.items()):
        if os.waitpid(process, os.WNOHANG)[0] if isinstance(process, int) else process.poll() is not None:
            del live[run_id]


def _delete_one(runs: Path, idle: list[str], deleted: set[str], chance: random.Random) -> None:
    """Delete a run that is at rest, or bring one back."""
    if deleted and chance.random() < 0.3:
        back = chance.choice(sorted(deleted))
        restore_runs(runs, [back])
        deleted.discard(back)
    elif gone := [run_id for run_id in idle if run_id not in deleted]:
        run = RunDirectory(runs / chance.choice(gone))
        Registry(runs).annotate([run], lambda said: replace(said, note=run.run_id))
        delete_runs([run])
        deleted.add(run.run_id)


def _read(terminal: Terminal) -> None:
    """Take what the program draws, as a terminal does, and wait a little."""
    with suppress(pexpect.TIMEOUT):
        terminal.process.read_nonblocking(65536, timeout=0.005)


def _check(runs: Path, made: dict[str, int], deleted: set[str], real: set[int]) -> None:
    """Each run is where it should be, in the index too, with all that it logged."""
    assert set(run_ids(runs / TRASH)) == deleted
    entries = {entry.run_id: entry for entry in Registry(runs).entries()}
    assert set(entries) == set(made) - deleted
    for run_id, number in made.items():
        run = RunDirectory((runs / TRASH if run_id in deleted else runs) / run_id)
        records = MetricReader(run.metrics_file).read_new()
        state = run.status().state
        if number in real:
            assert state in ("finished", "stopped"), run.log_file.read_text()
        else:
            steps = [record["step"] for record in records]
            assert (state, steps) in (("finished", [0, 1, 2, 3, 4]), ("lost", [0, 1, 2])), run_id
        if run_id in deleted:
            assert read_annotations(run).note == run_id
        else:
            assert entries[run_id].state == state


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--trainings", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VIDPRED_CACHE"] = f"{folder}/cache"
        began = time.monotonic()
        watched = soak(Path(folder), arguments.runs, arguments.trainings)
        print(f"{arguments.runs} runs, {arguments.trainings} of them trainings, in {time.monotonic() - began:.0f} s")
        for share in (0.1, 0.5, 1.0):
            runs, memory, files = watched.at(share)
            print(f"{runs:6} runs: {memory:6.1f} MB, {files} open files")
        sys.exit(is_growing(watched))


def is_growing(watched: Watched) -> bool:
    """Whether the program takes more and more, beyond what a longer list of runs costs."""
    (_, memory, files), (_, last_memory, last_files) = watched.at(0.1), watched.at(1.0)
    return last_memory > GROWTH * memory or last_files > files


if __name__ == "__main__":
    main()
