"""`vidpred-engine runs delete` and `runs restore`."""

import argparse
import sys

from vidpred_engine.commands.options import Subparsers, add_command, add_runs_folder
from vidpred_engine.commands.output import print_text
from vidpred_engine.errors import UserError
from vidpred_engine.store.run_directory import RunDirectory, find_run
from vidpred_engine.store.trash import TRASH, delete_runs, find_deleted, restore_runs


def add(commands: Subparsers) -> None:
    """Declare the commands."""
    delete = add_command(commands, "delete", f"Move runs to RUNS/{TRASH}, from where `runs restore` brings them back.")
    delete.add_argument("run", metavar="RUN", nargs="+", help="ids, unique parts of ids, folders, or 'last'")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    add_runs_folder(delete)
    delete.set_defaults(call=_delete)

    restore = add_command(commands, "restore", f"Bring deleted runs back from RUNS/{TRASH}.")
    restore.add_argument("run", metavar="RUN", nargs="+", help="ids, or unique parts of ids")
    add_runs_folder(restore)
    restore.set_defaults(call=_restore)


def _delete(arguments: argparse.Namespace) -> int:
    found = {run.path.resolve(): run for run in (find_run(arguments.runs, wanted) for wanted in arguments.run)}
    runs = list(found.values())
    if not arguments.yes and not _agreed(runs):
        print("Nothing is deleted.")
        return 0
    delete_runs(runs)
    for run in runs:
        print_text(f"{run.run_id} lies in {run.path.parent / TRASH}; `vidpred-engine runs restore` brings it back.")
    return 0


def _agreed(runs: list[RunDirectory]) -> bool:
    if not sys.stdin.isatty():
        raise UserError("There is no terminal to ask in whether to delete; add --yes.")
    named = ", ".join(run.run_id for run in runs)
    return input(f"Delete {named}? [y/N] ").strip().lower() in ("y", "yes")


def _restore(arguments: argparse.Namespace) -> int:
    wanted = dict.fromkeys(find_deleted(arguments.runs, part) for part in arguments.run)
    for run in restore_runs(arguments.runs, list(wanted)):
        print(f"{run.run_id} is back in {arguments.runs}.")
    return 0
