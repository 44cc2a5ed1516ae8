"""The lab's checkpoints as runs: the same frames and losses as the lab's own code, and faults in one sentence."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from PIL import Image
from torch import Tensor

from literal_lab import LiteralLab, literal_rollout, literal_step, modern_state
from test_training import train
from vidpred_engine.cli import main
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.rollout import rollout
from vidpred_engine.evaluation.run_model import load_run_model
from vidpred_engine.progress import Progress
from vidpred_engine.store.metric_log import MetricReader
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, run_directories
from vidpred_engine.training.checkpoint import load_checkpoint
from vidpred_engine.training.lab_checkpoint import import_lab_checkpoint
from vidpred_engine.training.learner import posterior_noise

SIZES = (8, 4, 4, 8)
CPU = torch.device("cpu")


class Said(Progress):
    """Keeps what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def lab() -> LiteralLab:
    """The lab's model, small, with running statistics that matter."""
    torch.manual_seed(5)
    model = LiteralLab(*SIZES)
    with torch.no_grad():
        model.label_transformation(torch.rand(8, 3, 8, 16))
    return model


@pytest.fixture
def given(lab_folder: Path) -> dict[str, Any]:
    """Settings under which an epoch of the folder's 31 frames has 5 steps."""
    small = {"frame_height": 8, "frame_width": 16, "clip_length": 3, "epochs": 6, "device": "cpu", "log_every": 1}
    return {"data": str(lab_folder), **small}


def lab_file(path: Path, lab: LiteralLab, **changes: Any) -> Path:
    """What the lab's trainer saves in epoch 2, its third: the rate is a tenth from epoch 2 on."""
    state = lab.state_dict()
    torch.save({"state_dict": state, "optimizer": state, "lr": 1e-4, "tfr": 1.0, "last_epoch": 2, **changes}, path)
    return path


def imported(path: Path, given: dict[str, Any], said: Progress | None = None) -> RunDirectory:
    return import_lab_checkpoint(path, path.parent / "runs", given, said or Said())


def assert_same_weights(found: dict[str, Tensor], lab: LiteralLab) -> None:
    expected = modern_state(lab)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.equal(found[name], value), name


def test_the_run_stands_after_the_epoch_that_was_trained_last(
    tmp_path: Path, lab: LiteralLab, given: dict[str, Any]
) -> None:
    run = imported(lab_file(tmp_path / "epoch=2.ckpt", lab), given)
    status, settings = run.status(), run.settings()
    assert (status.state, status.epoch, status.epochs) == ("stopped", 3, 6), "epochs 0, 1 and 2 are over"
    assert (status.step, status.steps) == (15, 30)
    assert (settings.frame_dim, settings.label_dim, settings.latent_dim, settings.decoder_dim) == SIZES
    assert (settings.batch_size, settings.lr, settings.lr_schedule) == (2, 1e-3, "multistep"), "the lab's defaults"
    assert settings.name == "epoch=2"
    assert [entry.run_id for entry in Registry(tmp_path / "runs").entries()] == [run.run_id]
    last, best = (load_checkpoint(run.checkpoints / name) for name in ("last.pt", "best.pt"))
    assert_same_weights(last["model"], lab)
    assert_same_weights(best["model"], lab)
    assert last["optimizer"]["state"] == {}, "the lab saves no moments, so Adam starts anew"


def test_the_imported_model_predicts_the_labs_frames(tmp_path: Path, lab: LiteralLab, given: dict[str, Any]) -> None:
    run = imported(lab_file(tmp_path / "lab.ckpt", lab), given)
    model = load_run_model(run, "best", CPU).model
    first, labels, z = torch.rand(2, 3, 8, 16), torch.rand(2, 9, 3, 8, 16), torch.randn(8, 2, 4, 8, 16)
    expected = literal_rollout(lab.eval(), first, labels, list(z)).clamp(0, 1)
    assert expected.std() > 0.05
    torch.testing.assert_close(rollout(model, first, labels, lambda t: z[t - 1]), expected, rtol=1e-4, atol=1e-5)


def test_a_checkpoint_of_the_labs_sizes_has_all_its_parameters(tmp_path: Path, given: dict[str, Any]) -> None:
    run = imported(lab_file(tmp_path / "lab.ckpt", LiteralLab()), given)
    model = load_run_model(run, "best", CPU).model
    assert sum(parameter.numel() for parameter in model.parameters()) == 1_585_620


def read_pngs(folder: Path, numbers: range) -> Tensor:
    frames = [np.asarray(Image.open(folder / f"{number}.png")) for number in numbers]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).float() / 255


