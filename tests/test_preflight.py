"""What is said of runs before they start, held to counts by hand, to the models and to a log made by hand."""

import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import TINY
from vidpred_engine.gpus import Gpu
from vidpred_engine.launch import preflight
from vidpred_engine.launch.footprint import expected_bytes, parameters, validations
from vidpred_engine.launch.preflight import Preflight, PreflightChecker, SplitCount, facts
from vidpred_engine.models.build import build_model
from vidpred_engine.presets import preset_names, preset_settings
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.metric_log import MetricWriter
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import Status, write_status
from vidpred_engine.training.room import room_needed


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def check(runs: Path, *settings: RunSettings) -> Preflight:
    return PreflightChecker(runs).check(settings)


def past_run(runs: Path, settings: RunSettings, clips_per_s: float, seconds: float, **status: object) -> RunDirectory:
    """A run, finished unless said otherwise, that logged so many clips a second and validations that took so long."""
    run = create_run(runs, settings)
    write_status(run.status_file, Status(**{"state": "finished", "step": 4, **status}))  # type: ignore[arg-type]
    with MetricWriter(run.metrics_file) as log:
        for step, rate in enumerate((clips_per_s / 2, clips_per_s * 2), start=1):
            log.append({"kind": "step", "step": step, "epoch": 0, "time": 1.0, "clips_per_s": rate})
        log.append({"kind": "validation", "step": 2, "epoch": 0, "time": 1.0, "seconds": seconds})
    Registry(runs).index(run)
    return run


# Size of the model and of the run.


@pytest.mark.parametrize("preset", preset_names())
def test_parameters_of_every_preset_are_those_of_the_model(preset: str) -> None:
    chosen = preset_settings(preset)
    assert parameters(chosen) == sum(each.numel() for each in build_model(chosen).parameters())


@settings(deadline=None, max_examples=25)
@given(
    model=st.sampled_from(["lab", "unet"]),
    sizes=st.fixed_dictionaries(
        {
            "unet_width": st.integers(1, 6).map(lambda n: 8 * n),
            "frame_dim": st.integers(1, 8).map(lambda n: 8 * n),
            "label_dim": st.integers(1, 8).map(lambda n: 4 * n),
            "latent_dim": st.integers(1, 8).map(lambda n: 4 * n),
            "decoder_dim": st.integers(1, 8).map(lambda n: 8 * n),
            "normalisation": st.sampled_from(["batch", "group"]),
        }
    ),
)
def test_parameters_of_any_sizes_are_those_of_the_model(model: str, sizes: dict[str, object]) -> None:
    chosen = RunSettings.model_validate({"model": model, **sizes})
    assert parameters(chosen) == sum(each.numel() for each in build_model(chosen).parameters())


@pytest.mark.parametrize("preset", ["lab", "best"])
def test_the_disk_foreseen_is_what_training_asks_for(preset: str) -> None:
    chosen = preset_settings(preset)
    asked = room_needed(chosen, build_model(chosen), 1000, 630)
    assert asked <= expected_bytes(chosen, 1000, 630) * 1.02
    assert expected_bytes(chosen, 1000, 630) <= asked * 1.1


@settings(deadline=None)
@given(epochs=st.integers(1, 40), validate_every=st.integers(1, 50))
def test_validations_are_those_of_the_training_also_that_of_the_last_epoch(epochs: int, validate_every: int) -> None:
    chosen = RunSettings(epochs=epochs, validate_every=validate_every)
    ends = [epoch for epoch in range(1, epochs + 1) if epoch % validate_every == 0 or epoch == epochs]
    assert validations(chosen) == len(ends)


# Data and steps.


def test_data_are_counted_and_steps_are_those_of_the_training(runs: Path, tiny: RunSettings) -> None:
    """31 frames are 10 clips of 3, so 5 steps of 2 clips in each of 2 epochs."""
    found = check(runs, tiny)
    assert found.splits == {"train": SplitCount(1, 31, 10), "val": SplitCount(1, 5, 1)}
    assert (found.steps, found.problems) == (10, ())
    assert not runs.exists(), "nothing is written"
    half = tiny.model_copy(update={"fast_train": True, "fast_partial": 0.5, "fast_train_epochs": 0, "epochs": 3})
    assert check(runs, half).steps == 2 * (5 // 2) + 5, "15 frames are 5 clips while fast_train lasts"


def test_the_folder_is_counted_anew_where_it_has_changed(runs: Path, tiny: RunSettings, lab_folder: Path) -> None:
    checker = PreflightChecker(runs)
    assert checker.check([tiny]).splits["train"].frames == 31
    for kind in ("img", "label"):
        (lab_folder / "train" / f"train_{kind}" / "30.png").unlink()
    assert checker.check([tiny]).splits["train"].frames == 30


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"data": "nowhere"}, "There is no folder nowhere;"),
        ({"clip_length": 40}, "Not one training clip fits"),
        ({"batch_size": 11}, "There are 10 training clips, fewer than one batch of 11."),
        ({"device": "cuda:3"}, "Setting 'device' is cuda:3, but this machine has 1 GPUs."),
    ],
)
def test_what_would_end_the_run_is_said(
    runs: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch, changed: dict[str, object], sentence: str
) -> None:
    monkeypatch.setattr(preflight, "visible_gpus", lambda: [Gpu("0", "H100", 5, 8)])
    (problem,) = check(runs, tiny.model_copy(update=changed)).problems
    assert problem.startswith(sentence)


