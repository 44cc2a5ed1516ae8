"""vidpred-engine as a stranger meets it: help, tables, JSON, and one sentence for every fault."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import torch
from PIL import Image

from conftest import TINY
from pngs import write_split
from vidpred_engine.cli import build_parser, dashed
from vidpred_engine.settings import RunSettings, describe_settings
from vidpred_engine.store.run_directory import create_run, run_directories

COMMANDS = [
    "train",
    "reproduce report",
    "presets",
    "evaluate",
    "predict",
    "score",
    "import",
    "data synth",
    "data check",
    "runs list",
    "runs show",
    "runs compare",
    "runs control",
    "runs tag",
    "runs note",
    "runs star",
    "runs rename",
    "runs delete",
    "runs restore",
    "bench",
    "bench tui",
    "bench quality",
]


def engine(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vidpred_engine", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore", **environment},
        timeout=600,
        check=False,
    )


def tiny_flags(data: Path) -> list[str]:
    return [word for name, value in {**TINY, "data": data}.items() for word in (f"--{name}", str(value))]


def refused(*arguments: str | Path, **environment: str) -> str:
    """Run a command that must be refused: exit code 2, one line on standard error, no traceback; returns the line."""
    done = engine(*arguments, **environment)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as leaving:
        build_parser().parse_args([*command.split(), "--help"])
    assert leaving.value.code == 0
    page = capsys.readouterr().out
    assert f"vidpred-engine {command}" in page
    assert page.split("\n\n")[1].strip().endswith("."), "a sentence on what it does stands under the usage"


def test_every_setting_is_a_flag_with_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        build_parser().parse_args(["train", "--help"])
    page = " ".join(capsys.readouterr().out.split())
    for setting in describe_settings():
        assert setting.flag in page
        assert " ".join(setting.help.split()) in page


def test_flags_may_be_typed_with_underscores() -> None:
    assert dashed(["train", "--kl_annealing=linear", "--data", "my_data", "--fast_train"]) == [
        "train",
        "--kl-annealing=linear",
        "--data",
        "my_data",
        "--fast-train",
    ]


@pytest.mark.slow
def test_the_whole_loop_headless(tmp_path: Path, lab_folder: Path) -> None:
    runs = tmp_path / "runs"
    for rate in ("1e-3", "2e-3"):
        done = engine("train", "--runs", runs, *tiny_flags(lab_folder), "--lr", rate, "--json")
        assert done.returncode == 0, done.stderr
        result = orjson.loads(done.stdout)
        assert result["state"] == "finished"
        assert {"psnr", "repeat_first", "mean_frame"} <= result.keys()
    first, second = run_directories(runs)
    kept = second.log_file.read_text().splitlines()
    assert any(line.startswith("epoch 1/") for line in kept)
    assert [line for line in done.stderr.splitlines() if line in kept] == kept, "the log keeps what the terminal saw"

    listed: list[dict[str, Any]] = orjson.loads(engine("runs", "list", "--runs", runs, "--json").stdout)
    assert [entry["run_id"] for entry in listed] == [second.run_id, first.run_id]
    compared = orjson.loads(engine("runs", "compare", first.run_id, second.run_id, "--runs", runs, "--json").stdout)
    assert compared["settings"] == {"lr": [0.001, 0.002]}
    table = engine("runs", "compare", first.run_id, second.run_id, "--runs", runs).stdout
    assert "lr" in table
    assert "best over first frame" in table

    evaluated = engine("evaluate", "last", "--runs", runs, "--z", "zero", "--json")
    assert orjson.loads(evaluated.stdout)[0]["z_mode"] == "zero", evaluated.stderr
    gif = tmp_path / "out.gif"
    predicted = engine("predict", "last", "--runs", runs, "--out", gif, "--scale", "2")
    assert predicted.returncode == 0, predicted.stderr
    with Image.open(gif) as image:
        assert getattr(image, "n_frames", 1) == 4, "the clip has 5 frames, the first is given"
        assert image.size == (2 * (3 * 16 + 2 * 2), 2 * 8), "three pictures and two gaps, enlarged"
    assert "exists already" in refused("predict", "last", "--runs", runs, "--out", gif)
    assert "ends otherwise" in refused("predict", "last", "--runs", runs, "--out", tmp_path / "out.txt")
    assert "finished" in refused("train", "--run", "last", "--runs", runs)


def test_faults_of_data_are_one_sentence(tmp_path: Path, lab_folder: Path) -> None:
    flags = ["train", "--runs", str(tmp_path / "runs"), *tiny_flags(lab_folder)]
    assert "There is no folder" in refused(*flags, "--data", tmp_path / "nowhere")
    (lab_folder / "train/train_label/7.png").unlink()
    assert "7.png" in refused(*flags)
    write_split(lab_folder, "train", 31)
    (lab_folder / "val/val_img/3.png").write_bytes(b"no picture")
    line = engine(*flags)
    assert line.returncode == 2
    assert "val_img/3.png cannot be read" in line.stderr.splitlines()[-1]
    assert "Traceback" not in line.stderr
    Image.new("RGB", (32, 32)).save(lab_folder / "val/val_img/3.png")
    line = engine(*flags)
    assert line.returncode == 2
    assert "bring both to one size" in line.stderr.splitlines()[-1]


def test_faults_of_settings_leave_no_run_behind(tmp_path: Path, lab_folder: Path) -> None:
    runs = tmp_path / "runs"
    flags = ["train", "--runs", str(runs), *tiny_flags(lab_folder)]
    assert "--lr should be a number (> 0, ≤ 1); it is '-1'." in refused(*flags, "--lr", "-1")
    assert "train: there is no flag --learning (see" in refused(*flags, "--learning", "3")
    assert "train: there is no flag --save-rot; did you mean --save_root?" in refused(*flags, "--save_rot", "3")
    assert "There is no preset 'best2'" in refused(*flags, "--preset", "best2")
    assert "There is no settings file" in refused(*flags, "--settings", tmp_path / "none.toml")
    file = tmp_path / "wrong.toml"
    file.write_text("learning_rate = 3")
    assert f"In {file}: Unknown setting 'learning_rate'" in refused(*flags, "--settings", file)
    assert "VIDPRED_EPOCS" in refused(*flags, VIDPRED_EPOCS="3")
    if not torch.cuda.is_available():
        assert "sees no CUDA device" in refused(*flags, "--device", "cuda")
    assert run_directories(runs) == []


def test_faults_of_naming_runs_are_one_sentence(tmp_path: Path, tiny: RunSettings) -> None:
    assert "no run in" in refused("runs", "show", "last", "--runs", tmp_path / "runs")
    run = create_run(tmp_path / "runs", tiny)
    assert "There is no run 'x9'" in refused("runs", "show", "x9", "--runs", tmp_path / "runs")
    assert "two or more different runs" in refused("runs", "compare", "last", run.run_id, "--runs", tmp_path / "runs")
    assert "no checkpoint" in refused("evaluate", "last", "--runs", tmp_path / "runs")
    assert "takes no --lr" in refused("train", "--run", run.path, "--lr", "3")


def test_check_names_every_problem(lab_folder: Path) -> None:
    assert engine("data", "check", lab_folder).returncode == 0
    (lab_folder / "train/train_label/7.png").unlink()
    (lab_folder / "val/val_img/3.png").write_bytes(b"no picture")
    done = engine("data", "check", lab_folder, "--json")
    problems = orjson.loads(done.stdout)["problems"]
    assert done.returncode == 2
    assert len(problems) == 2
    assert "7.png" in problems[0]
    assert "3.png" in problems[1]
