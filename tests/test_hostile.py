"""Hostile input: each case gets a sentence, or is skipped and counted; nothing runs and nothing outside is touched."""

import io
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

import hostile
from conftest import TINY
from hostile import ESCAPES, sentence
from pngs import write_split
from terminal import Terminal
from vidpred_engine import cli
from vidpred_engine.data.folder import check_folder, scan_folder
from vidpred_engine.data.packed import load_packed
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.run_model import load_run_model
from vidpred_engine.evaluation.submission import read_submission
from vidpred_engine.launch import local
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import annotations_fault, read_annotations
from vidpred_engine.store.damage import run_damage
from vidpred_engine.store.evaluations import read_evaluations, write_evaluation
from vidpred_engine.store.metric_log import MetricReader, MetricWriter, rewind
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run, find_run, run_ids
from vidpred_engine.store.sample_frames import read_sample_frames
from vidpred_engine.store.status import Status, read_status, write_status
from vidpred_engine.store.trash import delete_runs, restore_runs
from vidpred_engine.training.checkpoint import load_checkpoint, save_checkpoint
from vidpred_engine.training.lab_checkpoint import read_lab_checkpoint
from vidpred_tui.history import HistoryBuilder
from vidpred_tui.tail import LogTail
from whole_run import EVALUATION, log_records, whole_run


def cases(corpus: dict[str, Any]) -> pytest.MarkDecorator:
    """A test for each case of a corpus."""
    return pytest.mark.parametrize("case", list(corpus.values()), ids=list(corpus))


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder that nothing may touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("lr = SECRET")
    yield folder
    assert [path.name for path in folder.iterdir()] == ["secret"]
    assert (folder / "secret").read_text() == "lr = SECRET"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def run(runs: Path) -> RunDirectory:
    return whole_run(runs)


Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Call vidpred-engine with words; gives its exit code, output and errors."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["vidpred-engine", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return int(left.value.code or 0), *capsys.readouterr()

    return call


# Checkpoints.


@pytest.mark.parametrize("case", hostile.checkpoints(Path()))
def test_a_checkpoint_that_is_none_is_refused_and_runs_nothing(tmp_path: Path, case: str) -> None:
    witness, path = tmp_path / "witness", tmp_path / "last.pt"
    hostile.checkpoints(witness)[case](path)
    for load in (load_checkpoint, read_lab_checkpoint):
        if load is read_lab_checkpoint and case in ("no format", "a word for a format", "a format to come"):
            continue  # the lab's checkpoints know no format
        with pytest.raises(UserError, match=r"last\.pt") as refused:
            load(path)
        assert len(sentence(str(refused.value))) == 1
    assert not witness.exists()


@cases(hostile.misfits())
def test_a_checkpoint_of_something_else_is_refused(runs: Path, case: dict[str, Any]) -> None:
    run = create_run(runs, RunSettings.model_validate(TINY))
    torch.save({"format": 1, **case}, run.checkpoints / "last.pt")
    with pytest.raises(UserError, match=r"last\.pt does not fit the run's settings\.toml"):
        load_run_model(run, "last", torch.device("cpu"))


# Names and paths.


@pytest.mark.parametrize(
    "name", ["../../x", "..", ".", "a/b", "/etc/x", "~", "-rf", "a\0b", "a\nb", "x" * 61, "con\x1b"]
)
def test_a_name_makes_no_folder_but_a_run_in_the_runs_folder(runs: Path, outside: Path, name: str) -> None:
    assert outside.is_dir()
    with suppress(UserError, ValueError):
        RunSettings(name=name)
    run = create_run(runs, RunSettings.model_construct(**{**RunSettings().model_dump(), "name": name[:60]}))
    assert run.path.parent == runs
    assert run_ids(runs) == [run.run_id]
    assert run.run_id.isprintable()


@pytest.mark.parametrize(
    "wanted", ["../outside", "..", ".", "/etc", "*", "", "\0", "x" * 5000, "\x1b]0;OWNED\x07", "\udcff"]
)
def test_a_word_that_names_no_run_finds_none(run: RunDirectory, outside: Path, say: Say, wanted: str) -> None:
    with pytest.raises(UserError, match="There is no run"):
        find_run(run.path.parent, wanted)
    code, out, err = say("runs", "show", "--runs", run.path.parent, "--", wanted)
    assert (code, out) == (2, "")
    assert err.strip().isprintable()
    assert outside.is_dir()


