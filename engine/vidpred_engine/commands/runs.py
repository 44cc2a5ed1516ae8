"""`vidpred-engine runs`: list runs, show one, compare several."""

import argparse
import time
from dataclasses import asdict

from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_run, add_runs_folder, chosen_run
from vidpred_engine.commands.output import print_json, print_table
from vidpred_engine.settings import to_toml
from vidpred_engine.store.comparison import choose_runs, compare_runs
from vidpred_engine.store.evaluations import main_evaluation
from vidpred_engine.store.registry import Registry, RunEntry, read_entry


def add(commands: Subparsers) -> None:
    """Declare `runs` and its three commands."""
    parser = add_command(commands, "runs", "List, show and compare runs.")
    inner = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    listing = add_command(inner, "list", "All runs, newest first, with state, PSNR and baselines.")
    add_runs_folder(listing)
    add_json(listing)
    listing.set_defaults(call=_list)

    show = add_command(inner, "show", "One run: state, settings, figures.")
    add_run(show)
    add_json(show)
    show.set_defaults(call=_show)

    compare = add_command(
        inner, "compare", "Two or more runs side by side: the settings that differ, then figures and baselines."
    )
    compare.add_argument("run", metavar="RUN", nargs="+", help="ids, unique parts of ids, folders, or 'last'")
    add_runs_folder(compare)
    add_json(compare)
    compare.set_defaults(call=_compare)


def _list(arguments: argparse.Namespace) -> int:
    entries = Registry(arguments.runs).entries()
    if arguments.json:
        print_json([asdict(entry) for entry in entries])
    elif not entries:
        print(f"No run in {arguments.runs} yet; `vidpred-engine train --preset demo` makes one.")
    else:
        columns = ["run", "state", "epoch", "loss", "PSNR", "repeat first", "mean frame", "started"]
        print_table(columns, [_row(entry) for entry in entries], title="PSNR in dB, z from the prior")
    return 0


def _row(entry: RunEntry) -> list[object]:
    figures = [entry.summary.get(name) for name in ("loss", "best_psnr", "repeat_first", "mean_frame")]
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.created))
    return [entry.run_id, entry.state, f"{entry.epoch}/{entry.epochs}", *figures, started]


def _show(arguments: argparse.Namespace) -> int:
    run = chosen_run(arguments)
    entry, evaluation = read_entry(run), main_evaluation(run)
    settings = run.settings()
    if arguments.json:
        measured = asdict(evaluation) if evaluation else None
        print_json({**asdict(entry), "settings": settings.model_dump(), "evaluation": measured})
        return 0
    state = f"{entry.state} ({entry.cause})" if entry.cause else entry.state
    rows = [("state", state), ("epoch", f"{entry.epoch}/{entry.epochs}"), ("step", entry.step)]
    print_table(["run", entry.run_id], [*rows, *entry.summary.items()])
    print(to_toml(settings))
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    comparison = compare_runs(choose_runs(arguments.runs, arguments.run))
    if arguments.json:
        print_json(asdict(comparison))
        return 0
    names = comparison.run_ids
    print_table(["setting", *names], [[name, *values] for name, values in comparison.settings.items()])
    print_table(["figure", *names], [[name, *values] for name, values in comparison.figures.items()])
    return 0
