"""Command lines as users of the lab's trainer type them, against the settings that they mean."""

import argparse
import shlex
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
import torch

from literal_lab import LiteralLab
from vidpred_engine.cli import build_parser, dashed
from vidpred_engine.commands.lab_checkpoint import SETTINGS
from vidpred_engine.commands.train import new_settings
from vidpred_engine.errors import UserError
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings, describe_settings, differences
from vidpred_engine.store.run_directory import RunDirectory, create_run, find_run, run_directories
from vidpred_engine.store.status import Status, write_status

# Every flag of the lab's trainer, and what it sets that is not the default.
LINES = {
    "--DR lab4": {"data": "lab4"},
    "--batch_size 2": {"batch_size": 2},
    "--lr 0.001": {"lr": 0.001},
    "--device cuda": {"device": "cuda"},
    "--optim Adam": {},
    "--optim AdamW": {"optimizer": "adamw"},
    "--num_epoch 100": {"epochs": 100},
    "--per_save 3": {"save_every": 3},
    "--partial 0.5": {"partial": 0.5},
    "--train_vi_len 8": {"clip_length": 8},
    "--val_vi_len 315": {"validation_frames": 315},
    "--frame_H 64": {"frame_height": 64},
    "--frame_W 128": {"frame_width": 128},
    "--F_dim 64": {"frame_dim": 64},
    "--L_dim 16": {"label_dim": 16},
    "--N_dim 8": {"latent_dim": 8},
    "--D_out_dim 96": {"decoder_dim": 96},
    "--tfr 0.5": {"teacher_forcing": 0.5},
    "--tfr=0": {"teacher_forcing": 0.0},
    "--tfr_sde 20": {"teacher_forcing_decay_start": 20},
    "--tfr_d_step 0.05": {"teacher_forcing_decay_step": 0.05},
    "--fast_train": {"fast_train": True},
    "--fast_partial 0.2": {"fast_partial": 0.2},
    "--fast_train_epoch 3": {"fast_train_epochs": 3},
    "--kl_anneal_type Cyclical": {},
    "--kl_anneal_type cyclical": {},
    "--kl_anneal_type Monotonic": {"kl_annealing": "linear"},
    "--kl_anneal_type linear": {"kl_annealing": "linear"},
    "--kl_anneal_type None": {"kl_annealing": "constant"},
    "--kl_anneal_type constant": {"kl_annealing": "constant"},
    "--kl_anneal_cycle 4": {"kl_cycles": 4},
    "--kl_anneal_ratio 0.5": {"kl_ratio": 0.5},
    "--num_workers 4": {},
    "--gpu 1 --store_visualization": {},
}


def parsed(line: str) -> argparse.Namespace:
    return build_parser().parse_args(dashed(shlex.split(line)))


def page(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit):
        build_parser().parse_args([command, "--help"])
    return capsys.readouterr().out


@pytest.mark.parametrize(("line", "meant"), LINES.items())
def test_a_flag_of_the_labs_trainer_means_what_it_meant(line: str, meant: Mapping[str, Any]) -> None:
    assert differences(new_settings(parsed(f"train {line}"))) == meant


def test_every_lab_name_that_a_setting_declares_has_its_line() -> None:
    typed = {line.split()[0].split("=")[0] for line in LINES}
    assert {f"--{setting.lab}" for setting in describe_settings() if setting.lab} <= typed


def test_a_whole_command_line_from_the_lab_is_read_as_it_is() -> None:
    arguments = parsed(
        "train --DR ../lab4 --save_root out --num_workers 8 --fast_train --fast_train_epoch 10 --num_epoch 90"
        " --kl_anneal_type Monotonic --tfr 0.8 --ckpt_path old/epoch=9.ckpt --test"
    )
    assert (arguments.runs, arguments.ckpt_path, arguments.test) == (Path("out"), Path("old/epoch=9.ckpt"), True)
    assert differences(new_settings(arguments)) == {
        "data": "../lab4",
        "fast_train": True,
        "fast_train_epochs": 10,
        "epochs": 90,
        "kl_annealing": "linear",
        "teacher_forcing": 0.8,
    }


def test_the_labs_defaults_come_with_the_preset_only() -> None:
    assert new_settings(parsed("train --tfr 1")) == RunSettings()
    lab = new_settings(parsed("train --preset lab --tfr 0.5"))
    assert (lab.batch_size, lab.lr, lab.save_every, lab.teacher_forcing) == (2, 1e-3, 3, 0.5)