def test_a_resumed_import_trains_on_where_the_lab_stopped(
    tmp_path: Path, lab: LiteralLab, lab_folder: Path, given: dict[str, Any]
) -> None:
    run = imported(lab_file(tmp_path / "lab.ckpt", lab), {**given, "epochs": 5})
    assert train(run) == 0
    records = MetricReader(run.metrics_file).read_new()
    steps = [record for record in records if record["kind"] == "step"]
    assert [record["step"] for record in steps] == list(range(15, 25))
    assert [record["epoch"] for record in records if record["kind"] == "epoch"] == [3, 4]
    assert [record["event"] for record in records if record["kind"] == "event"] == ["import", "resume", "finish"]
    assert {round(record["lr"], 12) for record in steps} == {1e-4}, "a tenth after epoch 2"

    # Its first step is on the first batch of the grid, with the lab's own loss on it.
    images, labels = (
        read_pngs(lab_folder / "train" / f"train_{kind}", range(6)).view(2, 3, 3, 8, 16) for kind in ("img", "label")
    )
    noise = posterior_noise(images.shape, (SIZES[2], 8, 16), seed=0, step=15)
    mse, kl, _ = literal_step(lab.train(), images, labels, list(noise), teacher_forcing=True)
    assert steps[0]["mse"] == pytest.approx(mse.item(), rel=1e-5)
    assert steps[0]["kl"] == pytest.approx(kl.item(), rel=1e-4)

    trained = load_checkpoint(run.checkpoints / "last.pt")["model"]
    assert run.status().state == "finished"
    assert not torch.equal(trained["generator.7.bias"], lab.state_dict()["Generator.7.bias"])


def test_averaged_weights_begin_as_the_imported_ones(tmp_path: Path, lab: LiteralLab, given: dict[str, Any]) -> None:
    run = imported(lab_file(tmp_path / "lab.ckpt", lab), {**given, "epochs": 4, "ema_decay": 0.9})
    assert_same_weights(load_run_model(run, "last", CPU).model.state_dict(), lab)
    assert train(run) == 0


def test_what_the_file_has_otherwise_than_the_plan_is_said(
    tmp_path: Path, lab: LiteralLab, given: dict[str, Any]
) -> None:
    said = Said()
    imported(lab_file(tmp_path / "a.ckpt", lab), given, said)
    assert said.lines[-1] == "Imported a.ckpt; epochs ended: 3."
    run = imported(lab_file(tmp_path / "b.ckpt", lab, lr=0.5, tfr=0.25), given, said)
    assert "Its lr is 0.5 where the settings plan 0.0001 for epoch 2;" in said.lines[-1]
    assert "Its tfr is 0.25 where the settings plan 1 for epoch 2;" in said.lines[-1]
    (event,) = MetricReader(run.metrics_file).read_new()
    assert (event["event"], event["last_epoch"], event["lr"], event["tfr"]) == ("import", 2, 0.5, 0.25)


def test_a_bare_state_dict_and_a_data_parallel_one_are_taken(
    tmp_path: Path, lab: LiteralLab, given: dict[str, Any]
) -> None:
    torch.save(lab.state_dict(), tmp_path / "bare.pth")
    run = imported(tmp_path / "bare.pth", given)
    assert (run.status().state, run.status().epoch, run.status().step) == ("stopped", 0, 0)
    parallel = torch.nn.DataParallel(lab).state_dict()
    run = imported(lab_file(tmp_path / "parallel.ckpt", lab, state_dict=parallel), given)
    assert_same_weights(load_checkpoint(run.checkpoints / "best.pt")["model"], lab)


def test_a_run_whose_epochs_are_over_is_finished_and_has_as_many_as_the_file(
    tmp_path: Path, lab: LiteralLab, given: dict[str, Any]
) -> None:
    assert imported(lab_file(tmp_path / "a.ckpt", lab, last_epoch=5), given).status().state == "finished"
    without = {name: value for name, value in given.items() if name != "epochs"}
    status = imported(lab_file(tmp_path / "b.ckpt", lab, last_epoch=99), without).status()
    assert (status.state, status.epoch, status.epochs) == ("finished", 100, 100)
    assert imported(lab_file(tmp_path / "c.ckpt", lab), without).settings().epochs == 70


