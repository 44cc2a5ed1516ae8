"""The watcher without any screen: what it posts, and when it keeps quiet."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tui.fake_runs import append_records, evaluate, fake_run, step_record, wait_for
from vidpred_engine.store.annotations import Annotations, write_annotations
from vidpred_engine.store.metric_log import rewind
from vidpred_engine.store.registry import Registry, RunEntry
from vidpred_engine.store.status import Status, read_status, write_status
from vidpred_tui.messages import ProcessEnded, RunAdvanced, RunsListed
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.watcher import Event, Watcher


class Posts(list[Event]):
    """What a watcher posted, in order."""

    def lists(self) -> list[tuple[RunEntry, ...]]:
        return [post.entries for post in self if isinstance(post, RunsListed)]

    def snapshots(self) -> list[RunSnapshot]:
        return [post.snapshot for post in self if isinstance(post, RunAdvanced)]

    def ended(self) -> list[tuple[str, int]]:
        return [(post.run_id, post.exit_code) for post in self if isinstance(post, ProcessEnded)]


@pytest.fixture
def posts() -> Posts:
    return Posts()


@pytest.fixture
def watcher(runs: Path, posts: Posts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watcher]:
    monkeypatch.setattr("vidpred_tui.watcher.LISTING_SECONDS", 0.0)
    watcher = Watcher(runs, posts.append, interval=0.01)
    yield watcher
    watcher.close()


def test_the_list_is_posted_once_and_again_only_when_it_changes(runs: Path, watcher: Watcher, posts: Posts) -> None:
    watcher.poll()
    run = fake_run(runs, "one", "stopped", summary={"loss": 0.5})
    for _ in range(5):
        watcher.poll()
    write_status(run.status_file, replace(read_status(run.status_file), state="finished"))
    fake_run(runs, "two")
    watcher.poll()
    assert [[entry.name for entry in entries] for entries in posts.lists()] == [[], ["one"], ["two", "one"]]
    assert posts.lists()[1][0].summary == {"loss": 0.5}


def test_a_change_that_someone_waits_for_is_listed_at_once(
    runs: Path, watcher: Watcher, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = fake_run(runs, "one")
    watcher.poll()
    monkeypatch.setattr("vidpred_tui.watcher.LISTING_SECONDS", 1000.0)
    Registry(runs).annotate([run], lambda said: replace(said, name="two"))
    watcher.poll()
    assert [entries[0].name for entries in posts.lists()] == ["one"]
    watcher.list_now()
    watcher.poll()
    assert [entries[0].name for entries in posts.lists()] == ["one", "two"]


def test_a_followed_run_has_the_name_that_people_give_it(runs: Path, watcher: Watcher, posts: Posts) -> None:
    run = fake_run(runs, "one")
    watcher.follow([run.run_id])
    watcher.poll()
    write_annotations(run, Annotations("two"))
    watcher.poll()
    write_annotations(run, Annotations("two", note="new"))
    watcher.poll()
    assert [snapshot.name for snapshot in posts.snapshots()] == ["one", "two"]


def test_a_live_run_is_read_as_it_writes(runs: Path, watcher: Watcher, posts: Posts) -> None:
    run = fake_run(runs, "live", "running", epoch=1)
    watcher.poll()
    write_status(run.status_file, replace(read_status(run.status_file), epoch=2))
    watcher.poll()
    assert [entries[0].epoch for entries in posts.lists()] == [1, 2]


def test_a_killed_process_shows_as_lost_though_no_file_changes(runs: Path, watcher: Watcher, posts: Posts) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = {"pid": process.pid, "process_started": psutil.Process(process.pid).create_time()}
    run = fake_run(runs, "doomed", "running")
    write_status(run.status_file, Status("running", **identity))  # type: ignore[arg-type]
    watcher.follow([run.run_id])
    watcher.start()
    wait_for(lambda: posts.lists() and posts.lists()[-1][0].state == "running")
    process.kill()
    process.wait()
    wait_for(lambda: posts.lists()[-1][0].state == "lost" and posts.snapshots()[-1].status.state == "lost")
    assert str(process.pid) in posts.lists()[-1][0].cause


def test_a_followed_run_comes_with_its_whole_history_and_then_with_what_is_new(
    runs: Path, watcher: Watcher, posts: Posts
) -> None:
    run = fake_run(runs, "curve", "running", records=[step_record(step) for step in range(1000)])
    evaluate(run, [30.0, 25.0])
    run.log_file.write_text("hello\n")
    watcher.follow([run.run_id])
    watcher.poll()
    watcher.poll()
    (first,) = posts.snapshots()
    assert first.settings == run.settings()
    assert first.log == ("hello",)
    assert first.evaluation is not None
    assert first.evaluation.psnr == [30.0, 25.0]
    assert len(first.history.curve("step", "loss")) == 1000
    append_records(run, [step_record(1000, loss=7.0)])
    watcher.poll()
    _, second = posts.snapshots()
    assert second.history.curve("step", "loss").last == 7.0
    assert len(first.history.curve("step", "loss")) == 1000


def test_a_resumed_run_whose_log_was_cut_shows_no_step_twice(runs: Path, watcher: Watcher, posts: Posts) -> None:
    run = fake_run(runs, "resumed", "running", records=[step_record(step) for step in range(10)])
    watcher.follow([run.run_id])
    watcher.poll()
    rewind(run.metrics_file, 5, 0)
    append_records(run, [step_record(5, loss=9.0)])
    watcher.poll()
    curve = posts.snapshots()[-1].history.curve("step", "loss")
    assert curve.steps.tolist() == [0, 1, 2, 3, 4, 5]
    assert curve.last == 9.0


def test_a_run_that_is_no_longer_followed_posts_nothing(runs: Path, watcher: Watcher, posts: Posts) -> None:
    run = fake_run(runs, "left", "running")
    watcher.follow([run.run_id])
    watcher.poll()
    watcher.follow([])
    append_records(run, [step_record(0)])
    watcher.poll()
    assert len(posts.snapshots()) == 1


def test_a_run_that_was_let_go_and_is_wanted_again_at_once_is_posted_again(
    runs: Path, watcher: Watcher, posts: Posts
) -> None:
    """A screen that is left and opened again while the watcher looks at something else has nothing to show yet."""
    run = fake_run(runs, "again", records=[step_record(0)])
    watcher.follow([run.run_id])
    watcher.poll()
    watcher.follow([])
    watcher.follow([run.run_id])
    watcher.poll()
    first, second = posts.snapshots()
    assert len(second.history.curve("step", "loss")) == len(first.history.curve("step", "loss")) == 1


def test_unreadable_settings_hide_nothing_else_of_a_run(runs: Path, watcher: Watcher, posts: Posts) -> None:
    run = fake_run(runs, "broken", "stopped", records=[step_record(0)])
    run.settings_file.write_text("epochs = 'many'")
    watcher.follow([run.run_id])
    watcher.poll()
    (snapshot,) = posts.snapshots()
    assert snapshot.settings is None
    assert snapshot.name == run.run_id
    assert len(snapshot.history.curve("step", "loss")) == 1


def test_a_run_that_was_trained_in_a_terminal_shows_its_events_in_place_of_the_log_that_it_lacks(
    runs: Path, watcher: Watcher, posts: Posts
) -> None:
    place = {"kind": "event", "step": 4, "epoch": 0, "time": 1.0}
    skip = {**place, "event": "skip", "text": "Skipped 1 of 5 steps:\x1b[2J kl not finite."}
    run = fake_run(runs, "terminal", "stopped", records=[{**place, "event": "start", "text": ""}, skip])
    run.log_file.unlink(missing_ok=True)
    watcher.follow([run.run_id])
    watcher.poll()
    assert posts.snapshots()[-1].log == ("Skipped 1 of 5 steps: [2J kl not finite.",)


def test_children_are_reaped_and_their_end_is_told(runs: Path, watcher: Watcher, posts: Posts) -> None:
    run = fake_run(runs, "child", "stopped")
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(75)"])
    watcher.adopt(run.run_id, process)
    watcher.start()
    wait_for(posts.ended)
    assert posts.ended() == [(run.run_id, 75)]
    assert not psutil.pid_exists(process.pid)


def test_a_child_that_dies_before_it_reports_counts_as_failed_at_once(
    runs: Path, watcher: Watcher, posts: Posts
) -> None:
    run = fake_run(runs, "stillborn", "starting")
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])
    process.wait()
    watcher.adopt(run.run_id, process)
    watcher.poll()
    assert posts.lists()[-1][0].state == "failed"
    assert "exit code 1" in posts.lists()[-1][0].cause
