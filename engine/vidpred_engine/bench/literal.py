"""The lab's model and the report's step and rollout, frame by frame: what the engine's rearranged ones are held to.

Written from the table of the lab's layers and the report's listing, sharing nothing with the engine. Attribute names
are the lab's, so `state_dict()` here has the shape of a lab checkpoint. It spends no more time than the lab's code
does: like there, the device is waited for once a step, not once a frame.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

MODERN_NAMES = {
    "frame_transformation": "frame_encoder",
    "label_transformation": "label_encoder",
    "Gaussian_Predictor": "posterior",
    "Decoder_Fusion": "decoder_fusion",
    "Generator": "generator",
}


class Res(nn.Module):
    """Two 3x3 convolutions and the input."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(after, after, kernel_size=3, padding=1)
        self.skip = None if before == after else nn.Conv2d(before, after, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.leaky_relu(self.conv1(x), 0.01, inplace=True)
        y = nn.functional.leaky_relu(self.conv2(y), 0.01, inplace=True)
        return y + x if self.skip is None else y + self.skip(x)


class Separable(nn.Module):
    """The lab's DepthConv."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(before, before, kernel_size=1), nn.LeakyReLU(0.01))
        self.depth_conv = nn.Conv2d(before, before, kernel_size=3, padding=1, groups=before)
        self.conv2 = nn.Conv2d(before, after, kernel_size=1)
        self.adaptor = None if before == after else nn.Conv2d(before, after, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv1(x)
        y = self.depth_conv(y)
        y = self.conv2(y)
        return y + x if self.adaptor is None else y + self.adaptor(x)


class Gated(nn.Module):
    """The lab's ConvFFN."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width * 4, kernel_size=1)
        self.conv_out = nn.Conv2d(width * 2, width, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.conv(x).chunk(2, 1)
        out: Tensor = x + self.conv_out(a * nn.functional.leaky_relu(b, 0.1))
        return out


class Depth(nn.Module):
    """The lab's DepthConvBlock."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.block = nn.Sequential(Separable(before, after), Gated(after))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block(x)
        return out


class LiteralLab(nn.Module):
    """The lab's five modules; F, L, N, D as in its flags F_dim, L_dim, N_dim and D_out_dim."""

    def __init__(self, F: int = 128, L: int = 32, N: int = 12, D: int = 192) -> None:  # noqa: N803 - the lab's letters
        super().__init__()
        fused = F + L + N
        self.frame_transformation = nn.Sequential(
            Res(3, F // 8), Depth(F // 8, F // 8),
            Res(F // 8, F // 4), Depth(F // 4, F // 4),
            Res(F // 4, F // 2), Depth(F // 2, F // 2),
            nn.Conv2d(F // 2, F, kernel_size=3, padding=1),
        )  # fmt: skip
        self.label_transformation = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(3, L // 2, kernel_size=7), nn.BatchNorm2d(L // 2),
            nn.LeakyReLU(True), Res(L // 2, L),
        )  # fmt: skip
        self.Gaussian_Predictor = nn.Sequential(
            Res(F + L, N // 4), Depth(N // 4, N // 4),
            Res(N // 4, N // 2), Depth(N // 2, N // 2),
            Res(N // 2, N), nn.LeakyReLU(True), nn.Conv2d(N, 2 * N, kernel_size=1),
        )  # fmt: skip
        self.Decoder_Fusion = nn.Sequential(
            Depth(fused, fused), Res(fused, fused // 4),
            Depth(fused // 4, fused // 2), Res(fused // 2, fused // 2),
            Depth(fused // 2, D // 2), nn.Conv2d(D // 2, D, kernel_size=1),
        )  # fmt: skip
        self.Generator = nn.Sequential(
            Depth(D, D), Res(D, D // 2), Depth(D // 2, D // 2), Res(D // 2, D // 4),
            Depth(D // 4, D // 4), Res(D // 4, D // 8), Depth(D // 8, D // 8),
            nn.Conv2d(D // 8, 3, kernel_size=1),
        )  # fmt: skip

    def predict(self, previous: Tensor, label_features: Tensor, z: Tensor) -> Tensor:
        """The next frame, from the previous one, the label's features and z."""
        features = self.frame_transformation(previous)
        out: Tensor = self.Generator(self.Decoder_Fusion(torch.cat([features, label_features, z], 1)))
        return out

    def gaussian(self, frame: Tensor, label_features: Tensor) -> tuple[Tensor, Tensor]:
        """The posterior's mu and logvar."""
        parameters = self.Gaussian_Predictor(torch.cat([self.frame_transformation(frame), label_features], 1))
        mu, logvar = parameters.chunk(2, 1)
        return mu, logvar


def modern_state(lab: nn.Module) -> dict[str, Tensor]:
    """The lab's state dict with only the five prefixes renamed."""
    return {modern_name(name): value for name, value in lab.state_dict().items()}


def modern_name(name: str) -> str:
    """The engine's name of one of the lab's parameters."""
    prefix, rest = name.split(".", 1)
    return f"{MODERN_NAMES[prefix]}.{rest}"


def literal_step(
    lab: LiteralLab, img: Tensor, label: Tensor, noise: Sequence[Tensor], *, teacher_forcing: bool
) -> tuple[Tensor, Tensor, float]:
    """The report's training_one_step up to the loss terms, with the noise given: mse, kl and the mean per-frame dB.

    Shapes: img and label (B, T, 3, H, W), noise T-1 times (B, N, H, W).
    """
    batch_size, video_len = img.shape[:2]
    mse, kl, decibels = (img.new_zeros(()) for _ in range(3))
    previous = img[:, 0]
    for i in range(1, video_len):
        label_features = lab.label_transformation(label[:, i])
        mu, logvar = lab.gaussian(img[:, i], label_features)
        z = mu + noise[i - 1] * torch.exp(0.5 * logvar)
        predicted = lab.predict(previous, label_features, z)
        kl = kl + -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / batch_size
        mse = mse + nn.functional.mse_loss(predicted, img[:, i])
        squared_error = (predicted.detach().clamp(0, 1) - img[:, i]).square().mean((1, 2, 3))
        decibels = decibels - 10 * torch.log10(squared_error).mean()
        previous = img[:, i] if teacher_forcing else predicted
    return mse / (video_len - 1), kl / (video_len - 1), decibels.item() / (video_len - 1)


@torch.no_grad()
def literal_rollout(lab: LiteralLab, first: Tensor, label: Tensor, z: Sequence[Tensor]) -> Tensor:
    """The lab's test loop, with z given: one label, one frame at a time, the raw output fed back; (B, T-1, 3, H, W)."""
    frames = []
    current = first
    for t in range(1, label.shape[1]):
        current = lab.predict(current, lab.label_transformation(label[:, t]), z[t - 1])
        frames.append(current)
    return torch.stack(frames, 1)
