"""The queue: runs in their order, one at a time, whatever is killed; real processes train tiny runs."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from test_kill import command
from test_training import measured, wait_until
from vidpred_engine.errors import UserError
from vidpred_engine.launch import local, queue, queue_runner
from vidpred_engine.launch.queue_runner import LOG, QueueRunner, is_at_work
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.metric_log import MetricReader
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run, run_directories
from vidpred_engine.store.status import Status, read_status, this_process, write_status

DEADLINE_SECONDS = 600.0


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Runs in the order of their starts; their processes train in a fork with torch loaded, not in a new program."""
    order: list[str] = []
    forks = []

    class Fork:
        """What the runner needs of a process."""

        def __init__(self, run: RunDirectory) -> None:
            self.process = command(run.log_file, "train", "--run", str(run.path))
            self.pid = self.process.pid or 0
            forks.append(self.process)

        @property
        def returncode(self) -> int | None:
            return self.process.exitcode

        def poll(self) -> int | None:
            return self.process.exitcode

    def detached(log_file: Path, *arguments: str, environment: object) -> Fork:  # noqa: ARG001
        order.append(log_file.parent.name)
        return Fork(RunDirectory(log_file.parent))

    monkeypatch.setattr(local, "detached", detached)
    yield order
    for process in forks:
        process.kill()
        process.join()


def make(runs: Path, settings: RunSettings, *names: str) -> list[RunDirectory]:
    return [create_run(runs, settings.model_copy(update={"name": name})) for name in names]


def names(runs: Path) -> list[str]:
    """The names of the runs in the queue, the next first, as lists show them."""
    entries = queue.in_order(Registry(runs).entries())
    assert [entry.run_id for entry in entries] == [run.run_id for run in queue.waiting(runs)]
    return [entry.name for entry in entries]


def work(runs: Path, slots: int | None = None, leave: threading.Event | None = None) -> bool:
    return QueueRunner(runs, slots, lambda _: None).work(leave or threading.Event())


def vidpred(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "vidpred_engine", *words], capture_output=True, text=True)


def starts(run: RunDirectory) -> list[float]:
    """When the run was started or resumed."""
    records = MetricReader(run.metrics_file).read_new()
    return [record["time"] for record in records if record.get("event") in ("start", "resume")]


# What waits, and in which order.


def test_a_run_that_is_made_does_not_wait_before_it_is_put_into_the_queue(runs: Path, tiny: RunSettings) -> None:
    a, b = make(runs, tiny, "a", "b")
    assert [entry.state for entry in Registry(runs).entries()] == ["created", "created"]
    assert names(runs) == []
    queue.add(runs, [b])
    queue.add(runs, [a])
    assert names(runs) == ["b", "a"]
    assert (a.status().state, a.status().place) == ("queued", 2)


def test_moving_changes_the_order_and_a_position_beyond_the_ends_is_the_end(runs: Path, tiny: RunSettings) -> None:
    a, b, c, d = made = make(runs, tiny, "a", "b", "c", "d")
    queue.add(runs, made)
    assert queue.move(runs, c, 1) == 1
    assert names(runs) == ["c", "a", "b", "d"]
    assert queue.move(runs, c, 99) == 4
    assert names(runs) == ["a", "b", "d", "c"]
    assert queue.move(runs, d, -3) == 1
    assert names(runs) == ["d", "a", "b", "c"]
    queue.take_out(runs, [a])
    assert queue.move(runs, c, 2) == 2
    assert names(runs) == ["d", "c", "b"]
    with pytest.raises(UserError, match="is not in the queue; it is created"):
        queue.move(runs, a, 1)
    assert a.status().state == "created"
    assert b.status().state == "queued"


def test_two_runs_with_one_place_as_a_kill_while_moving_leaves_them_are_parted_by_the_next_move(
    runs: Path, tiny: RunSettings
) -> None:
    a, b, c = made = make(runs, tiny, "a", "b", "c")
    queue.add(runs, made)
    write_status(b.status_file, replace(read_status(b.status_file), place=1))
    assert sorted(names(runs)) == ["a", "b", "c"]
    queue.move(runs, c, 1)
    assert names(runs)[0] == "c"
    assert len({read_status(run.status_file).place for run in (a, b, c)}) == 3


@pytest.mark.parametrize("state", ["running", "finished", "queued"])
def test_what_is_at_work_finished_or_waits_is_not_put_into_the_queue_and_nothing_else_of_the_wish_is(
    runs: Path, tiny: RunSettings, state: str
) -> None:
    a, b = make(runs, tiny, "a", "b")
    write_status(b.status_file, Status(state, place=1, **this_process()))  # type: ignore[arg-type]
    with pytest.raises(UserError, match=f"is {state} already"):
        queue.add(runs, [a, b])
    assert a.status().state == "created"