def test_a_link_is_no_run(run: RunDirectory, outside: Path) -> None:
    runs, link = run.path.parent, run.path.parent / "20250101-000000-link-0000"
    link.symlink_to(outside)
    assert run_ids(runs) == [run.run_id]
    assert [entry.run_id for entry in Registry(runs).entries()] == [run.run_id]
    with pytest.raises(UserError, match="There is no run"):
        find_run(runs, link.name)


@pytest.mark.parametrize(
    "name", ["checkpoints", "evaluation", "frames", "metrics.jsonl", "log.txt", "train.lock", "status.json"]
)
def test_nothing_is_written_through_a_link_in_a_run(run: RunDirectory, outside: Path, say: Say, name: str) -> None:
    path = run.path / name
    if path.is_dir():
        path.rename(run.path / "moved")
        path.symlink_to(outside)
    else:
        path.unlink(missing_ok=True)
        path.symlink_to(outside / "secret")
    write_status(run.path / "status.json", Status("stopped")) if name != "status.json" else None
    for word in ("train", "evaluate", "predict"):
        code, _, err = say(word, *(["--run"] if word == "train" else []), run.path)
        assert (code, len(sentence(err))) == (2, 1)
        assert f"{name} is a link" in err
    with pytest.raises(UserError, match="is a link"):
        local.start(run)
    with pytest.raises(UserError, match="is a link"), only_trainer(run):
        pass
    assert f"{name} is a link; put what it leads to in its place, or remove it" in [d.fault for d in run_damage(run)]


@pytest.mark.parametrize("target", ["secret", "/dev/zero", "pipe"])
@pytest.mark.parametrize(
    "name", ["settings.toml", "status.json", "metrics.jsonl", "annotations.json", "evaluation/val0-prior-best.json"]
)
def test_no_reader_follows_a_link_or_waits_for_a_pipe(
    run: RunDirectory, outside: Path, say: Say, name: str, target: str
) -> None:
    path = run.path / name
    path.unlink()
    os.mkfifo(path) if target == "pipe" else path.symlink_to(outside / target)
    assert path.name in " ".join(item.fault for item in run_damage(run))
    for words in (["runs", "show", run.run_id], ["runs", "list"], ["doctor", "--repair"]):
        code, out, err = say(*words, "--runs", run.path.parent)
        assert "SECRET" not in out + err
        assert code == (1 if words[0] == "doctor" else 0)
    assert path.is_symlink() or path.is_fifo(), "what is no file of a run's is left to its owner"


