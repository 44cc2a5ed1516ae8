"""vidpred-engine: the headless engine's command line."""

import argparse
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from vidpred_engine import __version__
from vidpred_engine.errors import UserError
from vidpred_engine.launch.local import EXIT_USAGE

Command = Callable[[argparse.Namespace], int]

EXAMPLES = """examples:
  vidpred-engine train --preset demo            train the demo on the built-in dancer
  vidpred-engine train --data lab4 --epochs 20  train on your frames
  vidpred-engine train --run runs/RUN           resume a run
  vidpred-engine runs compare RUN RUN           put two runs side by side
  vidpred-engine predict last                   write a GIF of truth | prediction | pose
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, where argparse would print all flags first; flags may be typed with _."""

    def error(self, message: str) -> NoReturn:
        """Leave with the sentence."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message} (see {self.prog} --help)\n")


def dashed(arguments: list[str]) -> list[str]:
    """Write flags with dashes, as they are declared: --kl_annealing means --kl-annealing."""
    names = (re.match(r"--\w[\w-]*", word) for word in arguments)
    return [
        name.group().replace("_", "-") + word[name.end() :] if name else word
        for name, word in zip(names, arguments, strict=True)
    ]


class Help(argparse.RawDescriptionHelpFormatter):
    """Keeps our line breaks and gives long flags room."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)


def runs_folder() -> Path:
    """Where runs live: VIDPRED_RUNS, else ./runs."""
    return Path(os.environ.get("VIDPRED_RUNS", "runs"))


def build_parser() -> argparse.ArgumentParser:
    """Declare all commands."""
    from vidpred_engine.commands import data, evaluate, import_lab, predict, runs, score, train

    parser = Parser(
        prog="vidpred-engine",
        description="Train and compare conditional VAEs that predict video from one frame and pose images.",
        epilog=EXAMPLES,
        formatter_class=Help,
    )
    parser.add_argument("--version", action="version", version=f"vidpred {__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    for module in (train, evaluate, predict, score, import_lab, data, runs):
        module.add(commands)
    return parser


def main() -> None:
    """Run one command; a fault in the input is one sentence and exit code 2."""
    # OpenMP threads that spin while they wait starve each other once processes share cores: measured on two cores,
    # a step of 0.4 s takes 21 s beside one other training, and 2 s with threads that sleep. Read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        arguments = build_parser().parse_args(dashed(sys.argv[1:]))
        command: Command = arguments.call
        code = command(arguments)
    except UserError as error:
        print(f"vidpred-engine: {error}", file=sys.stderr)
        code = EXIT_USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
