"""The anchored U-Net: what it mixes, what it may look at, where anchors come from, and its step written out."""

import numpy as np
import pytest
import torch
from torch import Tensor

from vidpred_engine.data.augment import CropDraw, augment_clips
from vidpred_engine.data.clips import ClipSet
from vidpred_engine.data.packed import PackedSplit
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.rollout import rollout
from vidpred_engine.models.anchored import AnchoredCVAE
from vidpred_engine.models.build import build_model
from vidpred_engine.settings import RunSettings, validate_settings
from vidpred_engine.training.step import clip_losses

HEIGHT, WIDTH, LATENT = 16, 24, 4


@pytest.fixture
def model() -> AnchoredCVAE:
    """A model whose zero-initialised layers have been moved, so that every input matters."""
    torch.manual_seed(1)
    made = AnchoredCVAE(8, LATENT).double()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return made


def images(*leading: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(*leading, 3, HEIGHT, WIDTH, generator=generator, dtype=torch.double)


def test_prediction_is_the_anchor_where_the_gate_is_open_and_a_new_pixel_where_it_is_shut(model: AnchoredCVAE) -> None:
    previous, label, anchor = (images(2, seed=seed) for seed in range(3))
    head = model.expanding.head
    assert head.bias is not None
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
        head.bias[12:] = 50.0  # the last of four channels, four pixels each: the gate
    torch.testing.assert_close(model.decode(previous, label, None, anchor), anchor)
    with torch.no_grad():
        head.bias[12:] = -50.0
        head.bias[:4] = 1.5  # red
    expected = torch.zeros_like(anchor)
    expected[:, 0] = 1.5
    torch.testing.assert_close(model.decode(previous, label, None, anchor), expected.sigmoid())


@pytest.mark.parametrize("changed", ["previous", "label", "anchor", "z"])
def test_every_input_counts_and_predictions_stay_within_0_and_1(model: AnchoredCVAE, changed: str) -> None:
    z = torch.zeros(2, *model.latent_shape(HEIGHT, WIDTH), dtype=torch.double)
    inputs = {"previous": images(2, seed=0), "label": images(2, seed=1), "z": z, "anchor": images(2, seed=2)}
    before = model.decode(*inputs.values())
    assert 0 <= before.min() <= before.max() <= 1
    inputs[changed] = inputs[changed] + 0.5
    assert not torch.allclose(model.decode(*inputs.values()), before)


def test_the_posterior_starts_as_the_prior() -> None:
    mu, logvar = AnchoredCVAE(8, LATENT).infer(images(2).float(), images(2).float())
    assert mu.shape == logvar.shape == (2, LATENT, HEIGHT // 8, WIDTH // 8)
    assert not mu.any()
    assert not logvar.any()


@pytest.mark.parametrize("forced", [True, False], ids=["forced", "free"])
def test_the_step_equals_one_written_out_frame_by_frame(model: AnchoredCVAE, forced: bool) -> None:
    clip, labels, anchor = images(2, 4, seed=1), images(2, 4, seed=2), images(2, seed=3)
    noise = torch.randn(3, 2, *model.latent_shape(HEIGHT, WIDTH), dtype=torch.double)
    mse = kl = torch.zeros((), dtype=torch.double)
    previous = clip[:, 0]
    for t in range(1, 4):
        mu, logvar = model.infer(clip[:, t], labels[:, t])
        predicted = model.decode(previous, labels[:, t], mu + (logvar / 2).exp() * noise[t - 1], anchor)
        mse = mse + ((predicted - clip[:, t]) ** 2).mean() / 3
        kl = kl - 0.5 * (1 + logvar - mu**2 - logvar.exp()).sum() / 2 / 3
        previous = clip[:, t] if forced else predicted
    losses = clip_losses(model, clip, labels, noise, teacher_forcing=forced, anchor_bchw=anchor)
    assert losses.mse.item() == pytest.approx(mse.item(), rel=1e-9)
    assert losses.kl.item() == pytest.approx(kl.item(), rel=1e-9)
    weights = list(model.parameters())
    expected = torch.autograd.grad(mse + 0.3 * kl, weights)
    for found, wanted in zip(torch.autograd.grad(losses.mse + 0.3 * losses.kl, weights), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-7, atol=1e-12)


def test_a_rollout_is_anchored_to_its_first_frame_throughout(model: AnchoredCVAE) -> None:
    first, labels = images(1, seed=4), images(1, 5, seed=5)
    shape = model.latent_shape(HEIGHT, WIDTH)
    z = [torch.full((1, *shape), float(t), dtype=torch.double) for t in range(5)]
    frame, expected = first, []
    for t in range(1, 5):
        frame = model.decode(frame, labels[:, t], z[t], first)
        expected.append(frame)
    found = rollout(model.eval(), first, labels, lambda t: z[t])
    torch.testing.assert_close(found, torch.stack(expected, dim=1))


def test_anchors_are_frames_of_the_clips_own_video_drawn_anew_each_step() -> None:
    lengths = (7, 12)
    numbers = torch.arange(19, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 2, 2).contiguous()
    packed = PackedSplit(numbers, numbers, ("a", "b"), lengths, lengths, "digest")
    clips = ClipSet(packed, 3, 15 / 19, torch.device("cpu"))  # frames 15 and on are left out

    def drawn(step: int) -> list[int]:
        anchors_bchw = clips.anchors(range(len(clips)), seed=0, epoch=0, step=step)
        return (anchors_bchw[:, 0, 0, 0] * 255).round().int().tolist()

    seen = np.array([drawn(step) for step in range(200)])
    assert drawn(3) == drawn(3)
    assert set(seen[:, :2].ravel()) == set(range(7)), "two clips in the first video"
    assert set(seen[:, 2:].ravel()) == set(range(7, 13)), "two in the second, whose last frames belong to no clip"


def test_an_anchor_is_cropped_and_mirrored_as_its_clip_is() -> None:
    clip, labels = images(1, 3, seed=6), images(1, 2, seed=7)
    draws = [CropDraw(2, 4, 8, 12, mirrored=True)]
    alone, _ = augment_clips(clip[:, :1], labels, draws)
    together, augmented_labels = augment_clips(clip, labels, draws)
    torch.testing.assert_close(together[:, :1], alone)
    assert augmented_labels.shape == labels.shape


def test_frames_that_do_not_halve_three_times_are_refused() -> None:
    with pytest.raises(UserError, match=r"'model' should be lab, as the unet takes .* multiples of 8, not 20x64"):
        validate_settings({"model": "unet", "frame_height": 20})
    assert validate_settings({"frame_height": 20}).model == "lab"


def test_it_costs_a_small_part_of_the_labs_network() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    def flops(settings: RunSettings) -> int:
        made = build_model(settings).eval()
        frame = torch.rand(1, 3, 32, 64)
        with FlopCounterMode(display=False) as counter, torch.inference_mode():
            features = made.encode_frames(frame)
            labels = made.encode_labels(frame[:, None])[:, 0]
            made.decode(features, labels, torch.zeros(1, *made.latent_shape(32, 64)), features)
        return int(counter.get_total_flops())

    assert flops(RunSettings(model="unet")) < flops(RunSettings()) / 20
