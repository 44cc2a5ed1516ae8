"""Running means that stay on the device until they are asked for."""

import math
from typing import Any

import torch
from torch import Tensor


class Tally:
    """Sums named 0-d tensors step by step; `means` costs the one synchronisation with the device."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, **values: Tensor) -> None:
        """Add one step's values; they are detached, the host does not wait."""
        for name, value in values.items():
            detached = value.detach().double()
            self._sums[name] = self._sums[name] + detached if name in self._sums else detached
        self.count += 1

    def means(self) -> dict[str, float]:
        """The mean of each value since the last `clear`; empty where nothing was added."""
        if not self.count:
            return {}
        stacked = torch.stack(list(self._sums.values())).cpu() / self.count
        return dict(zip(self._sums, stacked.tolist(), strict=True))

    def clear(self) -> None:
        """Begin anew."""
        self._sums, self.count = {}, 0

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, so that means over an interrupted interval come out the same."""
        return {"sums": {name: value.cpu() for name, value in self._sums.items()}, "count": self.count}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Take up a saved state."""
        self._sums = {name: value.to(device) for name, value in state["sums"].items()}
        self.count = state["count"]


def non_finite(means: dict[str, float]) -> list[str]:
    """The names of the values that are NaN or infinite."""
    return [name for name, value in means.items() if not math.isfinite(value)]
