"""Validation: samples in one batch, the posterior's KL, both splits, and a run whose latent is off."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from vidpred_engine.data.packed import PackedSplit
from vidpred_engine.data.source import RunData
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation import validation as module
from vidpred_engine.evaluation.divergence import FRAMES_AT_ONCE
from vidpred_engine.evaluation.psnr import psnr_per_frame
from vidpred_engine.evaluation.rollout import ZMode
from vidpred_engine.evaluation.run_model import RunModel
from vidpred_engine.evaluation.test_split import predict_test
from vidpred_engine.evaluation.validation import Validation, mean_figures
from vidpred_engine.models import CVAE, ModelSizes
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.evaluations import Evaluation

CPU = torch.device("cpu")
HEIGHT, WIDTH = 12, 16


def packed(lengths: Sequence[int], known: Sequence[int] | None = None, seed: int = 0) -> PackedSplit:
    """Clips of noise; `known` counts the true frames of each, all where not given."""
    generator = torch.Generator().manual_seed(seed)
    frame_lengths = tuple(known or lengths)

    def noise(count: int) -> Tensor:
        return torch.randint(0, 256, (count, 3, HEIGHT, WIDTH), generator=generator, dtype=torch.uint8)

    names = tuple(f"clip {number}" for number in range(len(lengths)))
    return PackedSplit(noise(sum(frame_lengths)), noise(sum(lengths)), names, tuple(lengths), frame_lengths, "digest")


def validation(lengths: Sequence[int] = (6, 4), **settings: Any) -> Validation:
    sizes = {"frame_dim": 8, "label_dim": 4, "latent_dim": 4, "decoder_dim": 8, "seed": 3}
    return Validation(
        RunData(packed([5], seed=1), packed(lengths)), RunSettings.model_validate({**sizes, **settings}), CPU
    )


@pytest.fixture(scope="module")
def model() -> CVAE:
    """A model whose predictions spread like the frames and differ by z: its last layer is set to give 0.5 +- 0.3."""
    torch.manual_seed(0)
    built = CVAE(ModelSizes(8, 4, 4, 8)).eval()
    last = built.generator[-1]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    with torch.no_grad():
        features = built.encode_frames(torch.rand(8, 3, HEIGHT, WIDTH))
        labels = built.encode_labels(torch.rand(8, 1, 3, HEIGHT, WIDTH))[:, 0]
        before = built.decode(features, labels, torch.randn(8, 4, HEIGHT, WIDTH))
        last.weight.mul_(0.3 / before.std())
        last.bias.sub_(before.mean()).mul_(0.3 / before.std()).add_(0.5)
    return built


def silent(done: int, total: int) -> None:
    """Show no progress."""


def evaluate(judge: Validation, model: CVAE, z_mode: ZMode = "prior", samples: int = 1) -> list[Evaluation]:
    return judge.evaluate(model, step=9, weights="last", z_mode=z_mode, samples=samples)


@pytest.mark.parametrize("z_mode", ["prior", "posterior"])
def test_samples_in_one_batch_equal_as_many_single_rollouts(model: CVAE, z_mode: ZMode) -> None:
    judge = validation()
    together = judge.predict(model, 1, z_mode, samples=range(3))
    assert together.shape == (3, 3, 3, HEIGHT, WIDTH)
    for sample in range(3):
        alone = judge.predict(model, 1, z_mode, samples=[sample])
        torch.testing.assert_close(together[[sample]], alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(judge.predict(model, 1, z_mode), together[:1], rtol=1e-4, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 0.01, "the samples must differ for this to tell"


def test_labels_are_encoded_once_for_all_samples(model: CVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[torch.Size] = []
    encode_labels = model.encode_labels

    def count(labels_btchw: Tensor) -> Tensor:
        encoded.append(labels_btchw.shape)
        return encode_labels(labels_btchw)

    monkeypatch.setattr(model, "encode_labels", count)
    validation().predict(model, 0, "prior", samples=range(5))
    assert encoded == [(1, 5, 3, HEIGHT, WIDTH)]


@pytest.mark.parametrize("at_once", [16, 2])
def test_mean_best_and_band_of_samples(model: CVAE, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(module, "SAMPLES_AT_ONCE", at_once)
    judge = validation()
    truth = packed((6, 4)).frames_nchw[:6] / 255
    psnr = np.stack(
        [psnr_per_frame(judge.predict(model, 0, "prior", samples=[k])[0], truth[1:]).numpy() for k in range(5)]
    )
    best = max(range(5), key=lambda sample: float(psnr[sample].mean()))
    assert not np.array_equal(psnr[best], psnr.max(0)), "best of the clip and best of each frame must be unlike"
    found = evaluate(judge, model, samples=5)[0]
    assert found.samples == 5
    for curve, expected in (
        (found.psnr, psnr.mean(0)),
        (found.sample_psnr, psnr.mean(1)),
        (found.psnr_best, psnr[best]),
        (found.psnr_low, np.quantile(psnr, 0.025, axis=0)),
        (found.psnr_high, np.quantile(psnr, 0.975, axis=0)),
    ):
        np.testing.assert_allclose(curve, expected, rtol=0, atol=1e-3)


def test_one_sample_of_several_is_the_single_rollout(model: CVAE) -> None:
    judge = validation()
    single, several = evaluate(judge, model)[0], evaluate(judge, model, samples=2)[0]
    assert several.sample_psnr[0] == pytest.approx(single.means()["psnr"], abs=1e-3)
    assert single.sample_psnr == single.psnr_best == single.psnr_low == single.psnr_high == []
    assert several.repeat_first == single.repeat_first
    assert (len(single.ssim), len(single.ssim_repeat_first), len(single.ssim_mean_frame)) == (5, 5, 5)


def test_progress_counts_the_frames_of_all_clips_and_samples(model: CVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLES_AT_ONCE", 2)
    seen: list[tuple[int, int]] = []
    validation().evaluate(
        model, step=1, weights="last", samples=3, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(done, 24) for done in [2, 4, 6, 8, 10, 11, 12, 13, 14, 15, 17, 19, 21, 22, 23, 24]]


def test_kl_agrees_with_torch_distributions_frame_by_frame(model: CVAE) -> None:
    length = FRAMES_AT_ONCE + 4  # more than one chunk
    judge = validation([length, 3])
    clips = packed([length, 3])
    found = judge.divergences(model, silent)
    assert [len(curve) for curve in found] == [length - 1, 2]
    for curve, sequence in zip(found, clips.sequences(), strict=True):
        for t, nats in enumerate(curve, start=1):
            with torch.no_grad():
                label = model.encode_labels(sequence.labels_tchw[None, t : t + 1] / 255)[:, 0]
                mu, logvar = model.infer(model.encode_frames(sequence.frames_tchw[t : t + 1] / 255), label)
            posterior = Normal(mu.double(), (logvar.double() / 2).exp())
            expected = kl_divergence(posterior, Normal(0.0, 1.0)).sum().item()
            assert nats == pytest.approx(expected, rel=1e-5)
            assert nats > 1


def test_validation_with_z_from_the_prior_infers_no_posterior(model: CVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "infer", lambda *_: pytest.fail("the posterior costs a frame encoder a frame"))
    assert evaluate(validation(), model)[0].kl == []


def test_without_a_latent_z_is_zero_and_the_record_says_so(model: CVAE) -> None:
    with_latent, without = validation(), validation(latent=False)
    zero = with_latent.predict(model, 0, "zero")
    assert torch.equal(without.predict(model, 0, "prior"), zero)
    assert not torch.equal(with_latent.predict(model, 0, "prior"), zero)
    for z_mode in ("prior", "zero"):
        assert [item.z_mode for item in evaluate(without, model, z_mode)] == ["off", "off"]
    assert without.divergences(model, silent) == [[], []]
    assert without.strips(model, 0, silent)[1].equal(zero[0])


@pytest.mark.parametrize(
    ("latent", "z_mode", "samples", "sentence"),
    [
        (False, "posterior", 1, "setting 'latent' is off, so there is no z of mode 'posterior'"),
        (False, "posterior-mean", 1, "setting 'latent' is off, so there is no z of mode 'posterior-mean'"),
        (False, "prior", 4, "one rollout without a latent, so it takes 1 sample, not 4"),
        (True, "zero", 4, "one rollout with z mode 'zero', so it takes 1 sample, not 4"),
        (True, "posterior-mean", 2, "one rollout with z mode 'posterior-mean', so it takes 1 sample, not 2"),
    ],
)
def test_a_z_that_the_run_lacks_or_that_does_not_vary_is_refused(
    model: CVAE, latent: bool, z_mode: ZMode, samples: int, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        evaluate(validation(latent=latent), model, z_mode, samples)


def test_provenance_is_that_of_the_rollout(model: CVAE) -> None:
    found = evaluate(validation(), model, "posterior", 2)[1]
    assert (found.split, found.clip, found.z_mode, found.samples, found.seed) == ("val", 1, "posterior", 2, 3)
    assert (found.checkpoint, found.step, found.weights, found.data_digest) == ("best", 9, "last", "digest")


def test_quoted_means_are_over_all_clips(model: CVAE) -> None:
    evaluations = evaluate(validation(), model)
    expected = np.mean([np.mean(item.psnr) for item in evaluations])
    assert mean_figures(evaluations)["psnr"] == pytest.approx(expected)


def test_test_clips_with_true_frames_keep_their_numbers_and_the_noise_of_the_submission(model: CVAE) -> None:
    test = packed([4, 5, 5], known=[1, 5, 5], seed=2)
    settings = RunSettings(frame_dim=8, label_dim=4, latent_dim=4, decoder_dim=8, seed=3)
    judge = Validation(RunData(packed([5], seed=1), test), settings, CPU, split="test")
    assert [(item.split, item.clip) for item in evaluate(judge, model)] == [("test", 1), ("test", 2)]
    submitted = predict_test(RunModel(model, settings, 9, "last"), test, CPU, silent)
    torch.testing.assert_close(judge.predict(model, 1, "prior")[0], submitted[2][1:], rtol=1e-4, atol=1e-5)


def test_a_split_without_true_frames_cannot_be_scored() -> None:
    test = packed([4, 4], known=[1, 1])
    with pytest.raises(UserError, match=r"No clip of the test split has true frames .* test/test_truth"):
        Validation(RunData(packed([5]), test), RunSettings(), CPU, split="test")
