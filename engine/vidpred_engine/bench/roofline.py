"""What the device can do at best: a matrix product and a convolution of the model's own kind."""

import time
from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from vidpred_engine.device import synchronise

REPEATS = 5


@torch.inference_mode()
def peak_tflops(device: torch.device, precision: str) -> dict[str, float]:
    """The best of several matrix products and 3x3 convolutions of the decoder's width, in TFLOP/s."""
    large = device.type == "cuda"
    side = 8192 if large else 1536
    images = 256 if large else 8
    left, right = (torch.randn(side, side, device=device) for _ in range(2))
    convolution = nn.Conv2d(192, 192, 3, padding=1, device=device).to(memory_format=torch.channels_last)
    images_nchw = torch.randn(images, 192, 32, 64, device=device).to(memory_format=torch.channels_last)
    autocast = torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else nullcontext()
    with autocast:
        product = min(_seconds(lambda: left @ right, device) for _ in range(REPEATS))
        convolved = min(_seconds(lambda: convolution(images_nchw), device) for _ in range(REPEATS))
    convolution_flops = 2 * images_nchw.numel() * 192 * 9
    return {"matrix product": 2e-12 * side**3 / product, "3x3 convolution": 1e-12 * convolution_flops / convolved}


def _seconds(work: Callable[[], Tensor], device: torch.device) -> float:
    synchronise(device)
    began = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - began
