"""`vidpred-engine runs` and its commands; here is the one that shows one run."""

import argparse
from dataclasses import asdict

from vidpred_engine.commands import annotate, compare_runs, control, list_runs, trash
from vidpred_engine.commands.minus_words import MinusWordParser
from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_run, chosen_run
from vidpred_engine.commands.output import print_json, print_table, print_text
from vidpred_engine.errors import UserError
from vidpred_engine.settings_toml import to_toml
from vidpred_engine.store.damage import run_damage
from vidpred_engine.store.evaluations import compared_figures, quoted_with_gap
from vidpred_engine.store.registry import read_entry


def add(commands: Subparsers) -> None:
    """Declare `runs` and its commands."""
    parser = add_command(commands, "runs", "List, show, compare, annotate and delete runs.")
    words: type[argparse.ArgumentParser] = MinusWordParser
    inner = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=words)
    list_runs.add(inner)

    show = add_command(inner, "show", "One run: state, settings, figures.")
    add_run(show)
    add_json(show)
    show.set_defaults(call=_show)

    compare_runs.add(inner)
    control.add(inner)
    annotate.add(inner)
    trash.add(inner)


def _show(arguments: argparse.Namespace) -> int:
    run = chosen_run(arguments)
    entry, (evaluation, gap) = read_entry(run), quoted_with_gap(run)
    figures = compared_figures(evaluation, gap)
    damage = [item.fault for item in run_damage(run)]
    try:
        settings = run.settings()
    except UserError:  # said among the damage
        settings = None
    if arguments.json:
        measured = asdict(evaluation) if evaluation else None
        documents = {"evaluation": measured, "figures": figures, "damage": damage}
        print_json({**asdict(entry), "settings": settings.model_dump() if settings else None, **documents})
        return 0
    state = f"{entry.state} ({entry.cause})" if entry.cause else entry.state
    said = {"name": entry.name, "tags": " ".join(entry.tags), "note": entry.note, "star": "★" if entry.starred else ""}
    rows = [
        *((name, text) for name, text in said.items() if text),
        ("state", state),
        ("epoch", f"{entry.epoch}/{entry.epochs}"),
        ("step", entry.step),
    ]
    print_table(["run", entry.run_id], [*rows, *entry.summary.items(), *figures.items()])
    for fault in damage:
        print_text(f"damaged: {fault}")
    if settings is not None:
        print_text(to_toml(settings))
    return 0
