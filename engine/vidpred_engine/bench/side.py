"""What both sides of the comparison are asked, and what is measured alike on both."""

import os
import resource
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from vidpred_engine.bench.measure import Timing
from vidpred_engine.device import choose_device, synchronise
from vidpred_engine.settings import RunSettings

Array = NDArray[np.float32]

KL_SHARE = 1e-3
"""Beta of the checked gradients, with which MSE and KL pull about alike: at the start they are 1.4 and 3,138 strong."""


@dataclass(frozen=True)
class Probe:
    """What a side makes of the first batch with the seed's weights and noise: losses, gradients of mse + 1e-3 kl."""

    clip_btchw: Array
    labels_btchw: Array
    mse: float
    kl: float
    psnr: float
    gradients: dict[str, Array]


class Side(ABC):
    """One of the two programs that train the same model; each method is one piece of work, done once."""

    def __init__(self, settings: RunSettings) -> None:
        self.settings, self.device = settings, choose_device(settings.device)

    @abstractmethod
    def probe(self, forced: bool) -> Probe:
        """The losses and gradients of one batch in float32, before any step."""

    @abstractmethod
    def predict(self, frames: int) -> Array:
        """A rollout (frames, 3, H, W) in [0, 1] of the validation clip in float32, z from the seed."""

    @abstractmethod
    def train_step(self, forced: bool) -> None:
        """One optimisation step on a batch."""

    @abstractmethod
    def read_clips(self, clips: int, workers: int) -> None:
        """Bring the first `clips` training clips to the device, batch by batch."""

    @abstractmethod
    def roll_out(self, frames: int, samples: int) -> None:
        """Predict `frames` frames of the validation clip, with `samples` draws of z."""

    def timed(self, repeats: int, work: str, *arguments: object) -> Timing:
        """Do a piece of work several times over, to its end on the device; the time of one."""
        synchronise(self.device)
        wall, cpu = time.perf_counter(), _cpu_seconds()
        for _ in range(repeats):
            getattr(self, work)(*arguments)
        synchronise(self.device)
        return Timing((time.perf_counter() - wall) / repeats, (_cpu_seconds() - cpu) / repeats)

    def exactly(self, work: str, *arguments: object) -> Any:
        """Do one piece of work in full float32, where CUDA's convolutions take TF32 else, and return what it makes."""
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            return getattr(self, work)(*arguments)

    def peak_bytes(self) -> int:
        """The most memory that the process has taken: of the GPU by its tensors, else of the machine."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def step_flops(self, forced: bool) -> int:
        """Floating-point operations of the convolutions of one training step; a multiplication with addition is two."""
        mapping = {torch.ops.aten.convolution_backward: _convolution_backward_flops}
        with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
            self.train_step(forced)
        return int(counter.get_total_flops())

    def step_kernels(self, forced: bool) -> int | None:
        """How many kernels one training step runs on the GPU; None on the CPU."""
        if self.device.type != "cuda":
            return None
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as recorded:
            self.train_step(forced)
            synchronise(self.device)
        on_device = (event.name for event in recorded.events() if event.device_type == DeviceType.CUDA)
        return sum(not name.startswith("Mem") for name in on_device)  # neither Memcpy nor Memset


def as_array(tensor: Tensor | None) -> Array:
    """A tensor's values, fit to travel between processes."""
    assert tensor is not None
    return tensor.detach().cpu().numpy()


def _cpu_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _convolution_backward_flops(gradient_shape: Any, x_shape: Any, weight_shape: Any, *rest: Any, **_: Any) -> int:  # noqa: ARG001
    """Each of the two gradients costs as much as the forward; torch's own formula counts depthwise ones manyfold."""
    with_input, with_weight, _ = rest[-1]
    return int(2 * prod(gradient_shape) * prod(weight_shape[1:]) * (with_input + with_weight))
