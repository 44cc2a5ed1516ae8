"""`vidpred-engine bench quality`: how good presets become in the same time on the same data."""

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_runs_folder
from vidpred_engine.commands.output import print_json, print_table
from vidpred_engine.commands.setting_flags import add_setting_flags, given_flags, given_settings
from vidpred_engine.commands.train import stop_on_signals
from vidpred_engine.errors import UserError
from vidpred_engine.launch.local import EXIT_RESUMABLE
from vidpred_engine.presets import preset_values
from vidpred_engine.progress import Progress
from vidpred_engine.settings_layers import resolve_settings
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.typed_paths import typed_path

if TYPE_CHECKING:
    from vidpred_engine.bench.quality import QualityPoint

DETAILS = """Each preset trains a run of its own, kept in the runs folder, for the given seconds; only training counts.
On the way it is judged by rollouts of all validation clips, and of the test clips where test/test_truth exists, z from
the prior, both baselines beside it. Presets whose schedules move by the step are planned to end with the time."""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    summary = "Train presets for the same time on the same data and show PSNR against seconds."
    parser = add_command(commands, "quality", summary, DETAILS)
    parser.usage = "%(prog)s [--presets NAME ...] [--seconds S] [--data DATA] [--SETTING VALUE ...]"
    effort = parser.add_argument_group("what is measured")
    effort.add_argument(
        "--presets", nargs="+", default=["best", "lab"], metavar="NAME", help="what to train [default best lab]"
    )
    effort.add_argument("--seconds", type=float, default=900.0, metavar="S", help="time for each [default 900]")
    effort.add_argument("--out", type=typed_path, metavar="FILE", help="also write all figures there, as JSON")
    add_json(parser)
    add_runs_folder(parser)
    add_setting_flags(parser)
    parser.set_defaults(call=call)


def _scores(point: "QualityPoint") -> tuple[float, ...]:
    return point.psnr, point.repeat_first, point.mean_frame, point.early, point.late


def call(arguments: argparse.Namespace) -> int:
    """Train, judge, print, write; the exit code is 75 where it was interrupted."""
    if not arguments.seconds > 0:
        raise UserError(f"--seconds should be above 0; it is {arguments.seconds:g}.")
    given, typed = given_settings(arguments), given_flags(arguments)
    presets = {
        name: resolve_settings({"name": f"quality-{name}", **given}, preset=preset_values(name), typed=typed)
        for name in arguments.presets
    }
    from vidpred_engine.bench.machine import machine
    from vidpred_engine.bench.quality import time_to_quality

    stop, facts = stop_on_signals(), machine(next(iter(presets.values())).device)
    points = time_to_quality(presets, arguments.runs, arguments.seconds, Progress(), stop.is_set)
    result = {"machine": facts, "seconds": arguments.seconds, "points": [asdict(point) for point in points]}
    if arguments.out:
        write_atomic(arguments.out, codec.encode(result, indent=True))
    if arguments.json:
        print_json(result)
    else:
        print("{cpu}, {cores} cores; torch {torch}, {threads} threads; device {device}".format(**facts))
        columns = ["preset", "seconds", "step", "clip", "PSNR", "repeat first", "mean frame", "first 50", "last 50"]
        rows = [
            [point.preset, round(point.seconds), point.step, f"{point.split} {point.clip}", *_scores(point)]
            for point in points
        ]
        print_table(columns, rows, title="Mean PSNR a frame in dB, z from the prior")
    return EXIT_RESUMABLE if stop.is_set() else 0
