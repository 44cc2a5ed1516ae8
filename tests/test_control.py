"""Requests to a run at work: obeyed between two steps, told, and without a trace in what is trained."""

import os
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from test_cli import engine
from test_kill import start
from test_training import assert_equal, measured, train, wait_until
from vidpred_engine.errors import UserError
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.control import REQUESTS, Inbox, Request, Taken, ask, control_folder
from vidpred_engine.store.evaluations import main_evaluation
from vidpred_engine.store.metric_log import MetricReader, MetricWriter, Record, rewind
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import Status, this_process, write_status
from vidpred_engine.training import device_load
from vidpred_engine.training.checkpoint import load_checkpoint
from vidpred_engine.training.learner import Learner


def ask_within(monkeypatch: pytest.MonkeyPatch, run: RunDirectory, requests: dict[int, Request]) -> None:
    """Ask while the steps with these numbers, counted from 0, are done: once each."""
    left, step = dict(requests), Learner.step

    def asking(learner: Learner, *inputs: Any, **options: Any) -> dict[str, Tensor]:
        if (request := left.pop(inputs[2], None)) is not None:
            ask(run, request)
        return step(learner, *inputs, **options)

    monkeypatch.setattr(Learner, "step", asking)


def of_kind(run: RunDirectory, kind: str) -> list[Record]:
    return [record for record in MetricReader(run.metrics_file).read_new() if record["kind"] == kind]


def answers(run: RunDirectory) -> list[tuple[str, bool, int]]:
    """What was asked, whether it was obeyed, and the number of steps done by then."""
    told = [event for event in of_kind(run, "event") if event["event"] == "control"]
    return [(event["request"], event["obeyed"], event["step"]) for event in told]


@pytest.fixture
def live(tmp_path: Path) -> RunDirectory:
    """A run that this very process is at work on, as far as anybody can see."""
    run = create_run(tmp_path / "runs", RunSettings(name="live"))
    write_status(run.status_file, Status("running", **this_process()))
    return run


def inbox(run: RunDirectory) -> Inbox:
    return Inbox(run, run.status)


