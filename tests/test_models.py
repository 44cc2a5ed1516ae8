"""The model against the lab's table of layers, its state dict and its outputs."""

from typing import Literal

import pytest
import torch
from torch import nn

from conftest import TINY as TINY_SETTINGS
from literal_lab import LiteralLab, modern_state
from vidpred_engine.errors import UserError
from vidpred_engine.models import CVAE, ModelSizes
from vidpred_engine.models.build import build_model
from vidpred_engine.settings import RunSettings

TINY = ModelSizes(8, 4, 4, 8)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("module", "parameters"),
    [
        ("frame_encoder", 193_568),
        ("label_encoder", 16_832),
        ("posterior", 8_289),
        ("decoder_fusion", 617_768),
        ("generator", 749_163),
    ],
)
def test_each_module_has_the_labs_parameter_count(module: str, parameters: int) -> None:
    assert count(CVAE(ModelSizes()).get_submodule(module)) == parameters


def test_the_model_has_the_labs_parameter_count_and_five_modules() -> None:
    model = CVAE(ModelSizes())
    assert count(model) == 1_585_620
    assert len(list(model.children())) == 5


@pytest.mark.parametrize("sizes", [TINY, ModelSizes(32, 8, 4, 32), ModelSizes()], ids=str)
def test_a_lab_state_dict_loads_strictly_once_its_five_prefixes_are_renamed(sizes: ModelSizes) -> None:
    torch.manual_seed(0)
    lab = LiteralLab(sizes.frame_dim, sizes.label_dim, sizes.latent_dim, sizes.decoder_dim)
    CVAE(sizes).load_state_dict(modern_state(lab), strict=True)


def test_key_names_are_those_of_the_labs_files() -> None:
    """Spelt out, so that a renaming in both model and oracle cannot pass."""
    keys = set(CVAE(TINY).state_dict())
    assert {
        "frame_encoder.0.conv1.weight",
        "frame_encoder.0.skip.bias",
        "frame_encoder.1.block.0.conv1.0.weight",
        "frame_encoder.1.block.0.depth_conv.weight",
        "frame_encoder.1.block.0.conv2.bias",
        "frame_encoder.1.block.1.conv.weight",
        "frame_encoder.1.block.1.conv_out.bias",
        "frame_encoder.6.weight",
        "label_encoder.1.weight",
        "label_encoder.2.running_var",
        "label_encoder.2.num_batches_tracked",
        "label_encoder.4.conv2.weight",
        "posterior.6.weight",
        "decoder_fusion.2.block.0.adaptor.weight",
        "decoder_fusion.5.bias",
        "generator.7.weight",
    } <= keys


