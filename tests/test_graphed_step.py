"""Steps recorded and replayed: on a CPU with a recording that does the step again, on a GPU with a CUDA graph."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from test_training import assert_equal
from vidpred_engine.settings import RunSettings
from vidpred_engine.training.graphed_step import WARM_UP, GraphedStep, Inputs, Record, Recorded, Values
from vidpred_engine.training.learner import Learner
from vidpred_engine.training.optimisation import make_recordable

FORCED = [True, True, False, True, True, False, True, False, False, True, False, True, False]
CPU = torch.device("cpu")


def again(step: Callable[[Inputs], Values], inputs: Inputs) -> Recorded:
    """What a CUDA graph does, without one: inputs and values have places of their own, and the step is done anew."""
    held = [None if given is None else given.clone() for given in inputs]
    places: Values = {}

    def replay(inputs: Inputs) -> Values:
        for holder, given in zip(held, inputs, strict=True):
            if holder is not None and given is not None:
                holder.copy_(given)
        for name, value in step(tuple(held)).items():
            places.setdefault(name, torch.empty_like(value)).copy_(value)
        return places

    return replay


class Counting:
    """A way of recording, and how often it and what it recorded were called."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.recordings = self.replays = 0

    def __call__(self, step: Callable[[Inputs], Values], inputs: Inputs) -> Recorded:
        self.recordings += 1
        recorded = self._record(step, inputs)

        def counted(inputs: Inputs) -> Values:
            self.replays += 1
            return recorded(inputs)

        return counted


def learner_that_records(settings: RunSettings, record: Record | None, said: list[str]) -> Learner:
    """A learner on the CPU that records its steps as one on a GPU does; with `record` None one that does not."""
    learner = Learner(settings, CPU)
    make_recordable(learner.optimizer, CPU)
    if record is not None:
        learner._graphed = GraphedStep(learner._step, learner._moved, said.append, record)
    return learner


def train(learner: Learner, device: torch.device = CPU) -> list[dict[str, float]]:
    """Steps on changing batches with changing beta and rate."""
    generator = torch.Generator().manual_seed(1)
    logged = []
    for number, forced in enumerate(FORCED):
        clip_btchw, labels_btchw = (torch.rand((2, 3, 3, 8, 16), generator=generator).to(device) for _ in range(2))
        beta, rate = 0.1 * number, 1e-3 / (number + 1)
        values = learner.step(clip_btchw, labels_btchw, number, forced=forced, beta=beta, rate=rate)
        logged.append({name: value.item() for name, value in values.items()})
    return logged


@pytest.fixture
def averaged(tiny: RunSettings) -> RunSettings:
    """Tiny settings with averaged weights and noise on previous frames."""
    return tiny.model_copy(update={"ema_decay": 0.9, "previous_noise": 0.5})


def test_replayed_steps_train_the_same_weights_to_the_bit(averaged: RunSettings) -> None:
    said: list[str] = []
    counting = Counting(again)
    recording, plain = learner_that_records(averaged, counting, said), learner_that_records(averaged, None, said)
    assert train(recording) == train(plain)
    assert_equal(recording.state_dict(), plain.state_dict())
    assert counting.recordings == 2, "with teacher forcing and without"
    assert counting.replays == len(FORCED) - 2 * WARM_UP
    assert said == []


def test_loaded_weights_are_recorded_anew(averaged: RunSettings) -> None:
    counting = Counting(again)
    recording, plain = learner_that_records(averaged, counting, []), learner_that_records(averaged, None, [])
    saved = plain.state_dict()
    train(recording)
    assert counting.recordings == 2
    recording.load_state_dict(saved)
    assert train(recording) == train(plain)
    assert counting.recordings == 4


def _refused(step: Callable[[Inputs], Values], inputs: Inputs) -> Recorded:  # noqa: ARG001
    raise RuntimeError("operation not permitted when stream is capturing\nand much more")


def _stale(step: Callable[[Inputs], Values], inputs: Inputs) -> Recorded:
    """A recording that sees other frames than it is given."""
    other = None if inputs[0] is None else 1 - inputs[0]
    return lambda _: step((other, *inputs[1:]))


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (_refused, "operation not permitted when stream is capturing"),
        (_stale, "it does not compute the same"),
    ],
)
def test_a_recording_that_fails_or_computes_something_else_is_not_used_and_said_once(
    averaged: RunSettings, record: Record, why: str
) -> None:
    said: list[str] = []
    recording, plain = learner_that_records(averaged, record, said), learner_that_records(averaged, None, said)
    assert train(recording) == train(plain)
    assert_equal(recording.state_dict(), plain.state_dict())
    assert said == [f"The step is not run as a CUDA graph, but kernel by kernel, which is slower: {why}"]


def test_a_recording_that_moves_nothing_is_not_used(averaged: RunSettings) -> None:
    said: list[str] = []

    def motionless(step: Callable[[Inputs], Values], _: Inputs) -> Recorded:
        def replay(inputs: Inputs) -> Values:
            before = copy.deepcopy(recording.state_dict())
            values = step(inputs)
            recording.model.load_state_dict(before["model"])
            return values

        return replay

    recording = learner_that_records(averaged, motionless, said)
    train(recording)
    assert [line.rpartition(": ")[2] for line in said] == ["it does not compute the same"]


def test_a_step_that_is_skipped_moves_nothing_in_a_recording_either(averaged: RunSettings) -> None:
    """Infinite pixels make loss and gradients infinite."""
    recording = learner_that_records(averaged, again, [])
    train(recording)
    before = copy.deepcopy(recording.state_dict()["model"])
    endless: Tensor = torch.full((2, 3, 3, 8, 16), torch.inf)
    values = recording.step(endless, endless, 99, forced=True, beta=1.0, rate=1e-3)
    assert not values["loss"].isfinite()
    assert_equal(recording.state_dict()["model"], before)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_cuda_graph_trains_like_the_steps_it_records(averaged: RunSettings, precision: str) -> None:
    settings, device = averaged.model_copy(update={"precision": precision}), torch.device("cuda")
    said: list[str] = []
    graphed, plain = (Learner(settings, device, said.append) for _ in range(2))
    plain._graphed = None
    found, expected = train(graphed, device), train(plain, device)
    assert said == []
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=0.02)
