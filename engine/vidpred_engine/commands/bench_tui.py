"""`vidpred-engine bench tui`: how fast the terminal program is, and what it costs."""

import argparse
from typing import TYPE_CHECKING

from vidpred_engine.commands.options import Subparsers, add_command, add_json
from vidpred_engine.commands.output import print_json, print_table
from vidpred_engine.progress import Progress
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.typed_paths import typed_path

if TYPE_CHECKING:
    from vidpred_engine.bench.terminal.figure import Figure

DETAILS = """It starts vidpred-tui on a terminal of its own, presses its keys and waits for what it sends. The runs it
shows are written into a temporary folder (half a gigabyte; TMPDIR says where). It takes five minutes, --quick half of
one. Figures are medians, beside what they should be at most; the exit code is 0 also where one is above that.
Processor seconds are those of the program itself: other work on the machine lengthens the wall time and hardly
changes them."""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    summary = "Measure the terminal program from outside: how soon it draws, and what it costs."
    parser = add_command(commands, "tui", summary, DETAILS)
    parser.add_argument("--quick", action="store_true", help="few runs, short logs and one turn: a trial")
    parser.add_argument("--out", type=typed_path, metavar="FILE", help="also write all samples there, as JSON")
    add_json(parser)
    parser.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Measure, print, write."""
    from vidpred_engine.bench.machine import host
    from vidpred_engine.bench.terminal.measuring import FULL, QUICK, measure_terminal

    facts = host()
    figures = measure_terminal(QUICK if arguments.quick else FULL, Progress())
    result = {"machine": facts, "figures": [figure.as_json() for figure in figures]}
    if arguments.out:
        write_atomic(arguments.out, codec.encode(result, indent=True))
    if arguments.json:
        print_json(result)
        return 0
    print("{cpu}, {cores} cores, load {load}; Python {python}, textual {textual}".format(**facts))
    rows = [
        [
            figure.name,
            figure.terminal,
            figure.median,
            figure.unit,
            figure.target,
            _judged(figure),
            figure.median_processor_seconds,
        ]
        for figure in figures
    ]
    print_table(["medians", "terminal", "found", "unit", "at most", "", "processor [s]"], rows)
    missed = sum(figure.missed for figure in figures)
    print(f"{missed} of {sum(figure.target is not None for figure in figures)} targets are missed.")
    return 0


def _judged(figure: "Figure") -> str:
    if figure.target is None:
        return ""
    return "missed" if figure.missed else "met"
