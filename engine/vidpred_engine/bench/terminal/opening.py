"""From Enter on a run with a long history to its charts."""

from pathlib import Path

from vidpred_engine.bench.terminal.fabricated import SUMMARY, one_run, step_record, validation_record, write_long_log
from vidpred_engine.bench.terminal.figure import Figure
from vidpred_engine.bench.terminal.program import Size, TerminalProgram
from vidpred_engine.store.metric_log import MetricWriter
from vidpred_engine.store.run_directory import RunDirectory

OPENING_SECONDS = 1.5
QUIET_SECONDS = 1.0
# What the run logs last, and how the titles of the eight charts say so.
LAST = {
    "loss": 0.1357,
    "mse": 0.2468,
    "kl": 3.579,
    "beta": 0.6543,
    "teacher_forcing": 0.4321,
    "lr": 0.00125,
    "grad_norm": 4.321,
}
LAST_PSNR = 27.5
TITLES = (
    "loss 0.1357",
    "PSNR 27.5",
    "beta 0.6543",
    "TFR 0.4321",
    "learning rate 0.00125",
    "MSE 0.2468",
    "KL 3.579",
    "gradient norm 4.321",
)


def long_run(runs: Path, records: int) -> RunDirectory:
    """A finished run of so many records; in a third of its steps, and nowhere else, KL is not a number."""
    run = one_run(runs, "long", "finished", epoch=20, epochs=20, step=records, summary=SUMMARY)
    fault, last = faulty_step(records), records - 2
    write_long_log(run.metrics_file, 0, fault)
    with MetricWriter(run.metrics_file) as log:
        log.append(step_record(fault, kl=float("nan")))
    write_long_log(run.metrics_file, fault + 1, last)
    with MetricWriter(run.metrics_file) as log:
        log.append(validation_record(last, LAST_PSNR))
        log.append(step_record(last, **LAST))
    return run


def faulty_step(records: int) -> int:
    """The step at which KL is not a number."""
    return records // 3


def opens(run: RunDirectory, records: int, size: Size, times: int) -> list[Figure]:
    """Press Enter on the only run, until all eight charts are drawn and until the one fault in the log is marked."""
    drawn, complete, processor = [], [], []
    for _ in range(times):
        with TerminalProgram(run.path.parent, size) as program:
            program.until(run.run_id)
            program.until_quiet(QUIET_SECONDS)
            used, began = program.processor_seconds(), program.press("\r")
            *titles, fault = program.until(*TITLES, f"NaN at step {faulty_step(records)}")
            drawn.append(max(titles) - began)
            complete.append(max(*titles, fault) - began)
            processor.append(program.processor_seconds() - used)
    what = f"run of {records:,} records opened until "
    return [
        Figure(what + "its charts are drawn", str(size), "s", drawn, OPENING_SECONDS),
        Figure(what + "every record is in them", str(size), "s", complete, None, processor),
    ]
