"""What all tests share: no setting leaks in from the environment, and caches are temporary."""

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before torch loads: spinning threads starve on busy cores
os.environ["OMP_NUM_THREADS"] = "1"  # on tensors this small, two threads on busy cores take 12 times as long as one

import pytest

from pngs import write_split
from ssh_server import ssh_server
from vidpred_engine.settings import RunSettings

TINY = {
    "frame_height": 8,
    "frame_width": 16,
    "clip_length": 3,
    "frame_dim": 8,
    "label_dim": 4,
    "latent_dim": 4,
    "decoder_dim": 8,
    "batch_size": 2,
    "epochs": 2,
    "log_every": 2,
    "device": "cpu",
}


@pytest.fixture(autouse=True)
def _clean_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("VIDPRED_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("VIDPRED_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture
def lab_folder(tmp_path: Path) -> Path:
    """A data set of noise in the lab's layout: 31 training frames, a validation clip of 5, all 16x8 pixels."""
    root = tmp_path / "data"
    write_split(root, "train", 31, seed=1)
    write_split(root, "val", 5, seed=2)
    return root


@pytest.fixture
def tiny(lab_folder: Path) -> RunSettings:
    """Settings of a run that trains in well under a second: 5 steps an epoch, 2 epochs."""
    return RunSettings.model_validate({**TINY, "data": str(lab_folder), "name": "tiny"})


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """The folder of the runs, empty."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[list[str]]:
    """The words that log in to an SSH server of this test's own on this machine."""
    with ssh_server(tmp_path / "ssh") as words:
        yield words
