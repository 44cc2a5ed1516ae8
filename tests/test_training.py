"""A run's training: resumed bit for bit, stopped by signals, refused twice, and honest about divergence."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from vidpred_engine.data.augment import draw_colours, jitter_colours
from vidpred_engine.data.folder import scan_folder
from vidpred_engine.data.packed import load_packed
from vidpred_engine.errors import UserError
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import main_evaluation
from vidpred_engine.store.metric_log import MetricReader, Record
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.training.checkpoint import load_checkpoint
from vidpred_engine.training.learner import Learner
from vidpred_engine.training.run import train_run

UNREPEATABLE = {"time", "clips_per_s", "seconds"}


def train(run: RunDirectory, stop_requested: Callable[[], bool] = lambda: False) -> int:
    with StatusKeeper(run.status_file, "starting") as status:
        return train_run(run, status, Progress(), stop_requested)


def stop_after(polls: int) -> Callable[[], bool]:
    """A stop request after so many looks without one; the loop looks before the first and after every step."""
    looks = iter(range(polls))
    return lambda: next(looks, None) is None


def measured(run: RunDirectory) -> list[Record]:
    records = MetricReader(run.metrics_file).read_new()
    return [
        {key: value for key, value in record.items() if key not in UNREPEATABLE}
        for record in records
        if record["kind"] not in ("event", "device")
    ]


def assert_equal(left: Any, right: Any) -> None:
    """Equal to the bit, through dictionaries and lists."""
    assert type(left) is type(right)
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key in left:
            assert_equal(left[key], right[key])
    elif isinstance(left, list):
        for pair in zip(left, right, strict=True):
            assert_equal(*pair)
    else:
        assert left == right


RECIPES: list[dict[str, Any]] = [
    {},
    {
        "optimizer": "adamw",
        "lr_schedule": "cosine",
        "schedule_interval": "step",
        "shuffle": True,
        "augment": True,
        "latent": False,
    },
    {"teacher_forcing": 0.5, "kl_annealing": "linear", "ema_decay": 0.9, "fast_train": True, "fast_train_epochs": 0},
    {
        "partial": 0.75,  # 23 frames, 11 overlapping clips: 5 steps an epoch here too
        "clip_stride": 2,
        "shuffle": True,
        "augment": True,
        "colour_jitter": 0.3,
        "output": "sigmoid",
        "normalisation": "group",
        "teacher_forcing": 0.5,
        "teacher_forcing_draw": "epoch",
        "detach_previous": True,
        "previous_noise": 0.2,
        "kl_cycles": 2,
        "kl_ratio": 0.5,
        "kl_ramp": "sigmoid",
        "beta_max": 1e-3,
        "schedule_interval": "step",
        "optimizer": "adamw",
        "lr_schedule": "cosine",
        "lr_warmup": 1.5,
        "loss": "l1+mse",
        "gradient_clip": 0.0,
        "ema_decay": 0.9,
    },
    {"model": "unet", "unet_width": 8, "augment": True, "colour_jitter": 0.3, "previous_noise": 1.0, "shuffle": True},
]


@pytest.mark.parametrize(
    "recipe", RECIPES, ids=["adam", "adamw-augment-no-latent", "ema-fast-train", "options", "unet"]
)
@pytest.mark.parametrize("polls", [0, 4, 5], ids=["before the first step", "in an epoch", "at an epoch's last step"])
def test_a_stopped_and_resumed_run_equals_one_that_went_through(
    tmp_path: Path, tiny: RunSettings, recipe: dict[str, Any], polls: int
) -> None:
    settings = tiny.model_copy(update={**recipe, "epochs": 3})
    through, resumed = create_run(tmp_path / "a", settings), create_run(tmp_path / "b", settings)
    assert train(through) == 0
    assert train(resumed, stop_after(polls)) == 75
    assert resumed.status().state == "stopped"
    assert train(resumed) == 0
    assert resumed.status().state == "finished"
    assert measured(resumed) == measured(through)
    for name in ("last.pt", "best.pt"):
        assert_equal(load_checkpoint(resumed.checkpoints / name), load_checkpoint(through.checkpoints / name))
    assert main_evaluation(resumed) == main_evaluation(through)


def test_a_run_logs_every_term_and_every_epoch(tmp_path: Path, tiny: RunSettings) -> None:
    run = create_run(tmp_path, tiny)
    assert train(run) == 0
    records = measured(run)
    steps = [record for record in records if record["kind"] == "step"]
    assert [record["step"] for record in steps] == [1, 3, 4, 6, 8, 9], "5 steps an epoch, logged in twos"
    for record in steps:
        assert record["loss"] == pytest.approx(record["mse"] + record["beta"] * record["kl"], rel=1e-6)
    assert [record["epoch"] for record in records if record["kind"] == "epoch"] == [0, 1]
    validations = [record for record in records if record["kind"] == "validation"]
    assert [record["epoch"] for record in validations] == [0, 1]
    evaluation, status = main_evaluation(run), run.status()
    assert evaluation is not None
    assert evaluation.means()["psnr"] == pytest.approx(max(record["psnr"] for record in validations))
    assert (status.state, status.step, status.epoch, status.epochs) == ("finished", 10, 2, 2)
    assert status.summary["best_psnr"] == pytest.approx(evaluation.means()["psnr"])


def test_averaged_weights_are_the_exponential_average_of_the_steps(tmp_path: Path, tiny: RunSettings) -> None:
    settings = tiny.model_copy(update={"ema_decay": 0.75, "epochs": 1})
    run = create_run(tmp_path, settings)
    expected: dict[str, torch.Tensor] = {}
    name = "generator.0.block.0.depth_conv.weight"
    for _ in range(5):  # one step at a time, each saved
        assert train(run, stop_after(1)) == 75
        saved = load_checkpoint(run.checkpoints / "last.pt")
        weights = saved["model"][name].double()
        expected[name] = 0.75 * expected[name] + 0.25 * weights if expected else weights
    torch.testing.assert_close(saved["average"]["module." + name].double(), expected[name], rtol=1e-5, atol=1e-7)


def test_without_the_latent_the_posterior_stays_as_it_began_even_where_weights_decay(
    tmp_path: Path, tiny: RunSettings
) -> None:
    settings = tiny.model_copy(update={"latent": False, "optimizer": "adamw", "lr": 1e-2, "ema_decay": 0.5})
    run = create_run(tmp_path, settings)
    assert train(run, stop_after(0)) == 75
    before = load_checkpoint(run.checkpoints / "last.pt")["model"]
    assert train(run) == 0
    saved = load_checkpoint(run.checkpoints / "last.pt")
    unmoved = {name for name, value in saved["model"].items() if torch.equal(value, before[name])}
    assert unmoved == {name for name in before if name.startswith("posterior.")}
    for name in unmoved:
        assert torch.equal(saved["average"]["module." + name], before[name]), name
    epochs = [record for record in measured(run) if record["kind"] == "epoch"]
    assert [record["kl"] for record in epochs] == [0, 0]
    assert all(record["loss"] == record["mse"] for record in epochs)


@pytest.mark.parametrize("share", [0.0, 0.25, 4.0], ids=["off", "below the norm", "above the norm"])
def test_the_gradient_that_moves_the_weights_is_clipped_as_set(tmp_path: Path, tiny: RunSettings, share: float) -> None:
    """Adam's first moment after one step is a tenth of the gradient; the logged norm is of what was not yet clipped."""
    gradients: list[torch.Tensor] = []
    norms: list[float] = []
    for clip in (1e6, share):
        limit = clip * norms[0] if norms else clip
        update = {"gradient_clip": limit, "epochs": 1, "log_every": 1}
        run = create_run(tmp_path, tiny.model_copy(update=update))
        assert train(run, stop_after(1)) == 75
        state = load_checkpoint(run.checkpoints / "last.pt")["optimizer"]["state"]
        gradients.append(torch.cat([10 * values["exp_avg"].flatten() for values in state.values()]))
        norms.append(measured(run)[0]["grad_norm"])
    assert norms[1] == norms[0] == pytest.approx(float(gradients[0].norm()), rel=1e-4)
    factor = 0.25 if share == 0.25 else 1
    torch.testing.assert_close(gradients[1], factor * gradients[0], rtol=1e-4, atol=1e-9)


