"""vidpred-engine: the headless engine's command line."""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from vidpred_engine import __version__
from vidpred_engine.commands.lab_flags import LAB_FLAGS
from vidpred_engine.errors import UserError
from vidpred_engine.inert import inert
from vidpred_engine.launch.local import EXIT_USAGE

Command = Callable[[argparse.Namespace], int]

EXAMPLES = """examples:
  vidpred-engine train --preset demo            train the demo on the built-in dancer
  vidpred-engine train --data lab4 --epochs 20  train on your frames
  vidpred-engine train --preset lab --DR lab4   as the lab's trainer, whose flags work here
  vidpred-engine train --run runs/RUN           resume a run
  vidpred-engine sweep --lr '1e-3|1e-4'         queue a run for each of several values
  vidpred-engine runs compare RUN RUN           put two runs side by side
  vidpred-engine predict last                   write a GIF of truth | prediction | pose
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, where argparse would print all flags first."""

    def error(self, message: str) -> NoReturn:
        """Leave with the sentence."""
        self.exit(EXIT_USAGE, f"{self.prog}: {inert(message)} (see {self.prog} --help)\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse an unknown flag in the name of the command that it was given to."""
        known, rest = super().parse_known_args(args, namespace)
        for flag in (word.split("=")[0] for word in rest if word.startswith("--")):
            near = difflib.get_close_matches(flag, self._option_string_actions, n=1, cutoff=0.7)
            self.error(f"there is no flag {flag}" + (f"; did you mean {near[0]}?" if near else ""))
        return known, rest


def dashed(arguments: list[str]) -> list[str]:
    """Write flags as they are declared, all but the lab's with dashes: --kl_annealing means --kl-annealing."""
    names = (re.match(r"--\w[\w-]*", word) for word in arguments)
    return [
        name.group().replace("_", "-") + word[name.end() :] if name and name.group() not in LAB_FLAGS else word
        for name, word in zip(names, arguments, strict=True)
    ]


class Help(argparse.RawDescriptionHelpFormatter):
    """Keeps our line breaks and gives long flags room."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)


def runs_folder() -> Path:
    """Where runs live: VIDPRED_RUNS, else ./runs."""
    return Path(os.environ.get("VIDPRED_RUNS") or "runs")


def build_parser() -> argparse.ArgumentParser:
    """Declare all commands."""
    from vidpred_engine.commands import (
        bench,
        data,
        doctor,
        evaluate,
        import_lab,
        predict,
        preflight,
        presets,
        queue,
        reproduce,
        runs,
        score,
        sweep,
        train,
    )

    parser = Parser(
        prog="vidpred-engine",
        description="Train and compare conditional VAEs that predict video from one frame and pose images.",
        epilog=EXAMPLES,
        formatter_class=Help,
    )
    parser.add_argument("--version", action="version", version=f"vidpred {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    training = (train, preflight, sweep, queue, reproduce, presets)
    for module in (*training, evaluate, predict, score, import_lab, data, runs, doctor, bench):
        module.add(commands)
    return parser


def main() -> None:
    """Run one command; a fault in the input or of a file is one sentence and exit code 2."""
    # OpenMP threads that spin while they wait starve each other once processes share cores, and threads that sleep at
    # once take as long to wake as a small convolution takes. Clips a second on two cores, small lab model, one training
    # | two: sleeping at once 5.4 | 4.5, after 3,000 turns 9.3 | 4.3, after 10,000 10 | 3.9. Read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")
    os.umask(os.umask(0o077) | 0o002)  # what is written is as private as the user wants, and never writable by all
    try:
        arguments = build_parser().parse_args(dashed(sys.argv[1:]))
        command: Command = arguments.call
        code = command(arguments)
    except UserError as error:
        print(f"vidpred-engine: {inert(str(error))}", file=sys.stderr)
        code = EXIT_USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:
        what = f"{error.filename}: " if error.filename else ""
        print(f"vidpred-engine: {inert(f'{what}{error.strerror or error}')}.", file=sys.stderr)
        code = EXIT_USAGE
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