def test_stopping_a_run_that_waits_takes_it_out_and_one_with_work_behind_it_is_stopped_again(
    runs: Path, tiny: RunSettings
) -> None:
    new, old = make(runs, tiny, "new", "old")
    write_status(old.status_file, Status("stopped", step=7, epoch=1, summary={"loss": 0.5}))
    Registry(runs).index(old)
    queue.add(runs, [new, old])
    assert names(runs) == ["new", "old"], "although the index says that one has ended"
    local.stop(new)
    local.stop(old)
    assert names(runs) == []
    assert (new.status().state, new.status().place) == ("created", 0)
    assert (old.status().state, old.status().step, old.status().summary) == ("stopped", 7, {"loss": 0.5})


def test_a_run_that_was_put_into_the_queue_by_a_process_killed_before_it_could_index_it_is_found(
    runs: Path, tiny: RunSettings
) -> None:
    (run,) = make(runs, tiny, "a")
    write_status(run.status_file, Status("stopped", step=7))
    Registry(runs).index(run)
    write_status(run.status_file, replace(run.status(), state="queued", place=1))
    assert names(runs) == []
    queue.recover(runs)
    assert names(runs) == ["a"]


# The process that starts them.


def test_runs_are_trained_in_their_order_one_at_a_time_and_a_failed_one_blocks_nobody(
    runs: Path, tiny: RunSettings, lab_folder: Path, started: list[str]
) -> None:
    made = make(runs, tiny.model_copy(update={"epochs": 1}), "a", "broken", "c", "d")
    broken = made[1]
    broken.settings_file.write_text(
        broken.settings_file.read_text().replace(str(lab_folder), str(lab_folder / "nowhere"))
    )
    queue.add(runs, made)
    queue.move(runs, made[3], 1)
    assert work(runs)
    assert started == [made[3].run_id, made[0].run_id, broken.run_id, made[2].run_id]
    states = {run.settings().name: run.status().state for run in made}
    assert states == {"a": "finished", "broken": "failed", "c": "finished", "d": "finished"}
    assert "nowhere" in broken.status().cause
    assert "nowhere" in broken.log_file.read_text(), "its log is kept"
    ends = {run.run_id: MetricReader(run.metrics_file).read_new()[-1]["time"] for run in made if run != broken}
    assert ends[made[3].run_id] <= starts(made[0])[0]
    assert ends[made[0].run_id] <= starts(made[2])[0]
    assert names(runs) == []


def test_a_run_whose_settings_cannot_be_read_fails_and_lets_the_next_have_its_turn(
    runs: Path, tiny: RunSettings, started: list[str]
) -> None:
    a, b = made = make(runs, tiny.model_copy(update={"epochs": 1}), "a", "b")
    queue.add(runs, made)
    a.settings_file.write_text("epochs =")
    work(runs)
    assert started == [b.run_id]
    assert a.status().state == "failed"
    assert "is not valid TOML" in a.status().cause
    assert b.status().state == "finished"


def test_a_run_that_was_taken_out_as_its_turn_came_is_not_started(
    runs: Path, tiny: RunSettings, started: list[str]
) -> None:
    (run,) = make(runs, tiny, "a")
    queue.add(runs, [run])
    queue.take_out(runs, [run])
    assert local.start_in_turn(run, {}) is None
    assert started == []
    assert run.status().state == "created"


