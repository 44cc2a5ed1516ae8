"""How much several trainings that share the device get done together."""

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from threading import BrokenBarrierError
from time import perf_counter

import torch

from vidpred_engine.bench.engine_side import EngineSide
from vidpred_engine.bench.own_process import leave_with_parent
from vidpred_engine.data.source import open_run_data
from vidpred_engine.device import choose_device, synchronise
from vidpred_engine.launch.slots import keep_measured_slots
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings

RISE = 1.02
"""By less than this a further process gains nothing that could be told from noise."""

_begin_together: Barrier


@dataclass(frozen=True)
class Sharing:
    """What `processes` trainings side by side get done in a second, all together."""

    processes: int
    clips_per_s: float


def share_device(settings: RunSettings, most: int, seconds: float, progress: Progress) -> list[Sharing]:
    """Let 1, 2, ..., `most` processes train side by side for some seconds; ends early where memory runs out."""
    open_run_data(settings, progress)
    found: list[Sharing] = []
    for processes in range(1, most + 1):
        progress.say(f"timing: {processes} at once ...")
        rates = _side_by_side(settings, processes, seconds)
        if rates is None:
            progress.say(f"{processes} processes do not fit into the memory.")
            break
        found.append(Sharing(processes, sum(rates)))
    return found


def stops_rising_at(shared: list[Sharing]) -> int | None:
    """The number of processes to which a further one adds nothing; None where all that were measured still gained."""
    for fewer, more in pairwise(shared):
        if more.clips_per_s < RISE * fewer.clips_per_s:
            return fewer.processes
    return None


def keep_slots(settings: RunSettings, shared: list[Sharing]) -> int | None:
    """Let the queue train as many at once on GPUs of this model as got most done; returns how many, None on a CPU."""
    device = choose_device(settings.device)
    if device.type != "cuda" or not shared:
        return None
    slots = stops_rising_at(shared) or max(shared, key=lambda one: one.clips_per_s).processes
    keep_measured_slots(torch.cuda.get_device_name(device), slots)
    return slots


def _side_by_side(settings: RunSettings, processes: int, seconds: float) -> list[float] | None:
    """Clips a second of each process; None where one had no memory left."""
    context = get_context("spawn")
    barrier = context.Barrier(processes)
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_share, initargs=(barrier,)) as pool:
        # Each waits at the barrier for all others, so that none can be given a second share.
        trainings = [pool.submit(_train, settings, seconds) for _ in range(processes)]
        errors = [error for training in trainings if (error := training.exception())]
        if any(isinstance(error, torch.OutOfMemoryError | BrokenProcessPool) for error in errors):
            return None
        for error in errors:
            if not isinstance(error, BrokenBarrierError):
                raise error
        return [training.result() for training in trainings]


def _share(barrier: Barrier) -> None:
    global _begin_together
    leave_with_parent()
    _begin_together = barrier


def _train(settings: RunSettings, seconds: float) -> float:
    """Train from the moment at which all are ready until the seconds are over; clips a second."""
    forced = settings.teacher_forcing > 0
    try:
        engine = EngineSide(settings)
        engine.train_step(forced)
        synchronise(engine.device)
    except BaseException:
        _begin_together.abort()
        raise
    _begin_together.wait()
    began, steps = perf_counter(), 0
    while perf_counter() - began < seconds:
        engine.train_step(forced)
        synchronise(engine.device)
        steps += 1
    return steps * settings.batch_size / (perf_counter() - began)
