"""A training step as one CUDA graph: its thousands of kernels start at once, where else the host starts each of them.

Launching is what a step of this model spends its time on: modelled for an H200, the 10,900 kernels of a free-running
step take 102 ms to launch and 26 ms to run.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

Inputs: TypeAlias = tuple[Tensor | None, ...]
Values: TypeAlias = dict[str, Tensor]
Step: TypeAlias = Callable[[Inputs, bool], Values]
Recorded: TypeAlias = Callable[[Inputs], Values]
Record: TypeAlias = Callable[[Callable[[Inputs], Values], Inputs], Recorded]

WARM_UP = 3
"""Steps done as they are before one is recorded: libraries choose their algorithms and workspaces in them."""
VALUES_DIFFER, MOVES_ALIKE = 0.005, 0.9
"""What rounding allows between a step and its graph: of a value its share, of how all moves the cosine."""


class GraphedStep:
    """Calls `step(inputs, forced)`; after a few calls each way of forcing is recorded, and replayed from then on.

    `state` gives all tensors that a step changes in place, in groups that move on different scales; `inputs` are
    tensors of the same shapes at every call, and nothing else may change from call to call. Before a recording is
    trusted, its first replay is held to the step itself. Where recording fails, or the two disagree, `say` is told once
    and every step is done as it is.
    """

    def __init__(
        self,
        step: Step,
        state: Callable[[], Sequence[Sequence[Tensor]]],
        say: Callable[[str], None],
        record: Record | None = None,
    ) -> None:
        self._step, self._state, self._say = step, state, say
        self._record = record or record_graph
        self._calls = {True: 0, False: 0}
        self._recorded: dict[bool, Recorded] = {}
        self._is_off = False

    def __call__(self, inputs: Inputs, forced: bool) -> Values:
        """One step; what it returns is overwritten by the next."""
        if forced in self._recorded:
            return self._recorded[forced](inputs)
        self._calls[forced] += 1
        if self._is_off or self._calls[forced] <= WARM_UP:
            return self._step(inputs, forced)
        return self._record_one(inputs, forced)

    def forget(self) -> None:
        """Record anew: the tensors that a step changes have been replaced by others."""
        self._recorded.clear()
        self._calls = {True: 0, False: 0}

    def _record_one(self, inputs: Inputs, forced: bool) -> Values:
        try:
            recorded = self._record(lambda given: self._step(given, forced), inputs)
        except RuntimeError as error:  # all that CUDA and torch say of what a graph cannot hold
            self._switch_off(str(error).partition("\n")[0])
            return self._step(inputs, forced)
        groups = self._state()
        before = [_copies(group) for group in groups]
        found = {name: value.clone() for name, value in recorded(inputs).items()}
        moved = [_copies(group) for group in groups]
        for group, former in zip(groups, before, strict=True):
            _put_back(group, former)
        values = self._step(inputs, forced)
        if _agree(found, values) and all(map(_move_alike, moved, groups, before)):
            self._recorded[forced] = recorded
        else:
            self._switch_off("it does not compute the same")
        return values

    def _switch_off(self, why: str) -> None:
        self._is_off = True
        self._recorded.clear()
        self._say(f"The step is not run as a CUDA graph, but kernel by kernel, which is slower: {why}")


def record_graph(step: Callable[[Inputs], Values], inputs: Inputs) -> Recorded:
    """Record a step as a CUDA graph that reads inputs from, and leaves values in, memory of its own."""
    held = tuple(None if given is None else given.clone() for given in inputs)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        values = step(held)

    def replay(inputs: Inputs) -> Values:
        for holder, given in zip(held, inputs, strict=True):
            if holder is not None and given is not None:
                holder.copy_(given, non_blocking=True)
        graph.replay()
        return values

    return replay


def _copies(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach().clone() for tensor in tensors]


@torch.no_grad()
def _put_back(tensors: Sequence[Tensor], before: Sequence[Tensor]) -> None:
    for tensor, former in zip(tensors, before, strict=True):
        tensor.copy_(former)


def _agree(found: Values, expected: Values) -> bool:
    pairs = [(found[name].double(), value.double()) for name, value in expected.items()]
    return all(bool(torch.isclose(one, other, rtol=VALUES_DIFFER, equal_nan=True)) for one, other in pairs)


@torch.no_grad()
def _move_alike(found: Sequence[Tensor], expected: Sequence[Tensor], before: Sequence[Tensor]) -> bool:
    """Whether two steps from the same state move it in about the same direction."""
    one, other = (
        torch.cat([(tensor - former).double().flatten() for tensor, former in zip(tensors, before, strict=True)])
        for tensors in (found, expected)
    )
    if not (one.any() or other.any()):
        return True
    return bool(torch.cosine_similarity(one, other, dim=0) > MOVES_ALIKE)