def test_a_run_trains_on_the_clips_the_colours_and_the_forcing_that_its_settings_ask_for(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clips of frames 2i to 2i + 3, two a step and seven steps an epoch; labels as they are on disk."""
    settings = tiny.model_copy(
        update={
            "clip_stride": 2,
            "colour_jitter": 0.5,
            "teacher_forcing": 0.5,
            "teacher_forcing_decay_step": 0.0,
            "teacher_forcing_draw": "epoch",
            "epochs": 6,
            "validate_every": 6,
        }
    )
    given: list[tuple[torch.Tensor, torch.Tensor]] = []
    forcings: list[bool] = []
    step = Learner.step

    def spied(learner: Learner, *inputs: Any, **options: Any) -> dict[str, torch.Tensor]:
        given.append(inputs[:2])
        forcings.append(options["forced"])
        return step(learner, *inputs, **options)

    monkeypatch.setattr(Learner, "step", spied)
    assert train(create_run(tmp_path, settings)) == 0

    packed = load_packed(scan_folder(Path(settings.data)), "train", height=8, width=16, cache=tmp_path / "cache")
    assert len(given) == 6 * 7
    for number, (clip_btchw, labels_btchw) in enumerate(given):
        starts = [4 * (number % 7), 4 * (number % 7) + 2]
        frames_btchw, expected_btchw = (
            torch.stack([images_nchw[start : start + 3] for start in starts]).float() / 255
            for images_nchw in (packed.frames_nchw, packed.labels_nchw)
        )
        draws = draw_colours(2, 0.5, seed=settings.seed, epoch=number // 7, step=number)
        assert torch.equal(labels_btchw, expected_btchw)
        assert torch.equal(clip_btchw, jitter_colours(frames_btchw, draws))
    by_epoch = [set(forcings[start : start + 7]) for start in range(0, 42, 7)]
    assert all(len(found) == 1 for found in by_epoch)
    assert set.union(*by_epoch) == {False, True}


def test_two_processes_never_train_one_run(tmp_path: Path, tiny: RunSettings) -> None:
    run = create_run(tmp_path, tiny)
    with only_trainer(run):
        other = subprocess.run(
            [sys.executable, "-m", "vidpred_engine", "train", "--run", str(run.path)], capture_output=True, text=True
        )
    assert other.returncode == 2
    assert "is being trained by another process" in other.stderr
    assert run.status().state == "created", "the loser leaves the status alone"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_real_process_resumably(tmp_path: Path, tiny: RunSettings, number: signal.Signals) -> None:
    run = create_run(tmp_path, tiny.model_copy(update={"epochs": 100_000, "validate_every": 100_000}))
    command = [sys.executable, "-m", "vidpred_engine", "train", "--run", str(run.path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: bool(MetricReader(run.metrics_file).read_new()[3:]))
        process.send_signal(signal.SIGHUP)
        steps = len(MetricReader(run.metrics_file).read_new())
        wait_until(lambda: len(MetricReader(run.metrics_file).read_new()) > steps)
        process.send_signal(number)
        assert process.wait(60) == 75
    finally:
        process.kill()
        process.communicate()
    saved = load_checkpoint(run.checkpoints / "last.pt")
    status = run.status()
    assert (status.state, status.step) == ("stopped", saved["step"])
    assert saved["step"] > 0


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the awaited event never came"
        os.sched_yield()
        time.sleep(0.02)


def test_a_checkpoint_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "last.pt"
    with pytest.raises(UserError, match="There is no checkpoint"):
        load_checkpoint(file)
    file.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(UserError, match="cannot be read"):
        load_checkpoint(file)
    torch.save({"format": 99}, file)
    with pytest.raises(UserError, match="use a newer vidpred"):
        load_checkpoint(file)
    torch.save([1, 2], file)
    with pytest.raises(UserError, match="no vidpred checkpoint"):
        load_checkpoint(file)


class Malicious:
    """Runs code where a pickle is trusted."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch owned",)


def test_a_checkpoint_cannot_run_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"format": 1, "model": Malicious()}, tmp_path / "last.pt")
    with pytest.raises(UserError, match="cannot be read"):
        load_checkpoint(tmp_path / "last.pt")
    assert not (tmp_path / "owned").exists()
