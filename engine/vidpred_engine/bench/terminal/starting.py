"""From the start of the process to the first sight of the runs."""

from pathlib import Path

from vidpred_engine.bench.terminal.figure import Figure
from vidpred_engine.bench.terminal.program import Size, TerminalProgram

START_SECONDS = 0.9
"""The target for the start over so many runs as a person has."""


def starts(runs: Path, name: str, count: int, size: Size, times: int, target: float | None) -> Figure:
    """Start the program over `count` runs, the newest of which is called `name`, until it shows that one's row."""
    walls, processor = [], []
    for _ in range(times):
        with TerminalProgram(runs, size) as program:
            (shown,) = program.until(name)
            walls.append(shown - program.began)
            processor.append(program.processor_seconds())
    return Figure(f"start until {count:,} runs are listed", str(size), "s", walls, target, processor)
