"""Files of every earlier version are read by this one, and those of one to come are refused by name and left alone."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from test_training import train
from vidpred_engine import cli
from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import read_annotations
from vidpred_engine.store.damage import folder_damage, run_damage
from vidpred_engine.store.evaluations import main_evaluation, read_evaluation
from vidpred_engine.store.metric_log import MetricReader, MetricWriter
from vidpred_engine.store.registry import Registry, read_entry
from vidpred_engine.store.run_directory import RunDirectory, run_directories
from vidpred_engine.store.sample_frames import read_sample_frames
from vidpred_engine.store.status import Status, write_status
from vidpred_engine.training.checkpoint import load_checkpoint
from whole_run import whole_run

FIXTURES = Path(__file__).parent / "fixtures"
NEWER = 99


def tensors(outline: Any, generator: torch.Generator, name: str = "") -> Any:
    """A checkpoint of an outline with small weights; squares are positive, single numbers, counts and sums, are 1."""
    if isinstance(outline, dict):
        return {int(key) if key.isdigit() else key: tensors(item, generator, key) for key, item in outline.items()}
    if isinstance(outline, list):
        return [tensors(item, generator) for item in outline]
    if isinstance(outline, str) and outline.startswith("tensor "):
        kind, _, shape = outline.removeprefix("tensor ").partition(" ")
        if not shape:
            return torch.ones((), dtype=getattr(torch, kind))
        values = torch.rand([int(side) for side in shape.split("x")], generator=generator) * 0.2
        return values if name.endswith(("_sq", "_var")) else values - 0.1
    return outline


@pytest.fixture(params=sorted(path.name for path in FIXTURES.glob("format-*")))
def version(request: pytest.FixtureRequest) -> Path:
    """The folder of runs of one version, as it is in the repository."""
    return FIXTURES / str(request.param)


@pytest.fixture
def runs(version: Path, tmp_path: Path, lab_folder: Path) -> Path:
    """A copy of it to work in, whose data are there and whose checkpoints are files of torch."""
    runs = tmp_path / "runs"
    shutil.copytree(version, runs)
    for path in (*runs.glob("*/settings.toml"), *runs.glob("*.json"), *runs.glob("*/checkpoints/*.json")):
        path.write_text(path.read_text().replace("@DATA@", str(lab_folder)))
    for path in runs.glob("*/checkpoints/last.json"):
        last = tensors(json.loads(path.read_text()), torch.Generator().manual_seed(0))
        torch.save(last, path.with_name("last.pt"))
        torch.save({key: last[key] for key in ("format", "settings", "step", "model")}, path.with_name("best.pt"))
        path.unlink()
    return runs


@pytest.fixture
def half(runs: Path) -> RunDirectory:
    return run_directories(runs)[0]


@pytest.fixture
def done(runs: Path) -> RunDirectory:
    return run_directories(runs)[1]


def test_nothing_in_it_is_damaged(runs: Path, half: RunDirectory, done: RunDirectory) -> None:
    assert [*run_damage(half, load_checkpoint), *run_damage(done, load_checkpoint), *folder_damage(runs)] == []


def test_it_is_listed_as_it_was(runs: Path, version: Path, half: RunDirectory, done: RunDirectory) -> None:
    listed = Registry(runs).entries()
    assert [entry.run_id for entry in listed] == [done.run_id, half.run_id]
    for entry, run in zip(listed, (done, half), strict=True):
        wrote = json.loads((version / run.run_id / "status.json").read_text())
        assert (entry.state, entry.epoch, entry.step) == (wrote["state"], wrote["epoch"], wrote["step"])
        assert entry.summary == wrote["summary"]
        assert entry.changed["decoder_dim"] == 8
        assert read_entry(run) == entry
    assert [(entry.state, entry.step) for entry in listed] == [("finished", 10), ("stopped", 9)]
    assert Registry(runs).rebuild() == 2
    assert Registry(runs).entries() == listed


def test_its_settings_stand_and_those_it_lacks_are_at_their_defaults(version: Path, half: RunDirectory) -> None:
    written = (version / half.run_id / "settings.toml").read_text()
    lacking = [name for name in RunSettings.model_fields if f"\n{name} = " not in written]
    assert lacking or version.name == "format-3"
    settings, default = half.settings(), RunSettings()
    assert (settings.frame_width, settings.epochs, settings.lr, settings.kl_cycles) == (16, 2, 1e-4, 10)
    assert {name: getattr(settings, name) for name in lacking} == {name: getattr(default, name) for name in lacking}


def test_its_figures_are_those_that_it_holds(version: Path, done: RunDirectory) -> None:
    wrote = json.loads((version / done.run_id / "evaluation/val0-prior-best.json").read_text())
    evaluation = main_evaluation(done)
    assert evaluation is not None
    for name, value in wrote.items():
        assert name == "format" or getattr(evaluation, name) == value
    lines = [json.loads(line) for line in (version / done.run_id / "metrics.jsonl").read_text().splitlines()]
    assert MetricReader(done.metrics_file).read_new() == [line for line in lines if line["kind"] != "format"]
    for path in done.frames.glob("*.npz"):
        assert np.array_equal(read_sample_frames(path).prediction, np.load(path)["prediction"])
    said = read_annotations(done)
    assert (said.name, said.tags, said.starred) == (
        ("", (), False) if version.name == "format-1" else ("shown", ("kl", "long"), True)
    )


def test_it_is_shown_resumed_and_evaluated(
    runs: Path, half: RunDirectory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["runs", "show", half.run_id], ["evaluate", half.run_id], ["runs", "list"]):
        monkeypatch.setattr("sys.argv", ["vidpred-engine", *words, "--runs", str(runs), "--json"])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert left.value.code == 0, words
        assert json.loads(capsys.readouterr().out)
    assert train(half) == 0
    assert half.status().state == "finished"
    records = MetricReader(half.metrics_file).read_new()
    assert [record["step"] for record in records if record["kind"] == "step"] == [1, 3, 4, 6, 8, 9]
    assert [record["epoch"] for record in records if record["kind"] == "epoch"] == [0, 1]
    assert load_checkpoint(half.checkpoints / "last.pt")["step"] == 10
    assert run_damage(half, load_checkpoint) == []


# A version to come.


def newer_toml(path: Path) -> None:
    path.write_text(f"format = {NEWER}\n")


def newer_json(path: Path) -> None:
    path.write_text(json.dumps({"format": NEWER, "of": "tomorrow"}))


def newer_log(path: Path) -> None:
    path.write_text(json.dumps({"kind": "format", "format": NEWER}) + "\n")


def newer_checkpoint(path: Path) -> None:
    torch.save({"format": NEWER}, path)


def newer_frames(path: Path) -> None:
    np.savez(path, about=np.frombuffer(json.dumps({"format": NEWER}).encode(), np.uint8), truth=np.zeros(1, np.uint8))


TO_COME: dict[str, tuple[Callable[[Path], None], Callable[[RunDirectory], object]]] = {
    "settings.toml": (newer_toml, lambda run: run.settings()),
    "metrics.jsonl": (newer_log, lambda run: MetricWriter(run.metrics_file)),
    "status.json": (newer_json, lambda run: write_status(run.status_file, Status("stopped"))),
    "annotations.json": (newer_json, lambda run: Registry(run.path.parent).annotate([run], lambda said: said)),
    "evaluation/val0-prior-best.json": (newer_json, lambda run: read_evaluation(next(run.evaluations.iterdir()))),
    "frames/val0-prior-best.npz": (newer_frames, lambda run: read_sample_frames(next(run.frames.iterdir()))),
    "checkpoints/last.pt": (newer_checkpoint, lambda run: load_checkpoint(run.checkpoints / "last.pt")),
    "../registry.json": (newer_json, lambda run: Registry(run.path.parent).index(run)),
    "../curves.json": (newer_json, lambda run: Registry(run.path.parent).index(run)),
}
"""How a file of each kind is made one to come, and what must refuse it."""


@pytest.mark.parametrize("name", TO_COME)
def test_a_file_of_a_version_to_come_is_refused_by_name_and_left_as_it_is(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = whole_run(tmp_path / "runs")
    path = run.path / name
    make, use = TO_COME[name]
    make(path)
    content = path.read_bytes()
    with pytest.raises((UserError, OSError)) as refused:
        use(run)
    assert path.name in str(refused.value)
    assert f"format {NEWER}" in str(refused.value)
    assert "use a newer vidpred" in str(refused.value)
    (entry,) = Registry(run.path.parent).entries()
    assert entry.run_id == run.run_id, "it hides nothing but itself"
    monkeypatch.setattr("sys.argv", ["vidpred-engine", "doctor", "--repair", "--runs", str(run.path.parent)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = " ".join(capsys.readouterr().out.split())
    assert left.value.code == 1
    assert path.name in said
    assert "use a newer vidpred" in said
    assert path.read_bytes() == content


@pytest.mark.parametrize("name", ["settings.toml", "status.json", "metrics.jsonl", "checkpoints/last.pt"])
def test_a_run_of_a_version_to_come_is_not_trained(
    half: RunDirectory, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make, _ = TO_COME[name]
    make(half.path / name)
    before = {path: path.read_bytes() for path in half.path.rglob("*") if path.is_file()}
    monkeypatch.setattr("sys.argv", ["vidpred-engine", "train", "--run", str(half.path)])
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr().err
    assert left.value.code == 2, said
    assert Path(name).name in said
    assert "use a newer vidpred" in said
    changed = {path.name for path, content in before.items() if path.read_bytes() != content}
    assert changed <= {"status.json"} - {name}, "at most the status says why"