class Malicious:
    """Runs code where a pickle is trusted."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch {self._trace}",)


def _cut(path: Path, lab: LiteralLab) -> None:
    whole = lab_file(path, lab).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def _without_a_key(path: Path, lab: LiteralLab) -> None:
    state = lab.state_dict()
    del state["Generator.3.skip.bias"]
    lab_file(path, lab, state_dict=state)


def _with_nan(path: Path, lab: LiteralLab) -> None:
    state = lab.state_dict()
    state["Decoder_Fusion.5.weight"][0, 0] = torch.nan
    lab_file(path, lab, state_dict=state)


def _mixed(path: Path, lab: LiteralLab) -> None:
    wide = LiteralLab(16, *SIZES[1:]).state_dict()
    encoder = {name: value for name, value in wide.items() if name.startswith("frame_transformation")}
    lab_file(path, lab, state_dict={**lab.state_dict(), **encoder})


BAD_FILES: dict[str, tuple[Callable[[Path, LiteralLab], object], str]] = {
    "malicious": (lambda path, lab: lab_file(path, lab, lr=Malicious(path.with_name("owned"))), "could run code"),
    "cut short": (_cut, "cut short"),
    "text": (lambda path, _: path.write_text("no checkpoint"), "no checkpoint"),
    "empty": (lambda path, _: path.write_bytes(b""), "no checkpoint"),
    "a folder": (lambda path, _: path.mkdir(), "There is no file"),
    "a list": (lambda path, _: torch.save([1, 2], path), "holds no state_dict"),
    "a vidpred checkpoint": (lambda path, _: torch.save({"format": 1, "model": {}}, path), "holds no state_dict"),
    "no weights": (lambda path, lab: lab_file(path, lab, state_dict={}), "holds no state_dict"),
    "other weights": (lambda path, _: torch.save(torch.nn.Linear(2, 2).state_dict(), path), "not those of the lab's"),
    "a key missing": (_without_a_key, "Generator.3.skip.bias is missing"),
    "a key more": (
        lambda path, lab: lab_file(path, lab, state_dict={**lab.state_dict(), "lpips.weight": torch.zeros(1)}),
        "the model has no lpips.weight",
    ),
    "NaN": (_with_nan, "Decoder_Fusion.5.weight holds values that are not finite"),
    "mixed sizes": (_mixed, "instead of"),
    "a wordy epoch": (lambda path, lab: lab_file(path, lab, last_epoch="third"), "last_epoch should be a number"),
    "half an epoch": (lambda path, lab: lab_file(path, lab, last_epoch=2.5), "last_epoch should be a whole number"),
    "a negative epoch": (lambda path, lab: lab_file(path, lab, last_epoch=-4), "last_epoch should be a number of 0"),
}


@pytest.mark.parametrize("fault", BAD_FILES)
def test_a_bad_file_is_refused_in_one_sentence_and_leaves_no_run(
    tmp_path: Path, lab: LiteralLab, given: dict[str, Any], fault: str
) -> None:
    make, sentence = BAD_FILES[fault]
    make(tmp_path / "bad.ckpt", lab)
    with pytest.raises(UserError, match=sentence) as refusal:
        imported(tmp_path / "bad.ckpt", given)
    assert "\n" not in str(refusal.value)
    assert "bad.ckpt" in str(refusal.value)
    assert not (tmp_path / "owned").exists(), "nothing in the file was executed"
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("frame_dim", 64, "'frame_dim' is 64, but the weights in .* have 8"),
        ("epochs", 2, "'epochs' is 2, but .* was trained for 3"),
        ("lr", -1, "'lr' should be a number"),
        ("normalisation", "group", "the model has no label_transformation.2.running_mean"),
        ("data", "nowhere", "There is no folder"),
        ("clip_length", 32, "Not one training clip fits"),
    ],
)
def test_settings_that_cannot_serve_leave_no_run(
    tmp_path: Path, lab: LiteralLab, given: dict[str, Any], setting: str, value: object, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        imported(lab_file(tmp_path / "lab.ckpt", lab), {**given, setting: value})
    assert run_directories(tmp_path / "runs") == []


def test_the_command_imports_and_refuses(
    tmp_path: Path,
    lab: LiteralLab,
    given: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command(file: Path) -> int | str | None:
        flags = [f"--{name}={value}" for name, value in given.items()]
        monkeypatch.setattr("sys.argv", ["vidpred-engine", "import", str(file), f"--runs={tmp_path}", "--json", *flags])
        with pytest.raises(SystemExit) as leaving:
            main()
        return leaving.value.code

    assert command(lab_file(tmp_path / "lab.ckpt", lab)) == 0
    result = orjson.loads(capsys.readouterr().out)
    (run,) = run_directories(tmp_path)
    assert (result["run"], result["state"], result["epoch"], result["step"]) == (run.run_id, "stopped", 3, 15)
    assert (result["frame_dim"], result["latent_dim"]) == (8, 4)

    assert command(lab_file(tmp_path / "bad.ckpt", lab, tfr=Malicious(tmp_path / "owned"))) == 2
    assert "could run code" in capsys.readouterr().err
    assert run_directories(tmp_path) == [run]
