"""How many trainings a device may do at once, and on which device of this machine a run can be trained."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from vidpred_engine.data.cache import default_cache
from vidpred_engine.errors import UserError
from vidpred_engine.gpus import Gpu, visible_gpus
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic

CPU = "cpu"
FORMAT = 1
MOST_SLOTS = 64


def slots_given(flag: int | None) -> int | None:
    """The slots of every device that --slots or else VIDPRED_SLOTS gives; None where neither does. Raises UserError."""
    where, text = ("--slots", str(flag)) if flag is not None else ("VIDPRED_SLOTS", os.environ.get("VIDPRED_SLOTS", ""))
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_SLOTS:
        raise UserError(f"{where} should be a whole number from 1 to {MOST_SLOTS}; it is {text!r:.40}.")
    return int(text)


def slots_file() -> Path:
    """Where `vidpred-engine bench --concurrent` keeps how many trainings a GPU does best at once, by its model."""
    return default_cache().parent / "slots.json"


def measured_slots() -> dict[str, int]:
    """How many trainings at once got most done, by the GPU's model; empty where nothing was measured."""
    with suppress(OSError, ValueError):
        found = codec.decode(slots_file().read_bytes())
        codec.check_format(found, FORMAT)
        slots = found.get("slots", {})
        return {name: count for name, count in slots.items() if type(count) is int and 1 <= count <= MOST_SLOTS}
    return {}


def keep_measured_slots(gpu: str, slots: int) -> None:
    """Remember how many trainings at once got most done on a GPU of this model."""
    slots_file().parent.mkdir(parents=True, exist_ok=True)
    kept = {**measured_slots(), gpu: slots}
    write_atomic(slots_file(), codec.encode({"format": FORMAT, "slots": kept}, indent=True))


class Devices:
    """The devices of this machine: its GPUs by the tokens of CUDA_VISIBLE_DEVICES, and "cpu"."""

    def __init__(self, slots: int | None, gpus: Sequence[Gpu] | None = None) -> None:
        self._gpus = list(gpus if gpus is not None else visible_gpus())
        measured = measured_slots()
        self.slots = {gpu.token: slots or measured.get(gpu.name, 1) for gpu in self._gpus} | {CPU: slots or 1}

    def fit_for(self, wanted: str) -> list[str]:
        """The devices on which a run with this setting `device` can be trained; a GPU that is not there fails there."""
        if wanted == CPU or not self._gpus:
            return [CPU]
        tokens = [gpu.token for gpu in self._gpus]
        index = wanted.partition(":")[2]
        return tokens[int(index) : int(index) + 1] or [CPU] if index else tokens

    def environment(self, wanted: str, device: str) -> Mapping[str, str]:
        """What makes a process that wants any GPU use this one."""
        if device == CPU or ":" in wanted or len(self._gpus) < 2:
            return {}
        return {"CUDA_VISIBLE_DEVICES": device, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}

    def of_process(self, wanted: str, pid: int) -> str:
        """The device that a run's process, which someone else started, trains on."""
        fit = self.fit_for(wanted)
        with suppress(psutil.Error):
            visible = psutil.Process(pid).environ().get("CUDA_VISIBLE_DEVICES", "")
            if visible in fit:
                return visible
        return fit[0]