@pytest.mark.parametrize("recipe", [{}, {"ema_decay": 0.9, "shuffle": True, "augment": True}], ids=["plain", "ema"])
def test_checkpoints_and_validations_on_request_change_nothing_of_what_is_trained(
    tmp_path: Path,
    tiny: RunSettings,
    recipe: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = tiny.model_copy(update={**recipe, "epochs": 3})
    plain, asked = create_run(tmp_path / "a", settings), create_run(tmp_path / "b", settings)
    assert train(plain) == 0
    requests: dict[int, Request] = {1: "checkpoint", 3: "validate", 5: "validate", 8: "checkpoint", 9: "validate"}
    ask_within(monkeypatch, asked, requests)
    assert train(asked) == 0
    assert answers(asked) == [
        ("checkpoint", True, 2),
        ("validate", True, 4),
        ("validate", True, 6),
        ("checkpoint", True, 9),
        ("validate", True, 10),
    ]
    said = capsys.readouterr().err
    assert "Step 2 is saved, as asked." in said
    assert "Validated at step 4, as asked: PSNR " in said
    assert [record for record in measured(asked) if record["kind"] != "spot_check"] == measured(plain)
    for name in ("last.pt", "best.pt"):
        assert_equal(load_checkpoint(asked.checkpoints / name), load_checkpoint(plain.checkpoints / name))
    assert main_evaluation(asked) == main_evaluation(plain)
    assert not control_folder(asked).exists()
    checks = of_kind(asked, "spot_check")
    assert [(record["step"], record["epoch"]) for record in checks] == [(3, 0), (5, 1), (9, 1)]
    at_the_end_of_the_epoch = next(record for record in of_kind(asked, "validation") if record["step"] == 9)
    assert checks[-1]["psnr"] == at_the_end_of_the_epoch["psnr"], "the same weights score the same"


def test_a_checkpoint_on_request_is_what_a_killed_run_resumes_from(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies a step after the one that was saved on request."""
    plain, run = create_run(tmp_path / "a", tiny), create_run(tmp_path / "b", tiny)
    assert train(plain) == 0
    looks = count()

    def killed() -> bool:
        if run.checkpoints.joinpath("last.pt").exists() and load_checkpoint(run.checkpoints / "last.pt")["step"] == 8:
            raise KeyboardInterrupt
        return next(looks) < 0

    with monkeypatch.context() as patched:
        ask_within(patched, run, {6: "validate", 7: "checkpoint"})
        with pytest.raises(KeyboardInterrupt):
            train(run, killed)
    assert answers(run) == [("validate", True, 7), ("checkpoint", True, 8)]
    assert train(run) == 0
    assert [record["step"] for record in of_kind(run, "spot_check")] == [6], "it stays, as its step is not done anew"
    assert [record for record in measured(run) if record["kind"] != "spot_check"] == measured(plain)
    assert_equal(load_checkpoint(run.checkpoints / "last.pt"), load_checkpoint(plain.checkpoints / "last.pt"))


def test_a_run_stops_at_once_or_at_the_end_of_its_epoch_and_resumes_bit_for_bit(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny.model_copy(update={"epochs": 4})
    plain, run = create_run(tmp_path / "a", settings), create_run(tmp_path / "b", settings)
    assert train(plain) == 0
    ask_within(monkeypatch, run, {1: "stop", 6: "stop-after-epoch", 7: "checkpoint"})
    assert train(run) == 75
    assert (run.status().state, run.status().step) == ("stopped", 2)
    assert train(run) == 75
    assert answers(run) == [("stop", True, 2), ("stop-after-epoch", True, 7), ("checkpoint", True, 8)]
    assert (run.status().state, run.status().step, run.status().epoch) == ("stopped", 10, 2)
    assert train(run) == 0, "the request was to the process that has left"
    assert measured(run) == measured(plain)
    assert_equal(load_checkpoint(run.checkpoints / "last.pt"), load_checkpoint(plain.checkpoints / "last.pt"))


def test_a_request_in_the_last_epoch_lets_the_run_finish(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(tmp_path, tiny)
    ask_within(monkeypatch, run, {7: "stop-after-epoch"})
    assert train(run) == 0
    assert run.status().state == "finished"


def test_stop_is_heard_within_a_validation_and_others_wait_for_its_end(tmp_path: Path, tiny: RunSettings) -> None:
    """After the looks before and after the first epoch's five steps come those at each predicted frame."""
    run, looks = create_run(tmp_path, tiny), count()
    requests: dict[int, Request] = {6: "checkpoint", 7: "stop"}

    def look() -> bool:
        if (request := requests.get(next(looks))) is not None:
            ask(run, request)
        return False

    assert train(run, look) == 75
    assert answers(run) == [("stop", True, 5)]
    assert not of_kind(run, "validation")
    assert run.status().step == 5


def test_what_was_asked_of_an_earlier_process_is_passed_over_by_a_resumed_one(
    tmp_path: Path, tiny: RunSettings
) -> None:
    run = create_run(tmp_path, tiny)
    write_status(run.status_file, Status("running", **this_process()))
    ask(run, "stop")
    path = control_folder(run) / "stop.json"
    path.write_bytes(path.read_bytes().replace(b'"pid":', b'"pid":1'))
    assert train(run) == 0
    assert answers(run) == [("stop", False, 0)]
    assert run.status().state == "finished"
    assert not control_folder(run).exists()


@pytest.mark.parametrize("state", ["created", "finished", "stopped", "failed", "lost", "stopping"])
def test_a_run_that_is_not_at_work_is_not_asked(live: RunDirectory, state: Any) -> None:
    write_status(live.status_file, Status(state, **this_process()))
    with pytest.raises(UserError, match=f"^Run {live.run_id} is (saving|{state})"):
        ask(live, "validate")
    assert not control_folder(live).exists()


def test_a_dead_process_and_one_that_has_not_begun_are_not_asked(live: RunDirectory) -> None:
    write_status(live.status_file, Status("running", pid=2**22 + 1, process_started=1.0))
    with pytest.raises(UserError, match="is lost, so no process is there to save a checkpoint"):
        ask(live, "checkpoint")
    write_status(live.status_file, Status("starting"))
    with pytest.raises(UserError, match="just being started"):
        ask(live, "checkpoint")


def test_requests_are_taken_once_and_leave_nothing(live: RunDirectory) -> None:
    taker = inbox(live)
    assert taker.take() == []
    requests: list[Request] = ["stop", "checkpoint", "stop"]
    for request in requests:
        ask(live, request)
    assert taker.take() == [Taken("checkpoint", is_stale=False), Taken("stop", is_stale=False)]
    assert taker.take() == []
    assert not control_folder(live).exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\x00", b'{"request":"stop","pid":"1"}', b"9" * 100])
def test_a_file_that_is_no_request_is_passed_over(live: RunDirectory, content: bytes) -> None:
    folder = control_folder(live)
    folder.mkdir()
    (folder / "stop.json").write_bytes(content)
    assert inbox(live).take() == [Taken("stop", is_stale=True)]
    assert not folder.exists()


def test_what_cannot_be_removed_is_not_obeyed_and_a_folder_of_other_things_harms_nobody(live: RunDirectory) -> None:
    folder = control_folder(live)
    (folder / "stop.json").mkdir(parents=True)
    (folder / "checkpoint.json").symlink_to(live.status_file)
    (folder / "notes").write_text("mine")
    assert inbox(live).take() == []
    assert (folder / "notes").exists()
    for item in (folder / "notes", folder / "checkpoint.json"):
        item.unlink()
    (folder / "stop.json").rmdir()
    folder.rmdir()
    folder.write_text("a file")
    assert inbox(live).take() == []
    with pytest.raises(OSError):
        ask(live, "stop")


def test_what_a_killed_asker_leaves_is_removed_by_the_next_process(live: RunDirectory) -> None:
    folder = control_folder(live)
    folder.mkdir()
    (folder / ".stop.json.0123456789abcdef.tmp").touch()
    with only_trainer(live):
        assert inbox(live).take() == []
        assert not folder.exists()


def test_a_look_at_an_empty_inbox_costs_microseconds(live: RunDirectory) -> None:
    """A step takes milliseconds at the least; the bound is loose, for busy machines."""
    taker = inbox(live)
    began = time.thread_time()
    for _ in range(1000):
        taker.take()
    assert time.thread_time() - began < 0.1


def test_the_command_asks_or_says_why_not(live: RunDirectory) -> None:
    told = engine("runs", "control", "live", "validate", "--runs", live.path.parent)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == f"{live.run_id} is asked to {REQUESTS['validate']}; its log says when it does.\n"
    assert inbox(live).take() == [Taken("validate", is_stale=False)]
    wrong = engine("runs", "control", "live", "explode", "--runs", live.path.parent)
    assert wrong.returncode == 2
    assert "checkpoint" in wrong.stderr
    assert wrong.stderr.count("\n") == 1
    write_status(live.status_file, Status("finished"))
    refused = engine("runs", "control", "live", "stop", "--runs", live.path.parent)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == f"vidpred-engine: Run {live.run_id} is finished, so no process is there to stop.\n"


@pytest.mark.slow
def test_a_real_process_obeys(tmp_path: Path, tiny: RunSettings) -> None:
    run = create_run(tmp_path, tiny.model_copy(update={"epochs": 100_000, "validate_every": 100_000}))
    process = start(run)
    try:
        wait_until(lambda: len(measured(run)) > 2)
        ask(run, "checkpoint")
        wait_until(lambda: (run.checkpoints / "last.pt").exists() and len(answers(run)) == 1)
        ask(run, "validate")
        wait_until(lambda: bool(of_kind(run, "spot_check")) and len(answers(run)) == 2)
        ask(run, "stop")
        process.join(60)
        assert process.exitcode == 75
    finally:
        process.kill()
    assert [request for request, obeyed, _ in answers(run) if obeyed] == ["checkpoint", "validate", "stop"]
    assert run.status().state == "stopped"
    assert run.log_file.read_text().count("is saved, as asked.") == 1


def test_the_device_is_logged_now_and_then_and_forgotten_with_its_steps(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_load, "SECONDS_BETWEEN_READINGS", 0.0)
    run = create_run(tmp_path, tiny)
    assert train(run) == 0
    records = of_kind(run, "device")
    assert [record["step"] for record in records] == list(range(10)), "one a step, where each step is due"
    assert all(0 <= record["cpu_percent"] <= 100 * (os.cpu_count() or 1) * 1.5 for record in records)
    assert all(0.05 < record["memory_gib"] < 100 for record in records)
    rewind(run.metrics_file, 4, 0)
    assert [record["step"] for record in of_kind(run, "device")] == [0, 1, 2, 3]


def test_a_run_of_a_moment_logs_no_device(tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_load, "SECONDS_BETWEEN_READINGS", 3600.0)
    run = create_run(tmp_path, tiny)
    assert train(run) == 0
    assert of_kind(run, "device") == []


def test_a_gpu_tells_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    """As NVML answers, in its own units: percent, bytes, milliwatts; a part of a shared card tells no power."""
    import pynvml

    monkeypatch.setattr(pynvml, "nvmlDeviceGetUtilizationRates", lambda _: pynvml.c_nvmlUtilization_t(gpu=87))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda _: pynvml.c_nvmlMemory_t(used=3 * 2**29))
    monkeypatch.setattr(pynvml, "nvmlDeviceGetPowerUsage", lambda _: 312_500)
    assert device_load._gpu_reading("gpu") == {"gpu_percent": 87.0, "gpu_memory_gib": 1.5, "gpu_watts": 312.5}

    def not_supported(_: object) -> int:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetPowerUsage", not_supported)
    assert device_load._gpu_reading("gpu") == {"gpu_percent": 87.0, "gpu_memory_gib": 1.5}


def test_records_that_a_request_made_survive_a_rewind_like_steps(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricWriter(path) as log:
        for kind, step in (("step", 1), ("spot_check", 1), ("device", 2), ("step", 3), ("spot_check", 3)):
            log.append({"kind": kind, "step": step, "epoch": 0})
    rewind(path, 3, 0)
    kept = [(record["kind"], record["step"]) for record in MetricReader(path).read_new()]
    assert kept == [("step", 1), ("spot_check", 1), ("device", 2)]