@pytest.mark.parametrize("training", [False, True])
def test_with_the_labs_weights_every_part_computes_what_the_lab_does(training: bool) -> None:
    torch.manual_seed(0)
    lab = LiteralLab(8, 4, 4, 8).double()
    # Statistics away from 0 and 1, or eval mode would not see them.
    lab.label_transformation(torch.rand(8, 3, 8, 16, dtype=torch.double))
    model = CVAE(TINY).double()
    model.load_state_dict(modern_state(lab))
    lab.train(training)
    model.train(training)
    frames, labels, z = (torch.rand(2, channels, 8, 16, dtype=torch.double) for channels in (3, 3, 4))

    features = model.encode_frames(frames)
    label_features = model.encode_labels(labels[:, None])[:, 0]
    mu, logvar = model.infer(features, label_features)

    lab_label_features = lab.label_transformation(labels)
    lab_mu, lab_logvar = lab.gaussian(frames, lab_label_features)
    torch.testing.assert_close(features, lab.frame_transformation(frames), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(label_features, lab_label_features, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(mu, lab_mu, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(logvar, lab_logvar, rtol=1e-9, atol=1e-12)
    predicted = model.decode(features, label_features, z)
    torch.testing.assert_close(predicted, lab.predict(frames, lab_label_features, z), rtol=1e-9, atol=1e-12)


def test_labels_are_normalised_step_by_step_in_training_and_not_jointly() -> None:
    torch.manual_seed(1)
    model = CVAE(TINY)
    labels = torch.rand(3, 5, 3, 8, 16) * torch.linspace(0.2, 1, 5)[:, None, None, None]
    together = model.encode_labels(labels)
    joint = torch.unflatten(model.encode_labels(labels.flatten(0, 1)[:, None])[:, 0], 0, (3, 5))
    alone = torch.stack([model.encode_labels(labels[:, t : t + 1])[:, 0] for t in range(5)], dim=1)
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)
    assert (together - joint).abs().max() > 0.01


def test_under_autocast_the_posterior_stays_in_float32_and_the_decoder_does_not() -> None:
    torch.manual_seed(0)
    model = CVAE(TINY)
    frames, labels = torch.rand(2, 3, 8, 16), torch.rand(2, 1, 3, 8, 16)
    fused: list[torch.dtype] = []
    model.decoder_fusion.register_forward_pre_hook(lambda _, inputs: fused.append(inputs[0].dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        features = model.encode_frames(frames)
        label_features = model.encode_labels(labels)[:, 0]
        mu, logvar = model.infer(features, label_features)
        predicted = model.decode(features, label_features, mu)
    assert (mu.dtype, logvar.dtype) == (torch.float32, torch.float32)
    assert (features.dtype, predicted.dtype) == (torch.bfloat16, torch.bfloat16)
    assert fused == [torch.bfloat16]  # a float32 z must not widen all channels beside it


def test_under_autocast_the_running_statistics_keep_float32_accuracy() -> None:
    torch.manual_seed(0)
    lab = LiteralLab(32, 8, 4, 32)
    model = CVAE(ModelSizes(32, 8, 4, 32))
    model.load_state_dict(modern_state(lab))
    labels = torch.rand(2, 9, 3, 32, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model.encode_labels(labels)
        for t in range(9):
            lab.label_transformation(labels[:, t])
    found, expected = model.state_dict(), modern_state(lab)
    for name in ("label_encoder.2.running_mean", "label_encoder.2.running_var"):
        # bf16 itself is good to 4e-3.
        torch.testing.assert_close(found[name], expected[name], rtol=2e-4, atol=2e-5)


def test_settings_choose_the_end_of_the_generator_and_the_normalisation() -> None:
    lab = build_model(RunSettings.model_validate(TINY_SETTINGS))
    assert isinstance(lab, CVAE)
    assert (type(lab.generator[-1]), type(lab.label_encoder[2])) == (nn.Conv2d, nn.BatchNorm2d)
    other = build_model(RunSettings.model_validate(TINY_SETTINGS | {"output": "sigmoid", "normalisation": "group"}))
    assert isinstance(other, CVAE)
    assert (type(other.generator[-1]), type(other.label_encoder[2])) == (nn.Sigmoid, nn.GroupNorm)
    assert count(other) == count(lab)


@pytest.mark.parametrize(("label_dim", "groups"), [(32, 8), (8, 4), (12, 2), (4, 2)])
def test_group_norm_has_eight_groups_or_as_many_of_them_as_divide_the_channels(label_dim: int, groups: int) -> None:
    norm = CVAE(ModelSizes(8, label_dim, 4, 8), normalisation="group").label_encoder[2]
    assert isinstance(norm, nn.GroupNorm)
    assert (norm.num_channels, norm.num_groups) == (label_dim // 2, groups)


def test_with_group_norm_pose_features_are_the_same_in_training_and_in_use_and_know_no_other_image() -> None:
    torch.manual_seed(2)
    model = CVAE(TINY, normalisation="group").double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    labels_btchw = torch.rand(3, 4, 3, 8, 16, dtype=torch.double)
    in_training = model.encode_labels(labels_btchw)
    in_use = model.eval().encode_labels(labels_btchw)
    alone = model.encode_labels(labels_btchw[1:2, 2:3])[0, 0]
    torch.testing.assert_close(in_training, in_use, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(in_training[1, 2], alone, rtol=1e-9, atol=1e-12)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with_batch_norm = CVAE(TINY).double()
    assert not torch.allclose(
        with_batch_norm.encode_labels(labels_btchw)[1, 2], with_batch_norm.encode_labels(labels_btchw[1:2, 2:3])[0, 0]
    )


@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_only_a_sigmoid_keeps_predictions_within_0_and_1(output: Literal["linear", "sigmoid"]) -> None:
    torch.manual_seed(0)
    model = CVAE(TINY, output=output)
    inputs = [20 * torch.randn(2, channels, 8, 16) for channels in (8, 4, 4)]
    predicted_nchw = model.decode(*inputs)
    inside = bool(((predicted_nchw >= 0) & (predicted_nchw <= 1)).all())
    assert inside == (output == "sigmoid")


def test_no_z_is_a_z_of_zeros() -> None:
    torch.manual_seed(0)
    model = CVAE(TINY)
    features, label_features = torch.rand(2, 8, 8, 16), torch.rand(2, 4, 8, 16)
    expected = model.decode(features, label_features, torch.zeros(2, 4, 8, 16))
    assert torch.equal(model.decode(features, label_features, None), expected)
    assert not torch.equal(model.decode(features, label_features, torch.ones(2, 4, 8, 16)), expected)


@pytest.mark.parametrize(
    ("sizes", "sentence"),
    [
        ((12, 4, 4, 8), "Setting 'frame_dim' should be a positive multiple of 8; it is 12."),
        ((8, 3, 4, 8), "Setting 'label_dim' should be a positive multiple of 2; it is 3."),
        ((8, 4, 6, 8), "Setting 'latent_dim' should be a positive multiple of 4; it is 6."),
        ((8, 4, 4, 20), "Setting 'decoder_dim' should be a positive multiple of 8; it is 20."),
        ((0, 4, 4, 8), "Setting 'frame_dim' should be a positive multiple of 8; it is 0."),
        ((8, 4, 4, -8), "Setting 'decoder_dim' should be a positive multiple of 8; it is -8."),
        ((8, 2, 4, 8), "should add up to a multiple of 4; they add up to 14."),
    ],
)
def test_sizes_that_do_not_divide_are_refused_in_a_sentence(sizes: tuple[int, int, int, int], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        ModelSizes(*sizes)
    assert sentence in str(caught.value)
