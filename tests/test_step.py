"""The rearranged training step against the report's, frame by frame: same loss, gradients and running statistics."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from conftest import TINY
from literal_lab import MODERN_NAMES, LiteralLab, literal_step, modern_state
from vidpred_engine.models import CVAE, ModelSizes
from vidpred_engine.settings import RunSettings
from vidpred_engine.training import learner as learner_module
from vidpred_engine.training.learner import Learner, posterior_noise
from vidpred_engine.training.losses import kl_to_prior
from vidpred_engine.training.step import ClipLosses, clip_losses

BETA = 0.3


class Case:
    """The lab's model and the engine's with the same weights, a batch of clips, and noise.

    `sigmoid` ends both generators in one; `groups` puts a GroupNorm of so many groups in the place of BatchNorm.
    """

    def __init__(
        self,
        sizes: ModelSizes,
        batch: int,
        steps: int,
        height: int,
        width: int,
        dtype: torch.dtype,
        *,
        sigmoid: bool = False,
        groups: int = 0,
    ) -> None:
        torch.manual_seed(7)
        self.lab = LiteralLab(sizes.frame_dim, sizes.label_dim, sizes.latent_dim, sizes.decoder_dim).to(dtype)
        if sigmoid:
            self.lab.Generator.append(nn.Sigmoid())
        if groups:
            self.lab.label_transformation[2] = nn.GroupNorm(groups, sizes.label_dim // 2).to(dtype)
        self.model = CVAE(
            sizes, output="sigmoid" if sigmoid else "linear", normalisation="group" if groups else "batch"
        ).to(dtype)
        self.model.load_state_dict(modern_state(self.lab))
        self.clip = torch.rand(batch, steps, 3, height, width, dtype=dtype)
        # Steps of different contrast, so that joint statistics would show.
        contrast = torch.linspace(0.2, 1, steps, dtype=dtype)[:, None, None, None]
        self.labels = torch.rand(batch, steps, 3, height, width, dtype=dtype) * contrast
        self.noise = torch.randn(steps - 1, batch, sizes.latent_dim, height, width, dtype=dtype)

    def run_both(
        self, *, teacher_forcing: bool, latent: bool = True, l1: bool = False, detach: bool = False, noisy: bool = False
    ) -> tuple[tuple[Tensor, Tensor, float], ClipLosses]:
        """Forward and backward through both, the loss weighted as in the report; `noisy` are the true previous frames.

        With `l1` the literal step's first term is the engine's mse and l1 together.
        """
        previous_noise = 0.2 * torch.randn_like(self.clip[:, 1:].transpose(0, 1)) if noisy else None
        mse, kl, decibels = literal_step(
            self.lab,
            self.clip,
            self.labels,
            list(self.noise),
            teacher_forcing=teacher_forcing,
            latent=latent,
            l1=l1,
            detach=detach,
            previous_noise=None if previous_noise is None else list(previous_noise),
        )
        torch.autograd.backward(mse + BETA * kl)
        losses = clip_losses(
            self.model,
            self.clip,
            self.labels,
            self.noise if latent else None,
            teacher_forcing=teacher_forcing,
            detach_previous=detach,
            previous_noise_tbchw=previous_noise,
        )
        torch.autograd.backward(losses.mse + (losses.l1 if l1 else 0) + BETA * losses.kl)
        return (mse, kl, decibels), losses

    def gradient_pairs(self) -> list[tuple[str, Tensor, Tensor]]:
        """Each parameter's name, its gradient in the engine, and in the lab's model; neither where it plays no part."""
        lab = {name: parameter.grad for name, parameter in self.lab.named_parameters()}
        lab_names = {modern: old for old, modern in MODERN_NAMES.items()}
        pairs = []
        for name, parameter in self.model.named_parameters():
            prefix, rest = name.split(".", 1)
            expected = lab.pop(f"{lab_names[prefix]}.{rest}")
            if parameter.grad is None or expected is None:
                assert parameter.grad is expected, name
            else:
                pairs.append((name, parameter.grad, expected))
        assert not lab
        return pairs

    def generator_gradient(self) -> Tensor:
        """All that the engine's generator learns, which every option alters."""
        return torch.cat([found.flatten() for name, found, _ in self.gradient_pairs() if name.startswith("generator.")])

    def assert_same_gradients(self) -> None:
        """Equal to 1e-9 of each layer's largest: a bias that feeds BatchNorm has gradient 0 but for rounding."""
        scales: dict[str, Tensor] = {}
        for name, _, expected in self.gradient_pairs():
            layer = name.rpartition(".")[0]
            scales[layer] = torch.maximum(scales.get(layer, torch.zeros(())), expected.abs().max())
        for name, found, expected in self.gradient_pairs():
            assert relative_error(found, expected, scales[name.rpartition(".")[0]]) < 1e-9, name


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
    case.assert_same_gradients()
    assert len(case.gradient_pairs()) == len(list(case.model.parameters()))
    for name, expected in modern_state(case.lab).items():
        torch.testing.assert_close(case.model.state_dict()[name], expected, rtol=1e-9, atol=1e-12, msg=name)


