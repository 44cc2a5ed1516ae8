"""vidpred-engine bench tui: it drives the real program, and its figures follow from their samples."""

import statistics
from pathlib import Path
from typing import Any

import orjson
import pytest

from test_cli import engine
from vidpred_engine.bench.terminal import program
from vidpred_engine.bench.terminal.fabricated import fabricate_runs, step_record, write_long_log
from vidpred_engine.bench.terminal.figure import Figure
from vidpred_engine.bench.terminal.opening import faulty_step, long_run
from vidpred_engine.bench.terminal.program import Size, TerminalProgram
from vidpred_engine.errors import UserError
from vidpred_engine.progress import Progress
from vidpred_engine.store.metric_log import MetricReader, MetricWriter
from vidpred_engine.store.registry import Registry, read_entry
from vidpred_engine.store.run_directory import run_directories


@pytest.mark.slow
def test_the_command_measures_the_real_program(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    done = engine("bench", "tui", "--quick", "--json", "--out", file, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = orjson.loads(done.stdout)
    assert orjson.loads(file.read_bytes()) == result
    assert [path.name for path in tmp_path.iterdir()] == ["bench.json"], "the runs it wrote are gone"
    assert {"cpu", "cores", "load", "python", "textual"} <= result["machine"].keys()
    found = {(figure["name"], figure["terminal"]): figure for figure in result["figures"]}
    live = "Live screen, 5 records/s: "
    assert list(found) == [
        ("start until 20 runs are listed", "160x48"),
        ("start until 60 runs are listed", "160x48"),
        ("list a registry of 60 runs", ""),
        ("change one of a registry of 60 runs", ""),
        ("record written until the header shows it", "160x48"),
        ("record written until the loss chart shows it", "160x48"),
        *((name, size) for size in ("80x24", "160x48") for name in (live + "processor", live + "output", IDLE)),
        ("run of 30,000 records opened until its charts are drawn", "160x48"),
        ("run of 30,000 records opened until every record is in them", "160x48"),
    ]
    for (name, _), figure in found.items():
        assert figure["samples"]
        assert min(figure["samples"]) > 0 or name == IDLE
        assert figure["median"] == statistics.median(figure["samples"])
        assert figure["missed"] == (figure["target"] is not None and figure["median"] > figure["target"])
    assert {figure["target"] for figure in found.values()} == {0.9, 0.5, 0.3, 10.0, 25.0, 0.0, 1.5, None}


IDLE = "Live screen, nothing changes: output"


def test_medians_and_missed_targets_by_hand() -> None:
    figure = Figure("start", "80x24", "s", [3.0, 1.0, 2.0], 2.0, [0.5, 0.25])
    assert (figure.median, figure.median_processor_seconds, figure.missed) == (2.0, 0.375, False)
    assert Figure("start", "", "s", [3.0, 1.0, 2.5, 2.0], 2.0).missed, "2.25 is above"
    nothing = Figure("output", "", "KiB/s", [0.0, 0.0, 0.5], 0.0)
    assert (nothing.missed, nothing.median_processor_seconds) == (False, None)
    assert not Figure("start", "", "s", [9.0]).missed
    assert figure.as_json() == {
        "name": "start",
        "terminal": "80x24",
        "unit": "s",
        "samples": [3.0, 1.0, 2.0],
        "target": 2.0,
        "processor_seconds": [0.5, 0.25],
        "median": 2.0,
        "median_processor_seconds": 0.375,
        "missed": False,
    }


def test_fabricated_runs_are_indexed_as_they_are(tmp_path: Path) -> None:
    newest = fabricate_runs(tmp_path, 12, Progress())
    entries = Registry(tmp_path).entries()
    assert [entry.name for entry in entries] == [f"run-{number:05}" for number in reversed(range(12))]
    assert entries[0].run_id == newest.run_id
    assert entries == [read_entry(run) for run in reversed(run_directories(tmp_path))]
    assert {entry.state for entry in entries} == {"finished"}


def test_a_fabricated_log_is_what_the_writer_writes(tmp_path: Path) -> None:
    fast, slow = tmp_path / "fast", tmp_path / "slow"
    write_long_log(fast, 0, 700)
    with MetricWriter(slow) as log:
        for step in range(700):
            log.append(step_record(step))
    assert fast.read_bytes() == slow.read_bytes()
    write_long_log(fast, 700, 2300)
    assert [record["step"] for record in MetricReader(fast).read_new()] == list(range(2300))


def test_a_long_run_has_one_fault_and_ends_as_the_charts_shall_show(tmp_path: Path) -> None:
    run = long_run(tmp_path, 4000)
    records = MetricReader(run.metrics_file).read_new()
    assert len(records) == 4000
    faults = [record["step"] for record in records if record.get("kl") == "nan"]
    assert faults == [faulty_step(4000)] == [1333]
    assert records[-2]["psnr"] == 27.5
    assert (records[-1]["loss"], records[-1]["teacher_forcing"]) == (0.1357, 0.4321)


def test_a_program_that_does_not_show_what_is_waited_for_is_said_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "vidpred-tui"
    script.write_text("#!/bin/sh\nstty size >&2\necho $TERM $* >&2\nread key\necho pressed $key >&2\nexit 3\n")
    script.chmod(0o755)
    monkeypatch.setattr(program, "_script", lambda: str(script))
    with TerminalProgram(tmp_path / "runs", Size(80, 24)) as terminal:
        terminal.until("24 80", f"xterm-256color --runs {tmp_path / 'runs'}")
        monkeypatch.setattr(program, "PATIENCE_SECONDS", 0.05)
        with pytest.raises(UserError, match="did not show 'nothing'"):
            terminal.until("nothing")
        monkeypatch.setattr(program, "PATIENCE_SECONDS", 60.0)
        began = terminal.press("x\n")
        assert terminal.until("pressed x")[0] > began
        with pytest.raises(UserError, match="ended before it could be measured"):
            terminal.until("nothing")