def test_the_memory_is_that_of_the_gpu_where_there_is_one(
    runs: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "visible_gpus", lambda: [Gpu("0", "H100", 5, 8), Gpu("1", "T4", 1, 2)])
    for device, expected in {"auto": ("cuda:0 H100", 5, 8), "cuda:1": ("cuda:1 T4", 1, 2)}.items():
        found = check(runs, tiny.model_copy(update={"device": device}))
        assert (found.device, found.memory_free, found.memory_total) == expected
    own = check(runs, tiny.model_copy(update={"device": "cpu"}))
    assert own.device == "cpu"
    assert 0 < own.memory_free <= own.memory_total


# Past runs.


def test_the_time_comes_from_the_newest_run_that_trained_as_fast(runs: Path, tiny: RunSettings) -> None:
    """Rates of 1 and 4 clips a second are 0.625 s a clip: 10 steps of 2 clips and 2 validations of 3 s are 18.5 s."""
    assert check(runs, tiny).seconds is None
    assert facts(check(runs, tiny))["time"] == "no estimate yet"
    like = past_run(runs, tiny.model_copy(update={"lr": 0.5, "epochs": 9}), 2.0, 3.0)
    past_run(runs, tiny.model_copy(update={"batch_size": 4}), 100.0, 0.0)
    past_run(runs, tiny.model_copy(update={"teacher_forcing": 0.1}), 100.0, 0.0)
    past_run(runs, tiny, 100.0, 0.0, host="elsewhere")
    found = check(runs, tiny)
    assert found.seconds == pytest.approx(18.5)
    assert found.like == like.run_id
    assert facts(found)["time"] == f"about 18s, as run {like.run_id} took"
    several = check(runs, tiny, tiny.model_copy(update={"epochs": 4}))
    assert several.seconds == pytest.approx(3 * 18.5)
    assert several.steps == 30
    unknown = tiny.model_copy(update={"clip_length": 4})
    assert check(runs, tiny, unknown).seconds is None, "of a sum one part is unknown"


def test_the_time_counts_the_validation_of_the_last_epoch(runs: Path, tiny: RunSettings) -> None:
    """10 steps of 2 clips at 0.625 s and 1 validation of 3 s are 15.5 s."""
    past_run(runs, tiny, 2.0, 3.0)
    assert check(runs, tiny.model_copy(update={"validate_every": 5})).seconds == pytest.approx(15.5)


def test_the_time_comes_from_the_best_run_there_is(runs: Path, tiny: RunSettings) -> None:
    """Each run is worse than those before it, and newer."""
    free = tiny.model_copy(update={"teacher_forcing": 0.1})
    other = tiny.model_copy(update={"lr": 0.5})
    order = [
        past_run(runs, tiny, 2.0, 3.0),
        past_run(runs, other, 2.0, 3.0),
        past_run(runs, free, 2.0, 3.0),
        past_run(runs, other, 2.0, 3.0, state="stopped", step=500),
        past_run(runs, tiny, 2.0, 3.0, state="stopped", step=2),
        past_run(runs, free, 2.0, 3.0, state="failed", step=900),
    ]
    for run in order:
        assert check(runs, tiny).like == run.run_id
        shutil.rmtree(run.path)


def test_runs_with_the_same_settings_are_named_whatever_they_are_called(
    runs: Path, tiny: RunSettings, lab_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = create_run(runs, tiny.model_copy(update={"name": "other", "device": "auto", "log_every": 9}))
    create_run(runs, tiny.model_copy(update={"seed": 1}))
    expected = (f"{same.run_id} (created)",)
    assert check(runs, tiny).equal == expected
    monkeypatch.chdir(lab_folder.parent)
    assert check(runs, tiny.model_copy(update={"data": "data"})).equal == expected, "the same folder"
    assert check(runs, tiny.model_copy(update={"lr": 0.5})).equal == ()


def test_runs_with_the_same_settings_are_named_with_their_states(runs: Path, tiny: RunSettings) -> None:
    failed, finished = (past_run(runs, tiny, 2.0, 3.0, state=state) for state in ("failed", "finished"))
    said = facts(check(runs, tiny))["the same settings"]
    assert set(said.split(", ")) == {f"{finished.run_id} (finished)", f"{failed.run_id} (failed)"}


# The command.


def command(*words: str) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys; from vidpred_engine import cli; code = None\n"
        "try: cli.main()\n"
        "finally: assert 'torch' not in sys.modules"
    )
    tiny = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return subprocess.run([sys.executable, "-c", program, "preflight", *tiny, *words], capture_output=True, text=True)


def test_the_command_says_the_same_without_torch_and_fails_where_the_run_would(runs: Path, lab_folder: Path) -> None:
    words = ("--runs", str(runs), "--data", str(lab_folder))
    done = command(*words, "--json", "--lr", "1e-3|1e-4")
    assert done.returncode == 0, done.stderr
    found = orjson.loads(done.stdout)
    assert (found["runs"], found["steps"], found["splits"]["train"]["clips"]) == (2, 20, 10)
    shown = command(*words, "--batch-size", "11")
    assert shown.returncode == 1
    assert "31 frames in 10 clips" in shown.stdout
    assert "problem: There are 10 training clips, fewer than one batch of 11." in shown.stdout
