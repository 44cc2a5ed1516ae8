"""Following a log that is too long to be read between two looks: a sample at once, all of it in the end."""

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest

from tui.fake_runs import step_record
from vidpred_engine.store.metric_log import MetricWriter, rewind
from vidpred_tui import following
from vidpred_tui.following import HistoryFollower

STEPS = 2000


@pytest.fixture(autouse=True)
def _short_logs_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "AT_ONCE_BYTES", 20_000)
    monkeypatch.setattr(following, "PIECE_BYTES", 5_000)
    monkeypatch.setattr(following, "SAMPLED_PLACES", 20)
    monkeypatch.setattr(following, "SAMPLED_BYTES", 800)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "metrics.jsonl"
    with MetricWriter(path) as writer:
        writer.append({"kind": "event", "event": "start", "step": 0})
        for step in range(STEPS):
            writer.append(step_record(step, loss=math.nan if step == 700 else step / 7))
    return path


def read_all(follower: HistoryFollower) -> int:
    """Read until the follower has caught up; in how many pieces."""
    pieces = 1
    while not follower.read_new():
        assert follower.history.is_sample
        pieces += 1
    assert not follower.is_behind
    return pieces


def test_a_long_log_is_a_sample_with_its_newest_record_until_all_of_it_is_read(log: Path) -> None:
    follower = HistoryFollower(log)
    assert follower.read_new()
    assert follower.is_behind
    assert follower.history.is_sample
    sampled = follower.history.curve("step", "loss")
    steps = sampled.steps.tolist()
    assert 20 <= len(steps) < STEPS / 4
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, STEPS - 1)
    assert max(after - before for before, after in pairwise(steps)) < STEPS / 10
    assert [value for step, value in zip(steps, sampled.values.tolist(), strict=True) if step != 700] == [
        step / 7 for step in steps if step != 700
    ]

    assert read_all(follower) > 10
    curve = follower.history.curve("step", "loss")
    assert curve.steps.tolist() == list(range(STEPS))
    assert curve.faults.tolist() == [700]
    assert [event["event"] for event in follower.history.events] == ["start"]
    assert len(sampled) == len(steps), "what was handed out does not change"
    assert not follower.read_new()
    with MetricWriter(log) as writer:
        writer.append(step_record(STEPS))
    assert follower.read_new()
    assert len(follower.history.curve("step", "loss")) == STEPS + 1


def test_a_log_that_is_rewritten_while_it_is_read_shows_no_step_twice(log: Path) -> None:
    follower = HistoryFollower(log)
    follower.read_new()
    assert not follower.read_new()
    rewind(log, STEPS - 10, 1)
    read_all(follower)
    assert follower.history.curve("step", "loss").steps.tolist() == list(range(STEPS - 10))


def test_half_a_line_at_the_end_of_a_long_log_waits_for_its_rest(log: Path) -> None:
    line = json.dumps(step_record(STEPS)).encode()
    with log.open("ab") as file:
        file.write(line[:50])
    follower = HistoryFollower(log)
    follower.read_new()
    assert follower.history.curve("step", "loss").steps[-1] == STEPS - 1
    read_all(follower)
    assert len(follower.history.curve("step", "loss")) == STEPS
    assert not follower.read_new()
    with log.open("ab") as file:
        file.write(line[50:] + b"\n")
    assert follower.read_new()
    assert follower.history.curve("step", "loss").last == step_record(STEPS)["loss"]


def test_a_short_log_is_read_at_once_in_however_many_pieces(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    follower = HistoryFollower(path)
    assert not follower.read_new()
    with MetricWriter(path) as writer:
        for step in range(80):
            writer.append(step_record(step))
    assert following.PIECE_BYTES < path.stat().st_size < following.AT_ONCE_BYTES
    assert follower.read_new()
    assert not follower.history.is_sample
    assert len(follower.history.curve("step", "loss")) == 80
