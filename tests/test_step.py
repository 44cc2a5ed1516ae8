"""The rearranged training step against the report's, frame by frame: same loss, gradients and running statistics."""

import math

import pytest
import torch
from torch import Tensor

from literal_lab import MODERN_NAMES, LiteralLab, literal_step, modern_state
from vidpred_engine.models import CVAE, ModelSizes
from vidpred_engine.training.losses import kl_to_prior
from vidpred_engine.training.step import ClipLosses, clip_losses

BETA = 0.3


class Case:
    """The lab's model and the engine's with the same weights, a batch of clips, and noise."""

    def __init__(self, sizes: ModelSizes, batch: int, steps: int, height: int, width: int, dtype: torch.dtype) -> None:
        torch.manual_seed(7)
        self.lab = LiteralLab(sizes.frame_dim, sizes.label_dim, sizes.latent_dim, sizes.decoder_dim).to(dtype)
        self.model = CVAE(sizes).to(dtype)
        self.model.load_state_dict(modern_state(self.lab))
        self.clip = torch.rand(batch, steps, 3, height, width, dtype=dtype)
        # Steps of different contrast, so that joint statistics would show.
        contrast = torch.linspace(0.2, 1, steps, dtype=dtype)[:, None, None, None]
        self.labels = torch.rand(batch, steps, 3, height, width, dtype=dtype) * contrast
        self.noise = torch.randn(steps - 1, batch, sizes.latent_dim, height, width, dtype=dtype)

    def run_both(self, *, teacher_forcing: bool) -> tuple[tuple[Tensor, Tensor, float], ClipLosses]:
        """Forward and backward through both, the loss weighted as in the report."""
        mse, kl, decibels = literal_step(
            self.lab, self.clip, self.labels, list(self.noise), teacher_forcing=teacher_forcing
        )
        torch.autograd.backward(mse + BETA * kl)
        losses = clip_losses(self.model, self.clip, self.labels, self.noise, teacher_forcing=teacher_forcing)
        torch.autograd.backward(losses.mse + BETA * losses.kl)
        return (mse, kl, decibels), losses

    def gradient_pairs(self) -> list[tuple[str, Tensor, Tensor]]:
        """Each parameter's name, its gradient in the engine, and in the lab's model."""
        lab = {name: parameter.grad for name, parameter in self.lab.named_parameters()}
        lab_names = {modern: old for old, modern in MODERN_NAMES.items()}
        pairs = []
        for name, parameter in self.model.named_parameters():
            prefix, rest = name.split(".", 1)
            expected = lab.pop(f"{lab_names[prefix]}.{rest}")
            assert parameter.grad is not None
            assert expected is not None
            pairs.append((name, parameter.grad, expected))
        assert not lab
        return pairs


def relative_error(found: Tensor, expected: Tensor, scale: Tensor) -> float:
    return float((found - expected).abs().max() / scale)


@pytest.mark.parametrize("teacher_forcing", [True, False], ids=["forced", "free"])
@pytest.mark.parametrize(
    ("sizes", "batch", "steps", "height", "width"),
    [
        (ModelSizes(8, 4, 4, 8), 2, 4, 8, 16),
        (ModelSizes(8, 4, 4, 8), 1, 2, 8, 8),
        (ModelSizes(16, 4, 8, 24), 3, 5, 8, 16),
        (ModelSizes(32, 8, 4, 32), 2, 4, 16, 32),
        (ModelSizes(), 2, 3, 8, 16),
    ],
    ids=["tiny", "one clip, one step", "odd widths", "demo", "lab"],
)
def test_loss_gradients_and_running_statistics_equal_the_literal_step(
    sizes: ModelSizes, batch: int, steps: int, height: int, width: int, teacher_forcing: bool
) -> None:
    case = Case(sizes, batch, steps, height, width, torch.double)
    (mse, kl, decibels), losses = case.run_both(teacher_forcing=teacher_forcing)
    assert losses.mse.item() == pytest.approx(mse.item(), rel=1e-9)
    assert losses.kl.item() == pytest.approx(kl.item(), rel=1e-9)
    assert losses.psnr.item() == pytest.approx(decibels, rel=1e-9)
    # A bias that feeds BatchNorm has gradient 0 but for rounding: a layer's weight and bias share one scale.
    scales: dict[str, Tensor] = {}
    for name, _, expected in case.gradient_pairs():
        layer = name.rpartition(".")[0]
        scales[layer] = torch.maximum(scales.get(layer, torch.zeros(())), expected.abs().max())
    for name, found, expected in case.gradient_pairs():
        assert relative_error(found, expected, scales[name.rpartition(".")[0]]) < 1e-9, name
    for name, expected in modern_state(case.lab).items():
        torch.testing.assert_close(case.model.state_dict()[name], expected, rtol=1e-9, atol=1e-12, msg=name)


