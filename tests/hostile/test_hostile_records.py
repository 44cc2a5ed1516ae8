"""The files of a run and the index, with anything in them: skipped and counted, or named; the sound rest is read."""

import json
import threading
from dataclasses import asdict
from typing import Any

import pytest

from hostile.answers import Say, inert, sentence
from hostile.corpus import DOCUMENTS, LINES, LIVE_STATES_THAT_ARE_NOT, STATES, cases, nested
from vidpred_engine.errors import UserError
from vidpred_engine.store.annotations import annotations_fault, read_annotations
from vidpred_engine.store.damage import run_damage
from vidpred_engine.store.evaluations import read_evaluations, write_evaluation
from vidpred_engine.store.metric_log import MetricReader, rewind
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import Status, read_status, write_status
from vidpred_tui.history import HistoryBuilder
from whole_run import EVALUATION, log_records


@cases(LINES)
def test_a_line_that_is_no_record_is_skipped_and_counted(run: RunDirectory, case: bytes) -> None:
    before, after = (
        run.metrics_file.read_bytes().splitlines(keepends=True)[:20],
        b'{"kind":"epoch","step":99,"epoch":9}\n',
    )
    run.metrics_file.write_bytes(b"".join(before) + case + b"\n" + after)
    reader, pieces = MetricReader(run.metrics_file), MetricReader(run.metrics_file)
    read = reader.read_new()
    assert [*log_records()[:19], json.loads(after)] == read
    assert reader.damaged >= 1
    in_pieces = [record for _ in range(100) for record in pieces.read_new(2**16)]
    assert in_pieces == read
    HistoryBuilder().extend(read)
    rewind(run.metrics_file, 5, 0)
    assert MetricReader(run.metrics_file).read_new() == log_records()[:6]
    assert any("damaged line" in item.fault for item in run_damage(run))


def test_a_log_of_strange_fields_harms_nobody(run: RunDirectory) -> None:
    for record in (
        {"kind": "step", "loss": [1], "mse": {"a": 1}, "kl": None, "psnr": "nan", "lr": "fast", "time": "now"},
        {"kind": "event", "event": [1], "terms": "mse", "step": -5},
        {"kind": "\x1b", "step": -(2**63)},
        {"kind": "validation", "psnr": "inf", "step": 2**63, "epoch": 2**63},
    ):
        with run.metrics_file.open("ab") as log:
            log.write(json.dumps(record).encode() + b"\n")
    reader = MetricReader(run.metrics_file)
    records = reader.read_new()
    assert (len(records), reader.damaged) == (len(log_records()) + 4, 0)
    builder = HistoryBuilder()
    builder.extend(records)
    assert builder.snapshot().curve("step", "loss").last == pytest.approx(1 / 30)
    rewind(run.metrics_file, 30, 3)


@cases(STATES)
def test_a_state_of_wrong_values_reads_as_lost_and_says_why(run: RunDirectory, say: Say, case: bytes) -> None:
    run.status_file.write_bytes(case)
    status = read_status(run.status_file)
    assert status.state == "lost"
    assert status.cause.startswith("status.json cannot be read: ")
    code, out, err = say("runs", "show", run.run_id, "--runs", run.path.parent)
    assert (code, err) == (0, "")
    assert "damaged: status.json cannot be read" in out
    (entry,) = Registry(run.path.parent).entries()
    json.dumps(asdict(entry))


@cases(LIVE_STATES_THAT_ARE_NOT)
def test_a_process_that_cannot_be_is_gone(run: RunDirectory, case: bytes) -> None:
    run.status_file.write_bytes(case)
    assert run.status().state == "lost"


