"""Listing and changing a large registry, in this process."""

from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

from vidpred_engine.bench.terminal.figure import Figure
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory

REGISTRY_SECONDS = 0.5


def registry_figures(runs: Path, run: RunDirectory, count: int, times: int) -> list[Figure]:
    """List all runs as a program that has just started does, and index one of them anew."""
    return [
        _timed(f"list a registry of {count:,} runs", times, lambda: Registry(runs).entries()),
        _timed(f"change one of a registry of {count:,} runs", times, lambda: Registry(runs).index(run)),
    ]


def _timed(name: str, times: int, work: Callable[[], object]) -> Figure:
    walls, processor = [], []
    for _ in range(times):
        began, used = perf_counter(), process_time()
        work()
        walls.append(perf_counter() - began)
        processor.append(process_time() - used)
    return Figure(name, "", "s", walls, REGISTRY_SECONDS, processor)