OPTION_SIZES = ModelSizes(8, 12, 4, 8)  # 6 channels to normalise: 2 groups of 3
MODEL_OPTIONS = {"sigmoid", "groups"}


def option_case(**options: Any) -> Case:
    return Case(OPTION_SIZES, 2, 4, 8, 16, torch.double, **options)


@pytest.mark.parametrize(
    ("options", "teacher_forcing"),
    [
        ({"sigmoid": True}, True),
        ({"sigmoid": True}, False),
        ({"groups": 2}, True),
        ({"groups": 2}, False),
        ({"latent": False}, True),
        ({"latent": False}, False),
        ({"l1": True}, True),
        ({"l1": True}, False),
        ({"detach": True}, False),
        ({"noisy": True}, True),
        ({"noisy": True, "latent": False}, True),
        ({"detach": True, "latent": False}, False),
        ({"sigmoid": True, "groups": 2, "l1": True, "noisy": True}, True),
        ({"sigmoid": True, "groups": 2, "l1": True, "detach": True}, False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "forced" if value else "free",
)
def test_with_each_option_it_equals_the_literal_step_and_not_the_default(
    options: dict[str, Any], teacher_forcing: bool
) -> None:
    case = option_case(**{name: value for name, value in options.items() if name in MODEL_OPTIONS})
    in_step = {name: value for name, value in options.items() if name not in MODEL_OPTIONS}
    (mse, kl, decibels), losses = case.run_both(teacher_forcing=teacher_forcing, **in_step)
    reconstruction = losses.mse + losses.l1 if options.get("l1") else losses.mse
    assert reconstruction.item() == pytest.approx(mse.item(), rel=1e-9)
    assert losses.kl.item() == pytest.approx(kl.item(), rel=1e-9)
    assert losses.psnr.item() == pytest.approx(decibels, rel=1e-9)
    case.assert_same_gradients()

    default = option_case()
    default.run_both(teacher_forcing=teacher_forcing)
    by_default, by_option = default.generator_gradient(), case.generator_gradient()
    assert (by_option - by_default).norm() > 1e-4 * by_default.norm(), "a hundred thousand times what is equal"


@pytest.mark.parametrize("teacher_forcing", [True, False], ids=["forced", "free"])
def test_without_the_latent_there_is_no_kl_and_the_posterior_learns_nothing(teacher_forcing: bool) -> None:
    case = option_case()
    _, losses = case.run_both(teacher_forcing=teacher_forcing, latent=False)
    assert losses.kl.item() == 0
    with_gradient = {
        name.split(".")[0] for name, parameter in case.model.named_parameters() if parameter.grad is not None
    }
    assert with_gradient == {"frame_encoder", "label_encoder", "decoder_fusion", "generator"}


@pytest.mark.parametrize(("option", "teacher_forcing"), [("detach", True), ("noisy", False)])
def test_detaching_is_of_no_account_with_forcing_nor_noise_without_it(option: str, teacher_forcing: bool) -> None:
    plain, optional = option_case(), option_case()
    _, expected = plain.run_both(teacher_forcing=teacher_forcing)
    _, found = optional.run_both(teacher_forcing=teacher_forcing, **{option: True})
    assert torch.equal(found.mse, expected.mse)
    for (name, one, _), (_, other, _) in zip(optional.gradient_pairs(), plain.gradient_pairs(), strict=True):
        assert torch.equal(one, other), name


class SpiedStep:
    """The step as the learner calls it, with what it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given: dict[str, Any] = {}
        monkeypatch.setattr(learner_module, "clip_losses", self)

    def __call__(self, *inputs: Any, **options: Any) -> ClipLosses:
        self.given = options
        return clip_losses(*inputs, **options)


@pytest.mark.parametrize("teacher_forcing", [True, False], ids=["forced", "free"])
@pytest.mark.parametrize(
    "recipe",
    [
        {"gradient_clip": 0.0},
        {"gradient_clip": 0.02, "output": "sigmoid", "normalisation": "group", "loss": "l1+mse"},
        {"gradient_clip": 1e6, "latent": False, "detach_previous": True, "previous_noise": 0.5, "loss": "l1+mse"},
    ],
    ids=["unclipped", "clipped", "no latent"],
)
def test_the_learner_hands_every_setting_to_the_step_and_clips_the_gradient_it_asks_for(
    monkeypatch: pytest.MonkeyPatch, recipe: dict[str, Any], teacher_forcing: bool
) -> None:
    settings = RunSettings.model_validate(TINY | {"label_dim": 12, "seed": 3} | recipe)
    grouped, sigmoid = settings.normalisation == "group", settings.output == "sigmoid"
    case = option_case(sigmoid=sigmoid, groups=2 if grouped else 0)
    learner, spied = Learner(settings, torch.device("cpu")), SpiedStep(monkeypatch)
    learner.model.double().load_state_dict(modern_state(case.lab))
    assert isinstance(learner.model, CVAE)
    case.model = learner.model
    values = learner.step(case.clip, case.labels, 5, forced=teacher_forcing, beta=BETA, rate=1e-3)

    previous_noise = spied.given["previous_noise_tbchw"] if teacher_forcing else None
    mse, kl, decibels = literal_step(
        case.lab,
        case.clip,
        case.labels,
        list(posterior_noise(case.clip.shape, case.noise.shape[2:], seed=3, step=5).double()),
        teacher_forcing=teacher_forcing,
        latent=settings.latent,
        l1=settings.loss == "l1+mse",
        detach=settings.detach_previous,
        previous_noise=None if previous_noise is None else list(previous_noise),
    )
    torch.autograd.backward(mse + BETA * kl)
    assert (previous_noise is not None) == (teacher_forcing and settings.previous_noise > 0)
    assert values["loss"].item() == pytest.approx((mse + BETA * kl).item(), rel=1e-9)
    assert values["kl"].item() == pytest.approx(kl.item(), rel=1e-9)
    assert values["psnr"].item() == pytest.approx(decibels, rel=1e-9)
    gradients = [parameter.grad for parameter in case.lab.parameters() if parameter.grad is not None]
    norm = math.sqrt(sum(float(gradient.square().sum()) for gradient in gradients))
    assert values["grad_norm"].item() == pytest.approx(norm, rel=1e-9)
    allowed = settings.gradient_clip or math.inf
    assert (norm > allowed) == (settings.gradient_clip == 0.02)
    for parameter in case.lab.parameters():
        if parameter.grad is not None:
            parameter.grad.mul_(min(1.0, allowed / (norm + 1e-6)))  # the 1e-6 is torch's
    case.assert_same_gradients()


def test_noise_on_previous_frames_has_another_strength_for_each_up_to_the_one_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Strengths are uniform on [0, 0.4]: the mean of 480 is 0.2, give or take five errors of 0.4 / sqrt(12 * 480)."""
    settings = RunSettings.model_validate(TINY | {"previous_noise": 0.4})
    learner, spied = Learner(settings, torch.device("cpu")), SpiedStep(monkeypatch)
    clip_btchw = torch.rand(8, 7, 3, 8, 16)
    drawn = []
    for step in range(10):
        learner.step(clip_btchw, clip_btchw, step, forced=True, beta=0.0, rate=1e-3)
        noise_tbchw = spied.given["previous_noise_tbchw"]
        assert noise_tbchw.shape == (6, 8, 3, 8, 16)
        drawn.append(noise_tbchw)
    strengths = torch.stack([noise_tbchw.std((-3, -2, -1)).flatten() for noise_tbchw in drawn])
    assert (strengths.std(1) > 0.08).all()  # 0.4 / sqrt(12) = 0.115 among the 48 of any one step
    assert strengths.mean() == pytest.approx(0.2, abs=0.03)
    assert strengths.min() < 0.02
    assert 0.36 < strengths.max() < 0.46  # of 384 values each a standard deviation is known to 4%
    learner.step(clip_btchw, clip_btchw, 9, forced=True, beta=0.0, rate=1e-3)
    assert torch.equal(spied.given["previous_noise_tbchw"], drawn[-1])


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
