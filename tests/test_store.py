"""The run directory: logs that survive half lines and rewinds, and a status that cannot lie about its process."""

import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.atomic import replacing, write_atomic
from vidpred_engine.store.codec import decode, encode, number
from vidpred_engine.store.evaluations import Evaluation, main_evaluation, read_evaluations, write_evaluation
from vidpred_engine.store.metric_log import MetricReader, MetricWriter, rewind
from vidpred_engine.store.run_directory import create_run, find_run, run_directories
from vidpred_engine.store.status import Status, observed, read_status, this_process, write_status
from vidpred_engine.store.status_keeper import StatusKeeper


def step(number: int, **values: float) -> dict[str, object]:
    return {"kind": "step", "step": number, "epoch": number // 10, **values}


def test_a_failed_replacement_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_atomic(file, b"old")
    with pytest.raises(RuntimeError), replacing(file) as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_umask_decides_who_may_read_a_replaced_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomic(tmp_path / "file", b"new")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_non_finite_numbers_survive_json() -> None:
    stored = decode(encode({"a": math.nan, "b": [math.inf, -math.inf], "c": 0.1 + 0.2, "d": "nan?"}))
    assert math.isnan(number(stored["a"]) or 0)
    assert [number(value) for value in stored["b"]] == [math.inf, -math.inf]
    assert number(stored["c"]) == 0.1 + 0.2
    assert number(stored["d"]) is None
    assert number(True) is None


def test_a_reader_follows_a_log_and_waits_for_the_end_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = MetricReader(path)
    assert reader.read_new() == []
    with MetricWriter(path) as log:
        log.append(step(0, loss=1.5))
        assert [record["step"] for record in reader.read_new()] == [0]
        with path.open("ab") as other:
            other.write(b'{"kind":"step","st')
        assert reader.read_new() == []
        with path.open("ab") as other:
            other.write(b'ep":1}\n')
        assert [record["step"] for record in reader.read_new()] == [1]


def test_a_log_read_in_pieces_comes_whole_and_a_piece_without_an_end_of_line_blocks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    reader = MetricReader(path)
    assert reader.unread() == 0
    with MetricWriter(path) as log:
        for record in map(step, range(30)):
            log.append(record)
    size = path.stat().st_size
    assert reader.unread() == size
    read = []
    while reader.unread():
        piece = reader.read_new(100)
        assert piece
        read += piece
        assert reader.unread() < size
    assert [record["step"] for record in read] == list(range(30))
    with path.open("ab") as file:
        file.write(b"x" * 250 + b"\n")
    with MetricWriter(path) as log:
        log.append(step(30))
    found = [reader.read_new(100) for _ in range(4)]
    assert [record["step"] for piece in found for record in piece] == [30]
    assert reader.damaged
    rewind(path, 5, 0)
    assert reader.unread() == path.stat().st_size
    assert [record["step"] for record in reader.read_new(150)] == [0, 1, 2]
    assert reader.replaced


def test_a_damaged_line_hides_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"kind":"step","step":0}\n{"kind":"st\x00\xff\n[1]\n{"kind":"step","step":2}\n')
    reader = MetricReader(path)
    assert [record["step"] for record in reader.read_new()] == [0, 2]
    assert reader.damaged == 2


def test_a_writer_completes_the_half_line_of_a_killed_one(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"kind":"step","step":0}\n{"kind":"ste')
    with MetricWriter(path) as log:
        log.append(step(1))
    assert [record["step"] for record in MetricReader(path).read_new()] == [0, 1]


def test_rewinding_drops_what_will_be_logged_again_and_readers_notice(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricWriter(path) as log:
        for record in [*map(step, range(25)), {"kind": "epoch", "step": 9, "epoch": 0}]:
            log.append(record)
        log.append({"kind": "epoch", "step": 19, "epoch": 1})
        log.append({"kind": "event", "step": 24, "epoch": 2, "event": "start"})
    reader = MetricReader(path)
    assert len(reader.read_new()) == 28
    rewind(path, next_step=20, epochs_ended=1)
    again = reader.read_new()
    assert reader.replaced
    assert [record["step"] for record in again if record["kind"] == "step"] == list(range(20))
    assert [record["epoch"] for record in again if record["kind"] == "epoch"] == [0]
    assert [record["event"] for record in again if record["kind"] == "event"] == ["start"]


def test_a_live_state_holds_only_while_its_very_process_lives() -> None:
    alive = Status("running", **this_process())
    assert observed(alive).state == "running"
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(child.pid).create_time()
    of_child = Status("running", pid=child.pid, process_started=started)
    assert observed(of_child).state == "running"
    assert observed(replace(of_child, process_started=started - 60)).state == "lost", "the pid was reused"
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert observed(of_child).state == "lost", "a zombie does no work"
    child.wait()
    assert observed(of_child).state == "lost"


def test_an_ended_state_stays_and_old_heartbeats_never_make_a_local_process_lost() -> None:
    assert observed(Status("finished", pid=1)).state == "finished"
    assert observed(Status("running", heartbeat=0.0, **this_process())).state == "running"


def test_a_process_of_another_host_is_judged_by_its_heartbeat() -> None:
    remote = Status("running", pid=1, host="elsewhere", heartbeat=1000.0)
    assert observed(remote, now=1030.0).state == "running"
    lost = observed(remote, now=1200.0)
    assert lost.state == "lost"
    assert "elsewhere" in lost.cause


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"state":"running"', b'{"pid": 3}'])
def test_a_damaged_status_reads_as_lost_and_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(content)
    assert read_status(path).state == "lost"
    assert "cannot be read" in read_status(path).cause


def test_the_keeper_names_its_process_and_writes_changes_of_state_at_once(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, Status("queued", place=3, epochs=7, cause="old"))
    with StatusKeeper(path, "starting") as keeper:
        first = read_status(path)
        assert (first.state, first.pid, first.epochs, first.place, first.cause) == ("starting", os.getpid(), 7, 0, "")
        keeper.update(state="running", step=3)
        assert (read_status(path).state, read_status(path).step) == ("running", 3)
        keeper.update(step=4)
        keeper.flush()
        assert read_status(path).step == 4


def test_runs_are_found_by_id_part_folder_or_last(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run in"):
        find_run(tmp_path, "last")
    runs = [create_run(tmp_path, RunSettings(name=name)) for name in ("alpha", "beta")]
    assert find_run(tmp_path, "alpha") == runs[0]
    assert find_run(tmp_path, runs[1].run_id) == runs[1]
    assert find_run(tmp_path, str(runs[0].path)) == runs[0]
    (tmp_path / "notes").mkdir()
    assert set(run_directories(tmp_path)) == set(runs)
    with pytest.raises(UserError, match="names 2 runs"):
        find_run(tmp_path, "a-")
    with pytest.raises(UserError, match="There is no run 'gamma'"):
        find_run(tmp_path, "gamma")


def test_the_evaluation_to_quote_is_the_best_checkpoint_with_z_from_the_prior(tmp_path: Path) -> None:
    run = create_run(tmp_path, RunSettings())
    assert main_evaluation(run) is None
    base = Evaluation("val", 0, "prior", 1, 0, "last", 9, "last", "d", [20.0, 30.0], [10.0, 12.0], [11.0, 11.0])
    for evaluation in (replace(base, z_mode="posterior"), replace(base, checkpoint="best", psnr=[40.0, 40.0]), base):
        write_evaluation(run, evaluation)
    (run.evaluations / "val0-zero-best.json").write_bytes(b"{")
    assert len(read_evaluations(run)) == 3
    quoted = main_evaluation(run)
    assert quoted is not None
    assert (quoted.checkpoint, quoted.psnr) == ("best", [40.0, 40.0])
    assert base.means() == {"psnr": 25.0, "repeat_first": 11.0, "mean_frame": 11.0}