def test_both_names_of_a_setting_may_stand_only_where_they_agree() -> None:
    assert new_settings(parsed("train --tfr 0.5 --teacher_forcing .50")).teacher_forcing == 0.5
    assert new_settings(parsed("train --kl-annealing linear --kl_anneal_type Monotonic")).kl_annealing == "linear"
    assert new_settings(parsed("train --tfr 0.5 --tfr 0.25")).teacher_forcing == 0.25, "of one name the last counts"
    assert parsed("train --runs a --save_root a").runs == Path("a")
    for line, sentence in {
        "--tfr 0.5 --teacher-forcing 0.7": "--tfr 0.5 and --teacher-forcing 0.7 set the same thing differently",
        "--epochs 7 --num_epoch 70": "--epochs 7 and --num_epoch 70 set the same thing differently",
        "--save_root a --runs b": "--save_root a and --runs b set the same thing differently",
    }.items():
        with pytest.raises(UserError) as fault:
            parsed(f"train {line}")
        assert str(fault.value) == f"{sentence}; give one of them."


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("--kl_anneal_type Square", "--kl_anneal_type should be constant, linear or cyclical; it is 'Square'."),
        ("--optim SGD", "--optim should be adam or adamw; it is 'SGD'."),
        ("--tfr 1.5", "--tfr should be a number (≥ 0, ≤ 1); it is '1.5'."),
        ("--F_dim 12", "--F_dim should be a whole number (≥ 8, ≤ 1,024, a multiple of 8); it is '12'."),
        ("--frame-width 4.5", "--frame-width should be a whole number (≥ 8, ≤ 512); it is '4.5'."),
    ],
)
def test_a_fault_is_told_by_the_flag_as_it_was_typed(line: str, sentence: str) -> None:
    with pytest.raises(UserError) as fault:
        new_settings(parsed(f"train {line}"))
    assert str(fault.value) == sentence


def test_a_flag_that_does_not_exist_is_told_with_the_nearest_that_does(capsys: pytest.CaptureFixture[str]) -> None:
    for typed, told in {
        "--num-epoch": "there is no flag --num-epoch; did you mean --num_epoch?",
        "--kl_anneal_typ2=x": "there is no flag --kl-anneal-typ2; did you mean --kl_anneal_type?",
        "--learning": "there is no flag --learning",
    }.items():
        with pytest.raises(SystemExit) as leaving:
            parsed(f"train {typed} 3")
        assert leaving.value.code == 2
        assert capsys.readouterr().err == f"vidpred-engine train: {told} (see vidpred-engine train --help)\n"


def test_the_help_page_shows_each_lab_name_beside_ours(capsys: pytest.CaptureFixture[str]) -> None:
    text = page("train", capsys)
    words = " ".join(text.split())
    for ours in (
        "--teacher-forcing X (lab: --tfr) Probability",
        "--kl-annealing {constant,linear,cyclical} (lab: --kl_anneal_type) How beta",
        "--batch-size N (lab: --batch_size) Clips",
        "--fast-train, --no-fast-train (lab: --fast_train) Use",
        "--runs DIR (lab: --save_root) folder",
    ):
        assert ours in words
    for flag in (line.split()[0].split("=")[0] for line in LINES):
        assert flag in text, "found by its exact spelling"
    assert all(flag in text for flag in ("--save_root", "--ckpt_path FILE", "--test", "--store_visualization"))
    assert "come with --preset lab" in words
    assert "--lr X Learning" in words, "what both call the same is not said twice"
    assert len(text.splitlines()) < 4 * len(describe_settings()), "three to four lines a setting"
    assert max(map(len, text.splitlines())) <= 120


def test_a_flag_without_effect_says_so_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = parsed(f"train --num_workers 4 --save_root {tmp_path} --run none")
    with pytest.raises(UserError, match="no run in"):
        arguments.call(arguments)
    assert capsys.readouterr().err == (
        "--num_workers has no effect: the frames are kept in memory, so that a step never waits for them.\n"
    )


