"""The NVIDIA GPUs of this machine, without torch: asking NVML takes milliseconds and no memory of theirs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Gpu:
    """A GPU that programs started here may use; `token` names it in CUDA_VISIBLE_DEVICES. Memory in bytes."""

    token: str
    name: str
    memory_free: int
    memory_total: int


def visible_gpus() -> list[Gpu]:
    """The GPUs in the order of their CUDA indices; none where there is no driver or CUDA_VISIBLE_DEVICES hides all."""
    found = []
    with _nvml() as nvml:
        if nvml is not None:
            for token in _tokens(nvml):
                with suppress(nvml.NVMLError):
                    found.append(_described(nvml, token))
    return found


def _tokens(nvml: Any) -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return [str(index) for index in range(nvml.nvmlDeviceGetCount())]
    return [token.strip() for token in visible.split(",") if token.strip() not in ("", "-1")]


def _described(nvml: Any, token: str) -> Gpu:
    by_index = token.isdigit()
    handle = nvml.nvmlDeviceGetHandleByIndex(int(token)) if by_index else nvml.nvmlDeviceGetHandleByUUID(token)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(token, str(nvml.nvmlDeviceGetName(handle)), int(memory.free), int(memory.total))


@contextmanager
def _nvml() -> Iterator[Any]:
    """NVML while it is open; None where there is none."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no package, no driver, or one that is half installed: there is no GPU to use
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()