def test_slots_are_taken_by_what_others_have_started_too(
    runs: Path, tiny: RunSettings, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, *others = make(runs, tiny, "mine", "a", "b", "c")
    write_status(mine.status_file, Status("running", **this_process()))
    queue.add(runs, others)
    runner = QueueRunner(runs, 2, lambda _: None)
    runner._start_next()
    assert started == [others[0].run_id], "one slot of two is this process's"
    write_status(mine.status_file, Status("finished"))
    monkeypatch.setattr(runner, "_trainings", {})
    wait_until(lambda: others[0].status().pid > 0)
    runner._start_next()
    assert started == [others[0].run_id, others[1].run_id], "the other slot is its that another runner has started"


def test_a_run_that_someone_starts_at_once_leaves_the_queue(runs: Path, tiny: RunSettings, started: list[str]) -> None:
    (run,) = make(runs, tiny.model_copy(update={"epochs": 1}), "a")
    queue.add(runs, [run])
    process = local.start(run)
    assert (run.status().state, run.status().place) == ("starting", 0)
    with pytest.raises(UserError, match="is starting already"):
        local.start(run)
    work(runs)
    wait_until(lambda: process.poll() is not None)
    assert started == [run.run_id]
    assert run.status().state == "finished"


def test_a_run_whose_starter_was_killed_before_its_process_began_is_started_by_the_next(
    runs: Path, tiny: RunSettings, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (run,) = make(runs, tiny.model_copy(update={"epochs": 1}), "a")
    queue.add(runs, [run])
    fork = local.detached
    monkeypatch.setattr(local, "detached", lambda *_, **__: None)
    local.start_in_turn(run, {})
    assert (run.status().state, run.status().pid) == ("starting", 0)
    monkeypatch.setattr(local, "detached", fork)
    work(runs)
    assert started == [run.run_id]
    assert (run.status().state, run.status().place) == ("finished", 0)


def test_what_is_put_into_the_queue_while_it_empties_is_trained_by_somebody(
    runs: Path, tiny: RunSettings, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever adds a run just as the process ends finds its lock free, as it is freed before anyone can add again."""
    a, b = make(runs, tiny.model_copy(update={"epochs": 1}), "a", "b")
    queue.add(runs, [a])
    seen: list[bool] = []
    waiting = queue.waiting

    def add_and_look() -> None:
        queue.add(runs, [b])
        seen.append(is_at_work(runs))

    def add_late(folder: Path) -> list[RunDirectory]:
        found = waiting(folder)
        if a.status().state == "finished" and not seen:
            late = threading.Thread(target=add_and_look)
            seen.append(True)
            late.start()
            threads.append(late)
        return found

    threads: list[threading.Thread] = []
    monkeypatch.setattr(queue, "waiting", add_late)
    work(runs)
    threads[0].join()
    if b.status().state != "finished":
        assert seen[1:] == [False], "so that who adds starts another"
        work(runs)
    assert started == [a.run_id, b.run_id]
    assert b.status().state == "finished"


# Real processes.


@pytest.fixture
def runner(runs: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts the process that works on the queue."""
    processes = []

    def start() -> subprocess.Popen[bytes]:
        process = queue_runner.start_runner(runs)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
    for run in run_directories(runs):
        if run.status().live and run.status().pid:
            os.kill(run.status().pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_runner_killed_midway_loses_nothing_trains_nothing_twice_and_the_next_goes_on_in_order(
    runs: Path, tiny: RunSettings, runner: Callable[[], subprocess.Popen[bytes]]
) -> None:
    long = {"epochs": 120, "validate_every": 120, "save_every": 50}
    made = make(runs, tiny.model_copy(update=long), "a") + make(runs, tiny, "b", "c")
    queue.add(runs, made)
    first = runner()
    wait_until(lambda: len(measured(made[0])) > 2, DEADLINE_SECONDS)
    assert is_at_work(runs)
    first.kill()
    first.wait()
    assert not is_at_work(runs)
    assert made[0].status().state == "running", "training does not depend on who started it"
    assert names(runs) == ["b", "c"]
    second, third = runner(), runner()
    wait_until(lambda: second.poll() is not None and third.poll() is not None, DEADLINE_SECONDS)
    assert (second.returncode, third.returncode) == (0, 0)
    assert [run.status().state for run in made] == ["finished"] * 3
    assert [len(starts(run)) for run in made] == [1, 1, 1]
    assert starts(made[0]) < starts(made[1]) < starts(made[2])
    log = (runs / LOG).read_text()
    assert "works on the queue of" in log, "the third found the second at work"
    assert all(log.count(f"{run.run_id} starts on cpu") == 1 for run in made)


@pytest.mark.slow
def test_the_commands_of_the_queue(runs: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, c = make(runs, tiny, "alpha", "beta", "gamma")
    folder = ("--runs", str(runs))
    queue.add(runs, [a, b, c])
    assert "number 1 in the queue" in vidpred("queue", "move", "gamma", "1", *folder).stdout
    assert vidpred("queue", "remove", "beta", *folder).stdout == f"2 runs wait in {runs}.\n"
    listed = vidpred("queue", "list", "--json", *folder)
    positions = [
        {"position": place, "run": run.run_id, "name": run.settings().name} for place, run in enumerate((c, a), start=1)
    ]
    assert orjson.loads(listed.stdout) == {"at_work": False, "runs": positions}
    assert "No process works on the queue" in vidpred("queue", "list", *folder).stdout
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    added = vidpred("queue", "add", "beta", *folder)
    assert added.returncode == 0, added.stderr
    assert vidpred("queue", "add", "beta", *folder).returncode == 2
    wait_until(lambda: all(run.status().state == "finished" for run in (a, b, c)), DEADLINE_SECONDS)
    assert starts(c) < starts(a) < starts(b)
    wait_until(lambda: not is_at_work(runs))
