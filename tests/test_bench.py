"""vidpred-engine bench: both sides agree before they are timed, and the arithmetic of what is said about them."""

import contextlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
import torch

import literal_lab
from conftest import TINY
from test_cli import tiny_flags
from vidpred_engine.bench import check, literal
from vidpred_engine.bench.check import largest_gradient_difference, refusal, step_differences
from vidpred_engine.bench.comparison import as_the_lab_has_it
from vidpred_engine.bench.concurrent import Sharing, share_device, stops_rising_at
from vidpred_engine.bench.engine_side import EngineSide
from vidpred_engine.bench.literal_side import LiteralSide
from vidpred_engine.bench.measure import Measure, Timing
from vidpred_engine.bench.own_process import OwnProcess
from vidpred_engine.cli import build_parser, dashed
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings


def bench(*arguments: str | Path) -> int:
    """Run the command in this process, its two sides in processes of their own."""
    parsed = build_parser().parse_args(dashed(["bench", *map(str, arguments)]))
    code: int = parsed.call(parsed)
    return code


@pytest.mark.slow
def test_the_command_compares_times_and_prints_json(
    tmp_path: Path, lab_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bench.json"
    assert bench("--quick", *tiny_flags(lab_folder), "--frames", "3", "--out", file, "--json") == 0
    result: dict[str, Any] = orjson.loads(capsys.readouterr().out)
    assert orjson.loads(file.read_bytes()) == result
    assert result["refused"] == ""
    assert result["settings"]["batch_size"] == 2
    assert result["machine"]["device"] == "cpu"
    assert [one["found"] <= one["allowed"] for one in result["differences"]] == [True] * 11
    names = [measure["name"] for measure in result["measures"]]
    assert names == [
        "reading 10 clips, 0 workers",
        "reading 10 clips, 4 workers",
        "training step, teacher-forced",
        "training step, free-running",
        "rollout of 3 frames",
        "rollout of 3 frames, 16 samples",
    ]
    for measure in result["measures"]:
        assert len(measure["literal"]) == len(measure["engine"]) == 3
        literal, engine = (measure["medians"][side]["wall"] for side in ("literal", "engine"))
        assert measure["ratio"]["wall"] == pytest.approx(literal / engine)
    assert {(step["mode"], step["side"]) for step in result["steps"]} == {
        (mode, side) for mode in ("teacher-forced", "free-running") for side in ("literal", "engine")
    }
    assert min(result["peak_bytes"].values()) > 50e6
    assert result["packed_frames"] == 31


@pytest.mark.slow
def test_where_the_sides_differ_nothing_is_timed(
    lab_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "LOSS_ALLOWED", -1.0)
    assert bench("--quick", *tiny_flags(lab_folder), "--json") == 1
    out, err = capsys.readouterr()
    result = orjson.loads(out)
    assert result["measures"] == []
    sentence = err.splitlines()[-1]
    assert "teacher-forced: mse differs by" in sentence
    assert sentence.endswith("nothing was timed.")


@pytest.fixture
def sides(tiny: RunSettings) -> tuple[LiteralSide, EngineSide]:
    engine = EngineSide(tiny)
    engine.take_literal_weights()
    return LiteralSide(tiny), engine


@pytest.mark.parametrize("forced", [True, False], ids=["forced", "free"])
def test_equal_weights_agree_and_others_are_refused(sides: tuple[LiteralSide, EngineSide], forced: bool) -> None:
    lab, engine = sides
    expected = lab.probe(forced)
    assert refusal(step_differences("step", expected, engine.probe(forced))) == ""
    with torch.no_grad():
        dict(engine._learner.model.named_parameters())["generator.7.bias"].add_(0.01)
    differing = engine.probe(forced)
    assert "step: mse differs" in refusal(step_differences("step", expected, differing))
    # Where only gradients differ, they are what is named.
    gradients = {**expected.gradients, "generator.1.conv1.bias": 2 * expected.gradients["generator.1.conv1.bias"]}
    sentence = refusal(step_differences("step", expected, replace(expected, gradients=gradients)))
    assert "gradients (most in generator.1.conv1) differs" in sentence


def test_nan_never_counts_as_agreement(sides: tuple[LiteralSide, EngineSide]) -> None:
    probe = sides[0].probe(True)
    assert "kl differs by nan" in refusal(step_differences("step", probe, replace(probe, kl=float("nan"))))
    gradients = {name: value.copy() for name, value in probe.gradients.items()}
    gradients["posterior.0.conv1.bias"][0] = float("nan")
    assert "posterior.0.conv1" in refusal(step_differences("step", probe, replace(probe, gradients=gradients)))


def test_a_layers_weight_and_bias_share_one_scale() -> None:
    ones = torch.ones(2).numpy()
    expected = {"a.weight": 10 * ones, "a.bias": 0 * ones, "b.weight": 100 * ones}
    found = {"a.weight": 10 * ones, "a.bias": 0.5 * ones, "b.weight": 101 * ones}
    difference, layer = largest_gradient_difference(expected, found)
    assert layer == "a"
    assert difference == pytest.approx(0.05)


def test_medians_and_ratios_by_hand() -> None:
    measure = Measure("work", "work", (), (), literal_times=16)
    measure.literal += [Timing(3, 6), Timing(1, 2), Timing(2, 5)]
    measure.engine += [Timing(4, 1), Timing(8, 9), Timing(6, 1), Timing(10, 9)]
    assert measure.literal_seconds == Timing(32, 80)
    assert measure.engine_seconds == Timing(7, 5)
    assert measure.ratio == Timing(32 / 7, 16)
    measure.engine = [Timing(1, 0)]
    assert measure.ratio.cpu == float("inf")


def test_the_literal_step_is_that_of_the_oracle() -> None:
    torch.manual_seed(5)
    lab = literal.LiteralLab(8, 4, 4, 8).double()
    clip, labels = torch.rand(2, 2, 4, 3, 8, 16, dtype=torch.double)
    noise = list(torch.randn(3, 2, 4, 8, 16, dtype=torch.double))
    for forced in (True, False):
        losses = []
        gradients = []
        for step in (literal.literal_step, literal_lab.literal_step):
            mse, kl, decibels = step(lab, clip, labels, noise, teacher_forcing=forced)
            gradients.append(torch.autograd.grad(mse + 0.3 * kl, list(lab.parameters())))
            losses.append((mse.item(), kl.item(), decibels))
        assert losses[0] == pytest.approx(losses[1], rel=1e-12)
        for found, expected in zip(*gradients, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_settings_that_the_lab_lacks_are_set_back_and_named(tiny: RunSettings) -> None:
    ours = tiny.model_copy(update={"output": "sigmoid", "previous_noise": 0.4, "ema_decay": 0.9})
    settings, changed = as_the_lab_has_it(ours)
    assert changed == ("output", "previous_noise")
    assert settings == tiny.model_copy(update={"ema_decay": 0.9})


def test_operations_of_a_step_are_three_forwards_but_for_what_needs_no_gradient(
    sides: tuple[LiteralSide, EngineSide],
) -> None:
    """Counted by hand for the lab's model at 8-4-4-8: one 3x3 convolution of 8 channels is 2*9*8*8 a pixel."""
    lab, engine = (side.step_flops(False) for side in sides)
    assert lab == engine, "free-running, both encode and decode the same frames"
    assert sides[1].step_flops(True) < lab, "teacher-forced, each frame is encoded once"
    per_pixel = sum(
        2 * module.weight.numel() for module in sides[0]._lab.modules() if isinstance(module, torch.nn.Conv2d)
    )
    encoder = sum(
        2 * module.weight.numel()
        for module in sides[0]._lab.frame_transformation.modules()
        if isinstance(module, torch.nn.Conv2d)
    )
    pixels = TINY["frame_height"] * TINY["frame_width"] * TINY["batch_size"] * (TINY["clip_length"] - 1)  # type: ignore[operator]
    assert 2.7 * pixels * (per_pixel + encoder) < lab < 3 * pixels * (per_pixel + encoder)


@pytest.mark.slow
def test_a_side_works_in_another_process_and_its_faults_come_back(tiny: RunSettings) -> None:
    with OwnProcess(EngineSide, tiny) as engine:
        assert engine.ask("clips") == 10
        with pytest.raises(AttributeError, match="no_such_work"):
            engine.ask("timed", 1, "no_such_work")
        assert engine.ask("predictable_frames") == 4, "it lives on"


@pytest.mark.slow
def test_processes_side_by_side_are_counted_together(tiny: RunSettings) -> None:
    shared = share_device(tiny, 2, 0.2, Progress())
    assert [one.processes for one in shared] == [1, 2]
    assert min(one.clips_per_s for one in shared) > 0


@pytest.mark.parametrize("changes", [{}, {"augment": True}], ids=["as it is", "augmented"])
def test_a_training_of_any_preset_can_be_timed(tiny: RunSettings, changes: dict[str, Any]) -> None:
    """An anchored model wants a frame more than the clip."""
    engine = EngineSide(tiny.model_copy(update={"model": "unet", "unet_width": 8, "shuffle": True, **changes}))
    before = [parameter.clone() for parameter in engine._learner.model.parameters()]
    engine.train_step(True)
    assert not all(map(torch.equal, before, engine._learner.model.parameters()))


@pytest.mark.parametrize(
    ("rates", "top"),
    [([4, 7, 9, 9.1], 3), ([4, 3.9], 1), ([4, 8, 12], None), ([4, 4.07, 9], 1), ([4], None)],
)
def test_where_more_processes_stop_helping(rates: list[float], top: int | None) -> None:
    assert stops_rising_at([Sharing(k, rate) for k, rate in enumerate(rates, start=1)]) == top


def test_a_killed_command_leaves_no_process_behind(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(
        "import os\n"
        "from vidpred_engine.bench.own_process import OwnProcess\n"
        "if __name__ == '__main__':\n"
        "    other = OwnProcess(object)\n"
        "    other.ask('__repr__')\n"
        "    print(*other._pool._processes, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == -9
    with contextlib.suppress(psutil.NoSuchProcess):  # gone already
        psutil.Process(int(done.stdout)).wait(timeout=20)
