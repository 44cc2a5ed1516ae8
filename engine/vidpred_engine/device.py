"""Choosing the device a run computes on."""

import torch

from vidpred_engine.errors import UserError


def choose_device(wanted: str) -> torch.device:
    """The device for the setting `device`: auto is CUDA where there is one, else the CPU; raises UserError."""
    available = torch.cuda.is_available()
    if wanted == "auto":
        return torch.device("cuda" if available else "cpu")
    device = torch.device(wanted)
    if device.type == "cuda" and not available:
        raise UserError(f"Setting 'device' is {wanted}, but torch sees no CUDA device here; use --device auto or cpu.")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"Setting 'device' is {wanted}, but there are {torch.cuda.device_count()} CUDA devices.")
    return device


def device_name(device: torch.device) -> str:
    """The device as records name it, with the model of a GPU: "cpu", "cuda:0 NVIDIA H100 80GB HBM3"."""
    return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all that it was given; a CPU always has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
