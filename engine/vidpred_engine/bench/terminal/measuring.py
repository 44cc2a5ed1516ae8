"""All that is measured of the terminal program, one after the other."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from vidpred_engine.bench.terminal.fabricated import fabricate_runs
from vidpred_engine.bench.terminal.figure import Figure
from vidpred_engine.bench.terminal.following import costs, follows, live_run
from vidpred_engine.bench.terminal.opening import long_run, opens
from vidpred_engine.bench.terminal.program import Size
from vidpred_engine.bench.terminal.registry import registry_figures
from vidpred_engine.bench.terminal.starting import START_SECONDS, starts
from vidpred_engine.progress import Progress

SMALL, LARGE = Size(80, 24), Size(160, 48)


@dataclass(frozen=True)
class Effort:
    """How much is made and how often it is measured."""

    runs: int
    many_runs: int
    records: int
    times: int
    latencies: int
    seconds: float


FULL = Effort(runs=1_000, many_runs=10_000, records=1_000_000, times=5, latencies=25, seconds=10.0)
QUICK = Effort(runs=20, many_runs=60, records=30_000, times=1, latencies=2, seconds=1.0)


def measure_terminal(effort: Effort, progress: Progress) -> list[Figure]:
    """Write runs into a temporary folder and measure the program over them."""
    with tempfile.TemporaryDirectory(prefix="vidpred-bench-") as folder:
        return [
            *_measure_lists(Path(folder), effort, progress),
            *_measure_live(Path(folder), effort, progress),
            *_measure_opening(Path(folder), effort, progress),
        ]


def _measure_lists(folder: Path, effort: Effort, progress: Progress) -> list[Figure]:
    figures: list[Figure] = []
    for count, target in ((effort.runs, START_SECONDS), (effort.many_runs, None)):
        runs = folder / f"runs-{count}"
        newest = fabricate_runs(runs, count, progress)
        progress.say(f"starting over {count:,} runs ...")
        figures.append(starts(runs, newest.settings().name, count, LARGE, effort.times, target))
    return [*figures, *registry_figures(runs, newest, count, effort.times)]


def _measure_live(folder: Path, effort: Effort, progress: Progress) -> list[Figure]:
    progress.say("timing the way from a record to the terminal ...")
    figures = follows(live_run(folder / "followed"), LARGE, effort.latencies)
    for size in (SMALL, LARGE):
        progress.say(f"watching the Live screen at {size} ...")
        figures += costs(live_run(folder / f"live-{size}"), size, effort.times, effort.seconds)
    return figures


def _measure_opening(folder: Path, effort: Effort, progress: Progress) -> list[Figure]:
    progress.say(f"writing and opening a run of {effort.records:,} records ...")
    run = long_run(folder / "long", effort.records)
    return opens(run, effort.records, LARGE, effort.times)
