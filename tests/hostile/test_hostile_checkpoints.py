"""Checkpoints that are none, misfit or mislead: refused in a sentence, and nothing in them runs."""

from pathlib import Path
from typing import Any

import pytest
import torch

from conftest import TINY
from hostile.answers import Say, sentence
from hostile.corpus import cases, checkpoints, misfits
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.run_model import load_run_model
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.training.checkpoint import load_checkpoint, save_checkpoint
from vidpred_engine.training.lab_checkpoint import read_lab_checkpoint


@pytest.mark.parametrize("case", checkpoints(Path()))
def test_a_checkpoint_that_is_none_is_refused_and_runs_nothing(tmp_path: Path, case: str) -> None:
    witness, path = tmp_path / "witness", tmp_path / "last.pt"
    checkpoints(witness)[case](path)
    for load in (load_checkpoint, read_lab_checkpoint):
        if load is read_lab_checkpoint and case in ("no format", "a word for a format", "a format to come"):
            continue  # the lab's checkpoints know no format
        with pytest.raises(UserError, match=r"last\.pt") as refused:
            load(path)
        assert len(sentence(str(refused.value))) == 1
    assert not witness.exists()


@cases(misfits())
def test_a_checkpoint_of_something_else_is_refused(runs: Path, case: dict[str, Any]) -> None:
    run = create_run(runs, RunSettings.model_validate(TINY))
    torch.save({"format": 1, **case}, run.checkpoints / "last.pt")
    with pytest.raises(UserError, match=r"last\.pt does not fit the run's settings\.toml"):
        load_run_model(run, "last", torch.device("cpu"))


def test_a_settings_file_of_a_sound_checkpoint_is_not_believed_blindly(run: RunDirectory, say: Say) -> None:
    save_checkpoint(run.checkpoints / "last.pt", {"settings": {"lr": "fast"}, "step": 1, "model": {}})
    save_checkpoint(run.checkpoints / "best.pt", {"settings": [1], "step": 1, "model": {}})
    run.settings_file.write_bytes(b"")
    code, out, _ = say("doctor", "--repair", "--runs", run.path.parent)
    assert code == 1
    assert "no checkpoint tells what it held" in " ".join(out.split())