class Importer:
    """Stands for the import of a checkpoint: notes what it is asked for, and makes a run in the given state."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, state: str = "stopped") -> None:
        self.asked: list[tuple[Path, Path, dict[str, Any]]] = []
        self._state = state
        monkeypatch.setattr("vidpred_engine.training.lab_checkpoint.import_lab_checkpoint", self)

    def __call__(self, path: Path, runs: Path, given: Mapping[str, Any], progress: Progress) -> RunDirectory:
        assert isinstance(progress, Progress)
        self.asked.append((path, runs, dict(given)))
        run = create_run(runs, RunSettings(device="cpu", **given))
        write_status(run.status_file, Status(self._state))  # type: ignore[arg-type]
        return run


def test_train_goes_on_from_a_lab_checkpoint_with_what_was_given_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer, trained = Importer(monkeypatch), list[RunDirectory]()

    def train_run(run: RunDirectory, *_: Any) -> int:
        trained.append(run)
        return 1

    monkeypatch.setattr("vidpred_engine.training.run.train_run", train_run)
    monkeypatch.setattr("vidpred_engine.commands.train.stop_on_signals", lambda: argparse.Namespace(is_set=bool))
    monkeypatch.setenv("VIDPRED_SEED", "7")
    arguments = parsed(f"train --ckpt_path epoch=9.ckpt --save_root {tmp_path} --num_epoch 90 --DR synthetic")
    assert arguments.call(arguments) == 1
    assert importer.asked == [(Path("epoch=9.ckpt"), tmp_path, {"epochs": 90, "data": "synthetic", "seed": 7})]
    assert trained == run_directories(tmp_path)


def test_a_checkpoint_that_is_trained_to_its_end_is_not_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Importer(monkeypatch, "finished")
    arguments = parsed(f"train --ckpt_path epoch=69.ckpt --save_root {tmp_path}")
    with pytest.raises(UserError, match=r"epoch=69.ckpt has all its 70 epochs behind it and is run .* larger --epochs"):
        arguments.call(arguments)


@pytest.mark.parametrize("state", ["stopped", "finished"])
def test_test_evaluates_instead_of_training(state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    importer, evaluated = Importer(monkeypatch, state), list[argparse.Namespace]()

    def evaluate(arguments: argparse.Namespace) -> int:
        evaluated.append(arguments)
        return 0

    monkeypatch.setattr("vidpred_engine.commands.evaluate.call", evaluate)
    arguments = parsed(f"train --ckpt_path epoch=69.ckpt --save_root {tmp_path} --json --test")
    assert arguments.call(arguments) == 0
    assert len(importer.asked) == 1
    (run,) = run_directories(tmp_path)
    again = parsed(f"train --run {run.path} --test")
    assert again.call(again) == 0
    assert [(one.run, one.device, one.json) for one in evaluated] == [
        (str(run.path), "cpu", True),
        (str(run.path), "cpu", False),
    ]
    with pytest.raises(UserError, match="name it with --ckpt_path FILE or --run RUN"):
        (alone := parsed("train --test")).call(alone)


def test_evaluate_takes_a_lab_checkpoint_in_place_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    importer = Importer(monkeypatch)

    def evaluated(line: str) -> RunDirectory:
        from vidpred_engine.commands.lab_checkpoint import run_or_checkpoint

        return run_or_checkpoint(parsed(f"evaluate {line} --save_root {tmp_path}"), Progress())

    sizes = "--frame_H 16 --frame_W 32 --train_vi_len 4 --F_dim 8 --L_dim 4 --N_dim 4 --D_out_dim 8 --val_vi_len 5"
    run = evaluated(f"--ckpt_path a.ckpt --DR synthetic {sizes} --device cpu")
    expected = dict(zip(SETTINGS, ("synthetic", 16, 32, 4, 8, 4, 4, 8, 5), strict=True))
    assert importer.asked == [(Path("a.ckpt"), tmp_path, expected)]
    assert evaluated(run.run_id) == run
    for line, sentence in {
        "": "Name a run, or with --ckpt_path FILE a checkpoint of the lab's trainer.",
        "last --ckpt_path a.ckpt": "'last' and --ckpt_path both say which model; give one of them.",
        "last --DR x": "A run's settings are fixed, so --DR goes with --ckpt_path only.",
        "--ckpt_path a.ckpt --N_dim 3": "--N_dim should be a whole number (≥ 4, ≤ 1,024, a multiple of 4); it is '3'.",
    }.items():
        with pytest.raises(UserError) as fault:
            evaluated(line)
        assert str(fault.value) == sentence
    assert len(importer.asked) == 1


@pytest.mark.slow
def test_a_real_checkpoint_is_trained_on_and_tested_by_the_labs_command_line(
    tmp_path: Path, lab_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(3)
    state = LiteralLab(8, 4, 4, 8).state_dict()
    file = tmp_path / "epoch=1.ckpt"
    torch.save({"state_dict": state, "optimizer": state, "lr": 1e-3, "tfr": 1.0, "last_epoch": 1}, file)
    runs = tmp_path / "runs"
    common = f"--DR {lab_folder} --save_root {runs} --ckpt_path {file} --device cpu --json"
    common += " --frame_H 8 --frame_W 16 --train_vi_len 3 --val_vi_len 5"
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        training = parsed(f"train {common} --num_epoch 3 --num_workers 4")
        assert training.call(training) == 0
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    result = orjson.loads(capsys.readouterr().out)
    run = find_run(runs, result["run"])
    assert result["state"] == "finished"
    assert result["step"] == 3 * (31 // 3 // 2), "two epochs of five steps are behind the file, one was trained"
    assert (run.settings().epochs, run.settings().batch_size, run.settings().save_every) == (3, 2, 3)

    means = []
    for line in (f"train {common} --test", f"evaluate {common}"):
        evaluation = parsed(line)
        assert evaluation.call(evaluation) == 0
        means.append(orjson.loads(capsys.readouterr().out)[0]["means"])
    assert means[0] == means[1], "both evaluate the file's own weights"
    assert means[0]["psnr"] != result["psnr"]
    assert means[0]["repeat_first"] == pytest.approx(result["repeat_first"])