@pytest.mark.parametrize("teacher_forcing", [True, False], ids=["forced", "free"])
def test_in_float32_and_channels_last_it_agrees_to_rounding(teacher_forcing: bool) -> None:
    case = Case(ModelSizes(32, 8, 4, 32), 2, 4, 16, 32, torch.float32)
    case.model.to(memory_format=torch.channels_last)
    (mse, kl, decibels), losses = case.run_both(teacher_forcing=teacher_forcing)
    assert losses.mse.item() == pytest.approx(mse.item(), rel=1e-4)
    assert losses.kl.item() == pytest.approx(kl.item(), rel=1e-4)
    assert losses.psnr.item() == pytest.approx(decibels, rel=1e-4)
    largest = max(expected.abs().max() for _, _, expected in case.gradient_pairs())
    for name, found, expected in case.gradient_pairs():
        assert relative_error(found, expected, largest) < 1e-4, name


def test_two_steps_in_a_row_move_the_running_statistics_like_the_literal_ones() -> None:
    case = Case(ModelSizes(8, 4, 4, 8), 2, 4, 8, 16, torch.double)
    for teacher_forcing in (True, False):
        case.run_both(teacher_forcing=teacher_forcing)
    found, expected = case.model.state_dict(), modern_state(case.lab)
    assert found["label_encoder.2.num_batches_tracked"] == 6
    for name in ("label_encoder.2.running_mean", "label_encoder.2.running_var"):
        torch.testing.assert_close(found[name], expected[name], rtol=1e-12, atol=1e-14)


def test_label_0_and_its_statistics_play_no_part() -> None:
    case = Case(ModelSizes(8, 4, 4, 8), 2, 4, 8, 16, torch.double)
    _, losses = case.run_both(teacher_forcing=True)
    other = Case(ModelSizes(8, 4, 4, 8), 2, 4, 8, 16, torch.double)
    other.labels[:, 0] = 1e6
    _, same = other.run_both(teacher_forcing=True)
    assert torch.equal(losses.mse, same.mse)
    assert torch.equal(
        case.model.state_dict()["label_encoder.2.running_var"], other.model.state_dict()["label_encoder.2.running_var"]
    )


def test_free_running_differs_from_forcing_only_after_the_first_prediction() -> None:
    """A step that ignored the switch, or forced the first frame wrongly, would be caught here."""
    case = Case(ModelSizes(8, 4, 4, 8), 2, 4, 8, 16, torch.double)

    def mse(steps: int, teacher_forcing: bool) -> float:
        clip, labels, noise = case.clip[:, :steps], case.labels[:, :steps], case.noise[: steps - 1]
        return clip_losses(case.model, clip, labels, noise, teacher_forcing=teacher_forcing).mse.item()

    assert mse(2, True) == pytest.approx(mse(2, False), rel=1e-12)
    assert mse(4, True) != pytest.approx(mse(4, False), rel=1e-6)


def test_kl_by_hand() -> None:
    """One clip, two latent values: 0.5 (1 + e^0 - 1 - 0) = 0.5 and 0.5 (0 + e^ln4 - 1 - ln4) = 1.5 - ln 2."""
    mu = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    logvar = torch.tensor([0.0, math.log(4)]).view(1, 2, 1, 1)
    assert kl_to_prior(mu, logvar).item() == pytest.approx(2 - math.log(2))
    assert kl_to_prior(mu.repeat(3, 1, 1, 1), logvar.repeat(3, 1, 1, 1)).item() == pytest.approx(2 - math.log(2))


def test_kl_is_summed_in_float32_and_keeps_small_log_variances() -> None:
    logvar = torch.full((1, 4, 8, 8), 1e-4)
    expected = 256 * 0.5 * 1e-4**2 / 2
    assert kl_to_prior(torch.zeros_like(logvar), logvar).item() == pytest.approx(expected, rel=1e-2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        kl = kl_to_prior(torch.zeros_like(logvar, dtype=torch.bfloat16), logvar.bfloat16())
    assert kl.dtype == torch.float32
    assert kl_to_prior(torch.zeros_like(logvar).double(), logvar.double()).dtype == torch.float64


def test_under_bf16_autocast_the_losses_stay_near_and_in_float32() -> None:
    case = Case(ModelSizes(32, 8, 4, 32), 2, 4, 16, 32, torch.float32)
    exact = clip_losses(case.model, case.clip, case.labels, case.noise, teacher_forcing=False)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = clip_losses(case.model, case.clip, case.labels, case.noise, teacher_forcing=False)
    assert (losses.mse.dtype, losses.kl.dtype) == (torch.float32, torch.float32)
    assert losses.mse.item() == pytest.approx(exact.mse.item(), rel=0.02)
    assert losses.kl.item() == pytest.approx(exact.kl.item(), rel=0.02)
