"""Text that would act on the terminal: neither a command nor the program sends it there, whatever file it stands in."""

import io
import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from hostile.answers import Say, inert, sentence
from hostile.corpus import ESCAPES, cases
from pngs import write_split
from terminal import Terminal
from vidpred_engine.progress import Progress
from vidpred_engine.store.metric_log import MetricWriter
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import Status, write_status
from vidpred_tui.tail import LogTail
from whole_run import EVALUATION, whole_run


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
