"""How busy the device is on which a run trains, asked now and then by the very process that trains."""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil
import torch

SECONDS_BETWEEN_READINGS = 5.0  # at 0.2 ms a reading on a CPU, and 150 bytes of log: 2.6 MB a day
GIB = 2**30


class DeviceLoad:
    """Reads the process's share of the processor and its memory, and utilisation, memory and power of its GPU."""

    def __init__(self, device: torch.device) -> None:
        self._process = psutil.Process()
        self._gpu = _gpu(device) if device.type == "cuda" else None
        self._due = time.monotonic() + SECONDS_BETWEEN_READINGS
        self._process.cpu_percent()  # the first call begins the span that the next one tells of

    def due(self) -> dict[str, float]:
        """A reading as `device` records hold it; empty where the last one was a moment ago."""
        if time.monotonic() < self._due:
            return {}
        self._due = time.monotonic() + SECONDS_BETWEEN_READINGS
        return self.read()

    def read(self) -> dict[str, float]:
        """Percent of one core since the last reading, GiB; of a GPU percent, GiB and W, as far as it tells."""
        found: dict[str, float] = {}
        with suppress(psutil.Error):
            found["cpu_percent"] = self._process.cpu_percent()
            found["memory_gib"] = self._process.memory_info().rss / GIB
        return found if self._gpu is None else {**found, **_gpu_reading(self._gpu)}


def _gpu(device: torch.device) -> Any:
    """NVML's handle of a CUDA device, found by the device's UUID as CUDA may number devices otherwise; else None."""
    import pynvml

    with suppress(pynvml.NVMLError, AttributeError, UnicodeError):
        pynvml.nvmlInit()
        uuid = torch.cuda.get_device_properties(device).uuid
        return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
    return None


def _gpu_reading(gpu: Any) -> dict[str, float]:
    import pynvml

    asked: dict[str, Callable[[], float]] = {
        "gpu_percent": lambda: float(pynvml.nvmlDeviceGetUtilizationRates(gpu).gpu),
        "gpu_memory_gib": lambda: pynvml.nvmlDeviceGetMemoryInfo(gpu).used / GIB,
        "gpu_watts": lambda: pynvml.nvmlDeviceGetPowerUsage(gpu) / 1000,
    }
    found = {}
    for name, ask in asked.items():
        with suppress(pynvml.NVMLError):  # a part of a shared card tells neither utilisation nor power
            found[name] = ask()
    return found
