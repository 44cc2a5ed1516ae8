"""Whether both sides compute the same thing: from the same files, weights and noise, before anything is timed."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from vidpred_engine.bench.side import Array, Probe


@dataclass(frozen=True)
class Difference:
    """By how much the engine's value is off, relative to the literal one, and how much rounding may explain."""

    what: str
    found: float
    allowed: float

    @property
    def too_large(self) -> bool:
        """Whether the two sides compute different things; so does NaN on either."""
        return not self.found <= self.allowed


# Of rounding in float32 there is 1e-7 in the losses and frames, and 3e-4 in the posterior's gradients at the start: the
# literal KL, 1 + logvar - mu^2 - exp(logvar), cancels where mu and logvar are near 0.
LOSS_ALLOWED = 1e-5
GRADIENT_ALLOWED = 3e-3
FRAME_ALLOWED = 1e-4


def step_differences(mode: str, literal: Probe, engine: Probe) -> list[Difference]:
    """Compare the batches, the losses and, layer by layer, the gradients."""
    batch = max(
        absolute_difference(literal.clip_btchw, engine.clip_btchw),
        absolute_difference(literal.labels_btchw, engine.labels_btchw),
    )
    losses = (
        ("mse", literal.mse, engine.mse),
        ("kl", literal.kl, engine.kl),
        ("psnr", literal.psnr, engine.psnr),
    )
    gradient, layer = largest_gradient_difference(literal.gradients, engine.gradients)
    return [
        Difference(f"{mode}: pixels of the batch", batch, 0.0),
        *(Difference(f"{mode}: {name}", abs(b - a) / abs(a), LOSS_ALLOWED) for name, a, b in losses),
        Difference(f"{mode}: gradients (most in {layer})", gradient, GRADIENT_ALLOWED),
    ]


def rollout_difference(literal: Array, engine: Array) -> Difference:
    """Compare predicted frames, in units of the data range."""
    return Difference(f"rollout: {len(literal)} frames", absolute_difference(literal, engine), FRAME_ALLOWED)


def absolute_difference(literal: Array, engine: Array) -> float:
    """The largest difference of two arrays; infinite where they are not of one shape."""
    return float(np.abs(literal - engine).max()) if literal.shape == engine.shape else float("inf")


def largest_gradient_difference(literal: dict[str, Array], engine: dict[str, Array]) -> tuple[float, str]:
    """The largest difference in units of its layer's largest gradient, and that layer's name.

    A layer is a weight with its bias: one that feeds BatchNorm has a bias whose gradient is nothing but rounding.
    """
    assert literal.keys() == engine.keys()
    layers: dict[str, list[str]] = {}
    for name in literal:
        layers.setdefault(name.rpartition(".")[0], []).append(name)
    relative = {layer: _relative_difference(literal, engine, names) for layer, names in layers.items()}
    worst = max(relative, key=lambda layer: (np.isnan(relative[layer]), relative[layer]))
    return relative[worst], worst


def _relative_difference(literal: dict[str, Array], engine: dict[str, Array], names: list[str]) -> float:
    scale = max(float(np.abs(literal[name]).max()) for name in names)
    error = float(np.max([absolute_difference(literal[name], engine[name]) for name in names]))  # keeps NaN
    return error / scale if scale else error


def refusal(differences: Iterable[Difference]) -> str:
    """The sentence with which measuring is refused; empty where both sides agree."""
    wrong = [difference for difference in differences if difference.too_large]
    if not wrong:
        return ""
    first = wrong[0]
    return (
        f"The engine's step is not the literal one: {first.what} differs by {first.found:.2g}, "
        f"where rounding allows {first.allowed:.2g}; nothing was timed."
    )
