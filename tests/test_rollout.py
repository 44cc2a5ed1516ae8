"""The rollout against the lab's test loop, its independence of the batch, its z modes and its progress."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from literal_lab import LiteralLab, literal_rollout, modern_state
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.rollout import LABEL_CHUNK, ZMode, rollout, seeded_noise
from vidpred_engine.models import CVAE, ModelSizes

SIZES = ModelSizes(8, 4, 4, 8)
SHAPE = (4, 8, 16)


@pytest.fixture(scope="module")
def pair() -> tuple[LiteralLab, CVAE]:
    """The lab's model and the engine's in eval mode, with equal weights and statistics that matter."""
    torch.manual_seed(3)
    lab = LiteralLab(8, 4, 4, 8).double()
    with torch.no_grad():
        lab.label_transformation(torch.rand(8, 3, 8, 16, dtype=torch.double))
        # Outputs spread about 0.5 +- 0.6, so that clamping changes many and leaves many.
        frames, features, z = (torch.rand(8, channels, 8, 16, dtype=torch.double) for channels in (3, 4, 4))
        before = lab.predict(frames, features, z)
        last = lab.Generator[-1]
        assert isinstance(last, nn.Conv2d)
        assert last.bias is not None
        last.bias.sub_(before.mean())
        last.weight.mul_(0.6 / before.std())
        last.bias.mul_(0.6 / before.std()).add_(0.5)
    model = CVAE(SIZES).double()
    model.load_state_dict(modern_state(lab))
    return lab.eval(), model.eval()


def clips(batch: int, steps: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(11)
    shape = (batch, steps, 3, 8, 16)
    return (
        torch.rand(shape, generator=generator, dtype=torch.double),
        torch.rand(shape, generator=generator, dtype=torch.double),
    )


def test_frames_equal_the_labs_loop_with_the_raw_output_fed_back(pair: tuple[LiteralLab, CVAE]) -> None:
    lab, model = pair
    steps = LABEL_CHUNK + 6  # more than one chunk of labels
    clip, labels = clips(2, steps)
    z = torch.randn(steps - 1, 2, *SHAPE, dtype=torch.double)
    raw = literal_rollout(lab, clip[:, 0], labels, list(z))
    found = rollout(model, clip[:, 0], labels, lambda t: z[t - 1])
    assert found.shape == (2, steps - 1, 3, 8, 16)
    torch.testing.assert_close(found, raw.clamp(0, 1), rtol=1e-9, atol=1e-9)
    # The case must be one where feeding back clamped frames would show.
    assert (raw < 0).any()
    assert (raw > 1).any()
    assert ((raw > 0) & (raw < 1)).any()


def test_a_sequence_comes_out_the_same_alone_in_a_batch_and_in_another_order(pair: tuple[LiteralLab, CVAE]) -> None:
    _, model = pair
    clip, labels = clips(3, 5)

    def predict(rows: list[int]) -> Tensor:
        noise = seeded_noise([100 + row for row in rows], SHAPE, "cpu")
        return rollout(model, clip[rows, 0], labels[rows], lambda t: noise(t).double())

    together = predict([0, 1, 2])
    torch.testing.assert_close(predict([2, 0, 1]), together[[2, 0, 1]], rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(predict([1]), together[[1]], rtol=1e-9, atol=1e-12)


def test_noise_is_a_function_of_seed_and_step_and_standard_normal() -> None:
    noise = seeded_noise([5, 6], (4, 32, 64), "cpu")
    late, early = noise(9), noise(1)
    assert torch.equal(noise(1), early)
    assert torch.equal(seeded_noise([6], (4, 32, 64), "cpu")(9)[0], late[1])
    draws = torch.stack([early[0], early[1], late[0], late[1]]).flatten(1)
    correlation = torch.corrcoef(draws) - torch.eye(4)
    assert correlation.abs().max() < 0.05  # 8192 values each: standard error 0.011
    assert draws.mean().abs() < 0.03
    assert draws.std().item() == pytest.approx(1, abs=0.03)


def test_neighbouring_seeds_are_not_shifted_copies() -> None:
    noise = seeded_noise([1, 2], SHAPE, "cpu")
    assert not torch.equal(noise(2)[0], noise(1)[1])


@pytest.mark.parametrize("z_mode", get_args(ZMode))
def test_each_z_mode_feeds_the_z_that_it_names(pair: tuple[LiteralLab, CVAE], z_mode: ZMode) -> None:
    lab, model = pair
    clip, labels = clips(2, 4)
    noise = torch.randn(3, 2, *SHAPE, dtype=torch.double)
    z = []
    for t in range(1, 4):
        with torch.no_grad():
            mu, logvar = lab.gaussian(clip[:, t], lab.label_transformation(labels[:, t]))
        draw = noise[t - 1]
        modes = {"prior": draw, "zero": 0 * draw, "posterior-mean": mu, "posterior": mu + (logvar / 2).exp() * draw}
        z.append(modes[z_mode])
    found = rollout(model, clip[:, 0], labels, lambda t: noise[t - 1], z_mode=z_mode, clip_btchw=clip)
    expected = literal_rollout(lab, clip[:, 0], labels, z).clamp(0, 1)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("z_mode", ["posterior", "posterior-mean"])
def test_a_posterior_mode_without_true_frames_is_refused(pair: tuple[LiteralLab, CVAE], z_mode: ZMode) -> None:
    clip, labels = clips(1, 3)
    with pytest.raises(UserError, match=f"'{z_mode}' needs the true frames"):
        rollout(pair[1], clip[:, 0], labels, lambda _: torch.zeros(1, *SHAPE), z_mode=z_mode)


@pytest.mark.parametrize("z_mode", get_args(ZMode))
def test_one_clip_serves_a_batch_of_draws(pair: tuple[LiteralLab, CVAE], z_mode: ZMode) -> None:
    _, model = pair
    clip, labels = clips(1, 5)
    noise = torch.randn(4, 3, *SHAPE, dtype=torch.double)

    def predict(copies: int) -> Tensor:
        return rollout(
            model,
            clip[:, 0].expand(3, -1, -1, -1),
            labels.expand(copies, -1, -1, -1, -1),
            lambda t: noise[t - 1],
            z_mode=z_mode,
            clip_btchw=clip.expand(copies, -1, -1, -1, -1),
        )

    torch.testing.assert_close(predict(1), predict(3), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("broken", [float("inf"), float("-inf"), float("nan")])
def test_a_value_that_is_not_finite_is_never_clamped_into_a_frame(
    pair: tuple[LiteralLab, CVAE], monkeypatch: pytest.MonkeyPatch, broken: float
) -> None:
    _, model = pair
    clip, labels = clips(1, 3)
    output = torch.full((1, 3, 8, 16), 2.0, dtype=torch.double)
    output[0, 1, 2, 3] = broken
    monkeypatch.setattr(model, "decode", lambda *_: output)
    found = rollout(model, clip[:, 0], labels, lambda _: torch.zeros(1, *SHAPE, dtype=torch.double))
    assert found[:, :, 1, 2, 3].isnan().all()
    assert [found.isnan().sum().item(), (found == 1).sum().item()] == [2, 2 * (3 * 8 * 16 - 1)]


def test_label_0_is_not_used(pair: tuple[LiteralLab, CVAE]) -> None:
    clip, labels = clips(1, 3)
    noise = torch.randn(1, *SHAPE, dtype=torch.double)
    before = rollout(pair[1], clip[:, 0], labels, lambda _: noise)
    labels[:, 0] = 99
    assert torch.equal(rollout(pair[1], clip[:, 0], labels, lambda _: noise), before)


def test_progress_names_each_frame_and_may_interrupt(pair: tuple[LiteralLab, CVAE]) -> None:
    clip, labels = clips(1, 5)
    seen: list[int] = []

    def stop_at_3(t: int) -> None:
        seen.append(t)
        if t == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        rollout(pair[1], clip[:, 0], labels, lambda _: torch.zeros(1, *SHAPE, dtype=torch.double), progress=stop_at_3)
    assert seen == [1, 2, 3]


def test_a_rollout_leaves_the_model_as_it_was(pair: tuple[LiteralLab, CVAE]) -> None:
    _, model = pair
    before = {name: value.clone() for name, value in model.state_dict().items()}
    clip, labels = clips(2, 3)
    predicted = rollout(model, clip[:, 0], labels, lambda _: torch.zeros(2, *SHAPE, dtype=torch.double))
    assert not predicted.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
