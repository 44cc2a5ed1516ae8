"""Running means that stay on the device until they are asked for."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Reading:
    """What a tally holds: the mean of each value over the steps in which it is finite, NaN where it never was.

    `not_finite` names the values that were NaN or infinite in some step, `skipped` counts the steps with any of them.
    """

    means: dict[str, float]
    not_finite: tuple[str, ...]
    skipped: int


class Tally:
    """Sums named 0-d tensors step by step; `read` costs the one synchronisation with the device."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self.count = 0

    def add(self, **values: Tensor) -> Tensor:
        """Add one step's values, detached; the host does not wait. Returns whether all are finite, on the device."""
        stacked = torch.stack([value.detach().double() for value in values.values()])
        finite = stacked.isfinite()
        whole = finite.all()
        if not self._names:
            self._names = tuple(values)
            self._sums, self._faults = torch.zeros_like(stacked), torch.zeros_like(stacked)
            self._skipped = stacked.new_zeros(())
        self._sums = self._sums + stacked.where(finite, 0.0)
        self._faults = self._faults + ~finite
        self._skipped = self._skipped + ~whole
        self.count += 1
        return whole

    def read(self) -> Reading:
        """What was added since the last `clear`."""
        if not self.count:
            return Reading({}, (), 0)
        *numbers, skipped = torch.cat((self._sums, self._faults, self._skipped[None])).tolist()
        means, not_finite = {}, []
        for name, total, faults in zip(self._names, numbers, numbers[len(self._names) :], strict=False):
            means[name] = total / (self.count - faults) if faults < self.count else math.nan
            if faults:
                not_finite.append(name)
        return Reading(means, tuple(not_finite), int(skipped))

    def clear(self) -> None:
        """Begin anew."""
        self._names, self.count = (), 0

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps, so that means over an interrupted interval come out the same."""
        if not self.count:
            return {"sums": {}, "count": 0}
        sums, faults = (dict(zip(self._names, part.cpu(), strict=True)) for part in (self._sums, self._faults))
        return {"sums": sums, "count": self.count, "faults": faults, "skipped": self._skipped.cpu()}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Take up a saved state; checkpoints of before steps were skipped tell of none."""
        self._names, self.count = tuple(state["sums"]), state["count"]
        if self.count:
            self._sums = torch.stack([*state["sums"].values()]).to(device)
            faults = state.get("faults", {})
            self._faults = torch.stack([faults.get(name, torch.zeros_like(self._sums[0])) for name in self._names]).to(
                device
            )
            self._skipped = torch.as_tensor(state.get("skipped", 0.0), dtype=self._sums.dtype).to(device)


def guilty_terms(not_finite: Iterable[str]) -> list[str]:
    """Which terms of the loss to blame for what is not finite; the gradient only where the loss itself is finite."""
    found = list(not_finite)
    by_itself = [name for name in found if name in ("mse", "kl")]
    return by_itself or ["loss" if "loss" in found else "gradient"]
