"""What is not finite never reaches the weights: steps are skipped, then the run retreats, then it stops by name."""

import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from terminal import Terminal
from test_training import assert_equal, measured, stop_after, train
from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.metric_log import MetricReader, Record
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.training.checkpoint import load_checkpoint
from vidpred_engine.training.learner import Learner
from vidpred_engine.training.step import ClipLosses
from vidpred_engine.training.tally import Tally

TERMS = ("mse", "kl", "gradient")
ALWAYS = 10**6


class SpoiledGradient(torch.autograd.Function):
    """The value as it is, its gradient infinite."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:  # noqa: ARG004
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ARG004
        return gradient * math.inf


def spoil(
    monkeypatch: pytest.MonkeyPatch, term: str, steps: Collection[int], *, times: int = ALWAYS, above_rate: float = 0
) -> None:
    """Make a term NaN (of the gradient infinity) at these steps, the first few times, or where the rate is high."""
    losses, train_step, left, under_way = Learner.losses, Learner.step, [times], [0]

    def noted(learner: Learner, clip_btchw: Tensor, labels_btchw: Tensor, step: int, **how: Any) -> dict[str, Tensor]:
        under_way[0] = step
        return train_step(learner, clip_btchw, labels_btchw, step, **how)

    def spoiled(learner: Learner, *inputs: Any, forced: bool) -> ClipLosses:
        found = losses(learner, *inputs, forced=forced)
        if under_way[0] not in steps or left[0] == 0 or learner.optimizer.param_groups[0]["lr"] <= above_rate:
            return found
        left[0] -= 1
        if term == "gradient":
            return replace(found, mse=SpoiledGradient.apply(found.mse))
        return replace(found, **{term: getattr(found, term) * math.nan})

    monkeypatch.setattr(Learner, "step", noted)
    monkeypatch.setattr(Learner, "losses", spoiled)


def records(run: RunDirectory, kind: str) -> list[Record]:
    return [record for record in MetricReader(run.metrics_file).read_new() if record["kind"] == kind]


def events(run: RunDirectory, name: str) -> list[Record]:
    return [record for record in records(run, "event") if record["event"] == name]


def saved(run: RunDirectory) -> dict[str, Any]:
    return load_checkpoint(run.checkpoints / "last.pt")


@pytest.mark.parametrize("fused", [False, True], ids=["asking the host", "on the device"])
@pytest.mark.parametrize("term", TERMS)
def test_a_skipped_step_leaves_weights_moments_averages_and_statistics_as_they_were(
    tiny: RunSettings, monkeypatch: pytest.MonkeyPatch, term: str, fused: bool
) -> None:
    """The fused optimizer is told on the device; runs of before CPUs had it are resumed with the other one."""
    settings = tiny.model_copy(update={"ema_decay": 0.9})
    learner = Learner(settings, torch.device("cpu"))
    generator = torch.Generator().manual_seed(1)
    clip_btchw, labels_btchw = (torch.rand((2, 3, 3, 8, 16), generator=generator) for _ in range(2))
    learner.optimizer.param_groups[0]["fused"] = fused
    spoil(monkeypatch, term, {2})

    def step(number: int) -> None:
        learner.step(clip_btchw, labels_btchw, number, forced=True, beta=1.0, rate=1e-3)

    step(0)
    step(1)
    before = _copied(learner.state_dict())
    step(2)
    skipped = _copied(learner.state_dict())
    step(3)
    monkeypatch.undo()
    assert skipped["average"].pop("n_averaged") in (2, 3)
    before["average"].pop("n_averaged")
    assert_equal(skipped, before)
    weight = "generator.0.block.0.depth_conv.weight"
    assert not torch.equal(learner.state_dict()["model"][weight], before["model"][weight]), "the next step moves them"


def test_a_skipped_step_is_named_marked_in_its_interval_and_left_out_of_the_epoch(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five steps an epoch, logged one by one: step 3 is skipped."""
    run = create_run(tmp_path, tiny.model_copy(update={"epochs": 1, "log_every": 1}))
    spoil(monkeypatch, "kl", {3})
    assert train(run) == 0
    steps = records(run, "step")
    assert [record["step"] for record in steps] == [0, 1, 2, 3, 4]
    for name in ("kl", "loss", "grad_norm"):
        assert [record["step"] for record in steps if record[name] == "nan"] == [3]
    assert math.isfinite(steps[3]["mse"])
    (epoch,) = records(run, "epoch")
    for name in ("loss", "mse", "kl", "psnr"):
        finite = [record[name] for record in steps if isinstance(record[name], float)]
        assert epoch[name] == pytest.approx(sum(finite) / len(finite), rel=1e-12)
    (event,) = events(run, "skip")
    assert (event["terms"], event["skipped"]) == (["kl"], 1)
    assert event["text"] == "Skipped 1 of 1 steps up to step 3: kl not finite."
    assert not events(run, "retreat")