@cases(DOCUMENTS)
def test_a_hostile_document_of_the_index_is_read_from_its_folder(run: RunDirectory, say: Say, case: Any) -> None:
    folder, index = run.path.parent, run.path.parent / "registry.json"
    (whole,) = Registry(folder).entries()
    tables = json.loads(index.read_bytes())
    document = {**tables["runs"][run.run_id], **case} if isinstance(case, dict) and case else case
    if isinstance(document, dict) and document.get("summary") == {"loss": None}:
        document["summary"] = {"loss": nested(900)}
    tables["runs"] = {run.run_id: document, "../../outside": tables["runs"][run.run_id]}
    index.write_text(json.dumps(tables))
    assert Registry(folder).entries() == [whole]
    code, out, err = say("runs", "list", "--runs", folder)
    assert (code, err) == (0, "")
    assert inert(out)
    Registry(folder).index(run)
    assert Registry(folder).entries() == [whole]


@pytest.mark.parametrize(
    "content",
    [b"[]", b"5", b'{"runs": 5}', b'{"runs": [1]}', b'{"runs": {"a": 5}}', b"{", b"", b"[" * 5000, b'{"format": "x"}'],
)
@pytest.mark.parametrize("name", ["registry.json", "curves.json"])
def test_an_index_that_is_none_is_set_aside(run: RunDirectory, name: str, content: bytes) -> None:
    path = run.path.parent / name
    whole = path.read_bytes()
    path.write_bytes(content)
    registry = Registry(run.path.parent)
    assert [entry.run_id for entry in registry.entries()] == [run.run_id]
    registry.index(run)
    assert json.loads(path.read_bytes()) == json.loads(whole)
    assert path.with_name(f"{name}.damaged").read_bytes() == content


@pytest.mark.parametrize(
    "change",
    [
        {"psnr": "high"}, {"psnr": []}, {"psnr": [None, 1]}, {"psnr": [[1], 2]}, {"psnr": [1.0]}, {"kl": {"a": 1}},
        {"clip": "first"}, {"clip": True}, {"samples": 1.5}, {"z_mode": ["prior"]}, {"lab_score": [1], "seed": None},
        {"format": 99}, {"format": "x"},
    ],
)  # fmt: skip
def test_an_evaluation_of_wrong_values_hides_only_itself(run: RunDirectory, change: dict[str, Any]) -> None:
    document = {"format": 2, **asdict(EVALUATION), **change}
    (run.evaluations / "val1-prior-best.json").write_text(json.dumps(document))
    assert read_evaluations(run) == [EVALUATION]
    assert [item.path.name for item in run_damage(run)] == ["val1-prior-best.json"]


def test_an_evaluation_beyond_all_numbers_is_averaged(run: RunDirectory) -> None:
    huge = {**asdict(EVALUATION), "psnr": [1.7e308, 1.7e308]}
    (run.evaluations / "val0-prior-best.json").write_text(json.dumps({"format": 2, **huge}))
    (evaluation,) = read_evaluations(run)
    assert evaluation.means()["psnr"] == float("inf")
    write_evaluation(run, EVALUATION)


@pytest.mark.parametrize(
    "content",
    [b"[]", b"5", b"{", b"", b'{"name": 5}', b'{"tags": "kl"}', b"[" * 5000, b'{"note": "\\u001b[2J"}', b"x" * 2**21],
)
def test_hostile_annotations_are_named_and_never_written_over(run: RunDirectory, content: bytes) -> None:
    run.annotations_file.write_bytes(content)
    assert read_annotations(run).note == ""
    assert annotations_fault(run).isprintable()
    assert [item.kind for item in run_damage(run)] == ["annotations"]
    with pytest.raises(UserError, match=r"annotations\.json cannot be read"):
        Registry(run.path.parent).annotate([run], lambda said: said)
    assert run.annotations_file.read_bytes() == content


def test_a_lock_that_cannot_be_held_is_said_to_be_one(run: RunDirectory, say: Say) -> None:
    run.lock_file.unlink(missing_ok=True)
    run.lock_file.mkdir()
    write_status(run.status_file, Status("stopped"))
    code, _, err = say("train", "--run", run.path)
    assert (code, len(sentence(err))) == (2, 1)
    assert any("train.lock is no file" in item.fault for item in run_damage(run))
    assert threading.active_count() < 20
