"""What several commands' flags share."""

import argparse
from pathlib import Path
from typing import Any, TypeAlias

from vidpred_engine.commands.lab_flags import add_with_lab_name
from vidpred_engine.store.run_directory import RunDirectory, find_run
from vidpred_engine.typed_paths import is_no_folder, typed_path

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_command(commands: Subparsers, name: str, summary: str, details: str = "") -> argparse.ArgumentParser:
    """A command's parser, with the summary in lists and above its own help."""
    from vidpred_engine.cli import Help

    return commands.add_parser(name, help=summary, description=f"{summary}\n\n{details}".strip(), formatter_class=Help)


def add_runs_folder(parser: argparse.ArgumentParser) -> None:
    """--runs DIR."""
    from vidpred_engine.cli import runs_folder

    add_with_lab_name(
        parser,
        "--runs",
        "--save_root",
        type=_folder_or_none_yet,
        default=str(runs_folder()),  # of its type only as a string
        metavar="DIR",
        help="(lab: --save_root) folder of all runs (VIDPRED_RUNS, else ./runs)",
    )


def _folder_or_none_yet(text: str) -> Path:
    path = typed_path(text)
    if is_no_folder(path):
        raise argparse.ArgumentTypeError(f"{text} is not a folder; name the folder of the runs")
    return path


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def add_run(parser: argparse.ArgumentParser, **kwargs: Any) -> None:
    """RUN, and the folder it is looked up in."""
    parser.add_argument("run", metavar="RUN", help="a run's id, a unique part of it, its folder, or 'last'", **kwargs)
    add_runs_folder(parser)


def chosen_run(arguments: argparse.Namespace) -> RunDirectory:
    """The run that the arguments of `add_run` name; raises UserError."""
    return find_run(arguments.runs, arguments.run)