def test_a_log_cannot_be_written_through_a_link(tmp_path: Path, outside: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.symlink_to(outside / "secret")
    with pytest.raises(OSError, match="metrics"):
        MetricWriter(path)


def test_deleted_runs_stay_in_the_runs_folder(run: RunDirectory, outside: Path) -> None:
    trash = run.path.parent / ".trash"
    trash.symlink_to(outside)
    with pytest.raises(UserError, match="is a link"):
        delete_runs([run])
    trash.unlink()
    delete_runs([run])
    for name in ("../../outside", "..", ".", "/etc", "20250101-000000-x/../../../outside"):
        with pytest.raises(UserError, match="is no run's id"):
            restore_runs(run.path.parent, [name])
    assert restore_runs(run.path.parent, [run.run_id]) == [run]
    (trash / run.run_id).mkdir(parents=True)
    with pytest.raises(UserError, match="already; move"):
        delete_runs([run])


@pytest.mark.parametrize("name", ["../../../owned", "/tmp/owned", "owned/../../x"])
def test_members_of_an_archive_land_nowhere(run: RunDirectory, outside: Path, name: str) -> None:
    path = run.frames / "val0-prior-best.npz"
    hostile.archive(path, {f"{name}.npy": b"owned"})
    with pytest.raises(UserError, match="is damaged"):
        read_sample_frames(path)
    assert list(outside.parent.rglob("*owned*")) == []


# What could act on the terminal.


def poisoned(run: RunDirectory, text: str) -> None:
    """Put a text wherever a run may hold one."""
    run.annotations_file.write_text(json.dumps({"name": text, "note": text, "tags": [text], "starred": True}))
    summary: dict[str, float | str | None] = {"loss": text, text: 1.0}
    write_status(run.status_file, Status("failed", epochs=3, cause=text, summary=summary))
    run.settings_file.write_text(f"name = 'poisoned'\ndata = {json.dumps(text)}\n")
    with MetricWriter(run.metrics_file) as log:
        log.append({"kind": "event", "event": text, "step": 30, "epoch": 3, "text": text, text: text})
    for field in ("z_mode", "checkpoint", "weights", "data_digest"):
        document = {"format": 2, **asdict(EVALUATION), field: text}
        (run.evaluations / f"{field}.json").write_text(json.dumps(document))
    (run.evaluations / f"{text.replace('/', '_')}.json".replace("\0", "")).write_text("{")
    run.log_file.write_text(f"{text}\n{text}")


def inert(text: str) -> bool:
    """Whether nothing but printable characters and ends of lines would reach the terminal."""
    return all(letter.isprintable() or letter == "\n" for letter in text)


@cases(ESCAPES)
def test_no_command_prints_what_acts_on_a_terminal(run: RunDirectory, say: Say, case: str) -> None:
    other = whole_run(run.path.parent, "other")
    poisoned(run, case)
    folder = run.path.parent
    for words in (
        ["runs", "list"],
        ["runs", "list", "--json"],
        ["runs", "show", run.run_id],
        ["runs", "show", run.run_id, "--json"],
        ["runs", "compare", run.run_id, other.run_id],
        ["runs", "compare", run.run_id, other.run_id, "--json"],
        ["doctor"],
        ["doctor", "--json"],
        ["runs", "note", run.run_id, case],
        ["runs", "rename", run.run_id, case],
        ["runs", "list", case.strip() or "x"],
        ["runs", "list", "--sort", case.strip() or "x"],
        ["train", "--preset", case],
        ["train", "--data", case.replace("\0", "")],
    ):
        code, out, err = say(*words, "--runs", folder)
        assert inert(out), words
        assert inert(err), words
        if code == 2:
            assert len(sentence(err)) == 1, words
        if "--json" in words:
            json.loads(out)


@cases(ESCAPES)
def test_an_unknown_flag_or_file_is_named_harmlessly(tmp_path: Path, say: Say, case: str) -> None:
    folder = tmp_path / f"data{case.replace('/', '_')}".replace("\0", "")
    write_split(folder, "train", 3)
    (folder / "train/train_img/1.png").rename(folder / "train/train_img" / f"{folder.name}1.png")
    for words in (["data", "check", folder], [f"--{case}"], ["train", f"--{case}"], ["score", folder, "x"]):
        _, out, err = say(*words)
        assert inert(out + err), words
        assert out + err


@cases(ESCAPES)
def test_progress_and_the_tail_of_a_log_are_harmless(
    tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    progress = Progress()
    progress.say(case)
    with progress.report(case) as report:
        report(0, 1)
    assert inert("".join(capsys.readouterr()))
    log = tmp_path / "log.txt"
    log.write_text(f"{case}\n{case}")
    tail = LogTail(log)
    assert tail.read_new()
    assert all(line.isprintable() for line in tail.lines())


POINTER_SHAPE = re.compile(rb"\x1b\]22;[a-z-]+\x07")
"""The one command to the terminal that Textual itself sends in this form."""


@pytest.mark.slow
def test_nothing_of_a_run_acts_on_the_terminal_of_the_program(run: RunDirectory) -> None:
    whole = "".join(text for name, text in ESCAPES.items() if name not in ("a line more", "nothing to see"))
    poisoned(run, whole)
    Registry(run.path.parent).index(run)
    index = run.path.parent / "registry.json"
    index.write_text(index.read_text().replace("poisoned", "poisoned\\u009b31m"))
    neighbour = whole_run(run.path.parent, "neighbour")
    sent = io.BytesIO()
    with Terminal(run.path.parent) as terminal:
        terminal.process.logfile_read = sent
        terminal.sees("poisoned", "failed", "why it was trained")
        # Either may be on top, as both were made within a second; the line below the table names the one chosen.
        if run.run_id not in terminal.until(lambda text: run.run_id in text or neighbour.run_id in text, "a choice"):
            terminal.press("\x1b[B")
        terminal.sees(run.run_id, "OWNED")
        terminal.press("\r")
        terminal.sees("beta", "OWNED")
        terminal.press("\x1b")
        terminal.sees("why it was trained")
        terminal.press("d")
        terminal.sees("New run", "copy of", "OWNED")
        terminal.press("\x1b")
        terminal.sees("why it was trained")
        terminal.press("A", "c")
        terminal.sees("Compare", "OWNED", "drift dB")
        terminal.press("f")
        terminal.sees("Frames", "shown prediction")
        assert terminal.leave() == 0
    drawn = POINTER_SHAPE.sub(b"", sent.getvalue())
    for trace in (b"\x1b]", b"\xc2\x9b", b"\xe2\x80\xae", b"OWNED\x08", b"OWNED\r", b"\x07"):
        at = drawn.find(trace)
        assert at < 0, drawn[max(0, at - 100) : at + 100]


# Pictures, tables, settings.


@cases(hostile.PICTURES)
def test_a_picture_that_is_none_is_refused(lab_folder: Path, tmp_path: Path, case: bytes, say: Say) -> None:
    path = lab_folder / "val/val_img/2.png"
    path.write_bytes(case)
    folder = scan_folder(lab_folder)
    with pytest.raises(UserError, match=r"2\.png cannot be read: .*; replace it, or remove it") as refused:
        load_packed(folder, "val", height=8, width=16, cache=tmp_path / "cache")
    assert len(sentence(str(refused.value))) == 1
    problems = check_folder(lab_folder).problems
    assert all("2.png" in problem for problem in problems)
    code, out, err = say("data", "check", lab_folder)
    assert code == (2 if problems else 0)
    sentence(out + err)


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless"])
def test_what_is_no_picture_file_is_refused(lab_folder: Path, tmp_path: Path, kind: str) -> None:
    path = lab_folder / "val/val_img/2.png"
    path.unlink()
    ways: dict[str, Callable[[], object]] = {
        "pipe": lambda: os.mkfifo(path),
        "folder": lambda: path.mkdir(),
        "endless": lambda: path.symlink_to("/dev/zero"),
    }
    ways[kind]()
    with pytest.raises(UserError, match="val_img"):
        load_packed(scan_folder(lab_folder), "val", height=8, width=16, cache=tmp_path / "cache")


@cases(hostile.TABLES)
def test_a_table_that_is_no_submission_is_refused(tmp_path: Path, case: bytes) -> None:
    path = tmp_path / "submission.csv"
    path.write_bytes(case)
    with pytest.raises(UserError, match=r"submission\.csv") as refused:
        read_submission(path, Progress())
    assert len(sentence(str(refused.value))) == 1


@cases(hostile.SETTINGS)
def test_settings_that_are_none_are_refused(runs: Path, tmp_path: Path, say: Say, case: bytes) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(case)
    code, _, err = say("train", "--settings", path, "--runs", runs)
    assert (code, len(sentence(err))) == (2, 1)
    assert inert(err)
    assert list(runs.iterdir()) == []
    run = create_run(runs, RunSettings())
    run.settings_file.write_bytes(case)
    with pytest.raises(UserError, match=f"Run {run.run_id} has no usable settings"):
        run.settings()
    (entry,) = Registry(runs).entries()
    assert entry.state == "lost"


# Logs, states, the index.


@cases(hostile.LINES)
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


@cases(hostile.STATES)
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


@cases(hostile.LIVE_STATES_THAT_ARE_NOT)
def test_a_process_that_cannot_be_is_gone(run: RunDirectory, case: bytes) -> None:
    run.status_file.write_bytes(case)
    assert run.status().state == "lost"


@cases(hostile.DOCUMENTS)
def test_a_hostile_document_of_the_index_is_read_from_its_folder(run: RunDirectory, say: Say, case: Any) -> None:
    folder, index = run.path.parent, run.path.parent / "registry.json"
    (whole,) = Registry(folder).entries()
    tables = json.loads(index.read_bytes())
    document = {**tables["runs"][run.run_id], **case} if isinstance(case, dict) and case else case
    if isinstance(document, dict) and document.get("summary") == {"loss": None}:
        document["summary"] = {"loss": hostile.nested(900)}
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


def test_a_settings_file_of_a_sound_checkpoint_is_not_believed_blindly(run: RunDirectory, say: Say) -> None:
    save_checkpoint(run.checkpoints / "last.pt", {"settings": {"lr": "fast"}, "step": 1, "model": {}})
    save_checkpoint(run.checkpoints / "best.pt", {"settings": [1], "step": 1, "model": {}})
    run.settings_file.write_bytes(b"")
    code, out, _ = say("doctor", "--repair", "--runs", run.path.parent)
    assert code == 1
    assert "no checkpoint tells what it held" in " ".join(out.split())
