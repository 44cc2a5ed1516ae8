"""How soon the Live screen shows what a run logs, and what showing it costs."""

import random
import time
from itertools import cycle
from pathlib import Path

from vidpred_engine.bench.terminal.fabricated import append_steps, one_run, step_record
from vidpred_engine.bench.terminal.figure import Figure
from vidpred_engine.bench.terminal.program import Size, TerminalProgram
from vidpred_engine.store.metric_log import MetricWriter
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import this_process
from vidpred_engine.store.status_keeper import StatusKeeper

LATENCY_SECONDS = 0.3
PROCESSOR_PERCENT = 10.0
KIBIBYTES_PER_SECOND = 25.0
RECORDS_PER_SECOND = 5
LOGGED_BEFORE = 2000
STEPS = 9140
# Looking at files happens five times a second: measurements begin at any moment between two looks.
LOOK_SECONDS = 0.2
QUIET_SECONDS = 1.0
# No character of one is at the same place in the other, so that a title that changes is sent whole.
LOSSES = (1.234, 5.678)
SPEEDS = (1357.0, 2468.0)


def live_run(runs: Path) -> RunDirectory:
    """A run that this very process is at work on, as far as anybody can see."""
    run = one_run(runs, "live", "running", step=LOGGED_BEFORE, steps=STEPS, epoch=4, epochs=20, **this_process())
    append_steps(run, 0, LOGGED_BEFORE)
    return run


def follows(run: RunDirectory, size: Size, times: int) -> list[Figure]:
    """Append records to a run whose Live screen is open, until its header and its loss chart show them."""
    delays: dict[str, list[float]] = {"header": [], "loss chart": []}
    phases = random.Random(0)
    with TerminalProgram(run.path.parent, size) as program, MetricWriter(run.metrics_file) as log:
        _open(program, run)
        for step, loss, speed in zip(range(times), cycle(LOSSES), cycle(SPEEDS), strict=False):
            program.until_quiet(QUIET_SECONDS)
            program.read_for(phases.uniform(0, LOOK_SECONDS))
            record = step_record(LOGGED_BEFORE + step, loss=loss, clips_per_s=speed)
            began = time.perf_counter()
            log.append(record)
            for delay, shown in zip(delays.values(), program.until(f"{speed:.0f}", f"{loss:.4g}"), strict=True):
                delay.append(shown - began)
    return [
        Figure(f"record written until the {where} shows it", str(size), "s", delay, LATENCY_SECONDS)
        for where, delay in delays.items()
    ]


def costs(run: RunDirectory, size: Size, times: int, seconds: float) -> list[Figure]:
    """Let a run log for `times` times `seconds` while its Live screen is open, and then for as long nothing."""
    what = f"Live screen, {RECORDS_PER_SECOND} records/s: "
    shares, rates = [], []
    with TerminalProgram(run.path.parent, size) as program:
        _open(program, run)
        for turn in range(times):
            used, began = program.processor_seconds(), time.perf_counter()
            sent = _log_for(seconds, run, program, turn)
            took = time.perf_counter() - began
            shares.append(100 * (program.processor_seconds() - used) / took)
            rates.append(sent / 1024 / took)
        program.until_quiet(QUIET_SECONDS)
        idle = [program.read_for(seconds) / 1024 / seconds for _ in range(times)]
    return [
        Figure(what + "processor", str(size), "% of a core", shares, PROCESSOR_PERCENT),
        Figure(what + "output", str(size), "KiB/s", rates, KIBIBYTES_PER_SECOND),
        Figure("Live screen, nothing changes: output", str(size), "KiB/s", idle, 0.0),
    ]


def _log_for(seconds: float, run: RunDirectory, program: TerminalProgram, turn: int) -> int:
    """Log at an even rate, with the status that goes with it; how many bytes the program sent meanwhile."""
    records = round(seconds * RECORDS_PER_SECOND)
    first, began, sent = LOGGED_BEFORE + turn * records, time.perf_counter(), 0
    with MetricWriter(run.metrics_file) as log, StatusKeeper(run.status_file, "running", steps=STEPS) as keeper:
        for step in range(first, first + records):
            log.append(step_record(step))
            keeper.update(step=step, eta_seconds=(STEPS - step) / RECORDS_PER_SECOND)
            due = began + (step + 1 - first) / RECORDS_PER_SECOND
            sent += program.read_for(due - time.perf_counter())
    return sent


def _open(program: TerminalProgram, run: RunDirectory) -> None:
    """Open the Live screen of the only run, and wait until it is drawn."""
    program.until(run.run_id)
    program.until_quiet(QUIET_SECONDS)
    program.press("\r")
    program.until("loss ", "PSNR", "beta ")
    program.until_quiet(QUIET_SECONDS)
