"""Where a measurement was taken."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any


def host() -> dict[str, Any]:
    """The machine's processor and cores, how many programs want one of them, and what the terminal program runs on."""
    load, *_ = os.getloadavg()
    return {**_processor(), "load": round(load, 1), "python": platform.python_version(), "textual": version("textual")}


def machine(device: str) -> dict[str, Any]:
    """The machine's processor, cores and torch, and the device for the setting `device`."""
    import torch

    from vidpred_engine.device import choose_device, device_name

    return {
        **_processor(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "device": device_name(choose_device(device)),
    }


def machine_line(facts: dict[str, Any]) -> str:
    """The same in one line."""
    return "{cpu}, {cores} cores; torch {torch}, {threads} threads; device {device}".format(**facts)


def _processor() -> dict[str, Any]:
    return {"cpu": _cpu_model(), "cores": len(os.sched_getaffinity(0))}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