@pytest.mark.parametrize("term", TERMS)
def test_three_skips_in_a_row_send_the_run_back_to_its_checkpoint_at_a_quarter_of_the_rate(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    run = create_run(tmp_path, tiny.model_copy(update={"log_every": 1, "lr_schedule": "constant"}))
    spoil(monkeypatch, term, {6, 7, 8}, times=3)
    assert train(run) == 0
    (retreat,) = events(run, "retreat")
    assert (retreat["terms"], retreat["step"], retreat["lr_factor"]) == ([term], 5, 0.25)
    assert retreat["text"].startswith(f"{term} became NaN or infinite by step 8; back to step 5,")
    steps = records(run, "step")
    assert [record["step"] for record in steps] == list(range(10)), "no step is logged twice or missing"
    assert [record["lr"] for record in steps] == [tiny.lr] * 5 + [tiny.lr / 4] * 5
    assert all(isinstance(record["loss"], float) for record in steps)
    assert run.status().state == "finished"
    assert saved(run)["optimizer"]["param_groups"][0]["lr"] == tiny.lr / 4


def test_without_a_checkpoint_a_run_retreats_to_its_start(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    low, high = (
        create_run(tmp_path / name, tiny.model_copy(update={"lr": lr, "lr_schedule": "constant"}))
        for name, lr in (("low", 1e-4), ("high", 4e-4))
    )
    assert train(low) == 0
    spoil(monkeypatch, "mse", {1, 2, 3}, times=3)
    assert train(high) == 0
    assert events(high, "retreat")[0]["step"] == 0
    assert measured(high) == measured(low), "a quarter of four times the rate"
    assert_equal(saved(high)["model"], saved(low)["model"])


@pytest.mark.parametrize("term", TERMS)
def test_after_three_retreats_the_run_stops_names_the_term_and_keeps_its_last_good_checkpoint(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], term: str
) -> None:
    run = create_run(tmp_path, tiny)
    good = create_run(tmp_path / "good", tiny)
    assert train(good, stop_after(5)) == 75
    spoil(monkeypatch, term, range(7, 100))
    assert train(run) == 1
    status = run.status()
    assert status.state == "failed"
    assert status.cause.startswith(f"{term} became NaN or infinite by step 9, after 3 returns to a checkpoint")
    assert [event["lr_factor"] for event in events(run, "retreat")] == [1 / 4, 1 / 16, 1 / 64]
    (stop,) = events(run, "nan")
    assert (stop["terms"], stop["text"]) == ([term], status.cause)
    assert capsys.readouterr().err.count(status.cause) == 1, "what log.txt and the Live screen show"
    marked = "grad_norm" if term == "gradient" else term
    assert records(run, "step")[-1][marked] in ("nan", "inf"), "the chart marks it"
    kept = saved(run)
    assert (kept["step"], kept["retreats"]) == (5, 3)
    assert_equal(kept["model"], saved(good)["model"])
    assert all(value.isfinite().all() for value in load_checkpoint(run.checkpoints / "best.pt")["model"].values())


@pytest.mark.slow
def test_skips_retreats_and_the_stop_are_named_in_the_log_and_on_the_live_screen(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = create_run(tmp_path / "runs", tiny.model_copy(update={"log_every": 1}))
    spoil(monkeypatch, "kl", range(ALWAYS))
    assert train(run) == 1
    said = capsys.readouterr().err
    skipped = "Skipped 1 of 1 steps up to step 0: kl not finite."
    retreated = "kl became NaN or infinite by step 2; back to step 0, and on from there at 0.25 of the planned"
    stopped = "after 3 returns to a checkpoint at lower rates too; try a lower lr."
    assert all(sentence in said for sentence in (skipped, retreated, stopped))
    with Terminal(tmp_path / "runs", columns=160, rows=48) as terminal:
        terminal.sees("failed", "kl became NaN or infinite")
        terminal.press("\r")
        shown = terminal.sees("failed", "NaN at step", "Skipped 1 of 1 steps", "kl not finite", "back to step 0")
        assert "after 3 returns to a checkpoint" in shown
        assert terminal.leave() == 0


@pytest.mark.parametrize("polls", [7, 8, 9], ids=["within the row", "after two skips", "after the retreat"])
def test_a_run_that_skips_and_retreats_resumes_bit_for_bit(
    tmp_path: Path, tiny: RunSettings, monkeypatch: pytest.MonkeyPatch, polls: int
) -> None:
    settings = tiny.model_copy(update={"ema_decay": 0.9, "lr_schedule": "constant", "epochs": 3})
    through, resumed = create_run(tmp_path / "a", settings), create_run(tmp_path / "b", settings)
    spoil(monkeypatch, "mse", {6, 7, 8, 11}, above_rate=tiny.lr / 2)
    assert train(through) == 0
    assert train(resumed, stop_after(polls)) == 75
    assert train(resumed) == 0
    assert len(events(through, "retreat")) == 1
    assert measured(resumed) == measured(through)
    for name in ("last.pt", "best.pt"):
        assert_equal(load_checkpoint(resumed.checkpoints / name), load_checkpoint(through.checkpoints / name))


def test_a_rate_that_explodes_without_help_is_tamed(tmp_path: Path, tiny: RunSettings) -> None:
    """Nothing is injected: at a rate of 1 this model's activations overflow within a few steps."""
    settings = tiny.model_copy(update={"epochs": 8, "lr": 1.0, "lr_schedule": "constant", "log_every": 1})
    run = create_run(tmp_path, settings)
    assert train(run) in (0, 1)
    retreats = events(run, "retreat")
    assert retreats
    assert retreats[0]["lr_factor"] == 0.25
    assert all(value.isfinite().all() for value in saved(run)["model"].values())


def test_a_checkpoint_with_poisoned_weights_is_refused_and_left_as_it_is(tmp_path: Path, tiny: RunSettings) -> None:
    run = create_run(tmp_path, tiny)
    assert train(run, stop_after(0)) == 75
    poisoned = saved(run)
    poisoned["model"]["generator.0.block.0.depth_conv.weight"].fill_(float("nan"))
    torch.save(poisoned, run.checkpoints / "last.pt")
    before = (run.checkpoints / "last.pt").read_bytes()
    with pytest.raises(UserError, match="weights that are NaN or infinite"):
        train(run, stop_after(1))
    assert run.status().state == "failed"
    assert "NaN or infinite" in run.status().cause
    assert (run.checkpoints / "last.pt").read_bytes() == before


def test_a_checkpoint_of_before_steps_were_skipped_resumes_bit_for_bit(tmp_path: Path, tiny: RunSettings) -> None:
    through, resumed = create_run(tmp_path / "a", tiny), create_run(tmp_path / "b", tiny)
    assert train(through) == 0
    assert train(resumed, stop_after(3)) == 75
    older = saved(resumed)
    del older["retreats"], older["skips_in_a_row"]
    for name in ("epoch_tally", "interval_tally"):
        older[name] = {key: older[name][key] for key in ("sums", "count")}
    torch.save(older, resumed.checkpoints / "last.pt")
    assert train(resumed) == 0
    assert measured(resumed) == measured(through)


def test_a_tally_averages_what_is_finite() -> None:
    tally = Tally()
    for loss, norm in ((1.0, 4.0), (math.inf, 8.0), (2.0, math.nan), (4.0, 6.0)):
        tally.add(loss=torch.tensor(loss), norm=torch.tensor(norm))
    reading = tally.read()
    assert reading.means == {"loss": pytest.approx(7 / 3), "norm": 6.0}
    assert (reading.not_finite, reading.skipped) == (("loss", "norm"), 2)
    tally.clear()
    assert tally.read().means == {}
    tally.add(loss=torch.tensor(math.nan))
    assert math.isnan(tally.read().means["loss"])


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
