"""`vidpred-engine runs list`: the runs that a filter means, in the order of a column."""

import argparse
import difflib
import time
from dataclasses import asdict
from pathlib import Path

from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_runs_folder
from vidpred_engine.commands.output import print_json, print_table, print_text
from vidpred_engine.errors import UserError
from vidpred_engine.store.damage import small_file_damage
from vidpred_engine.store.registry import Registry, RunEntry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.run_fields import named_fields, run_fields, sorted_by
from vidpred_engine.store.run_filter import parse_filter

DETAILS = """A filter is one or more terms, all of which must hold (quote them: the shell reads < and > itself):
  word               in the id, the name, the tags or the note
  state:running      state, name, id, tag, note, star, cause, and every setting: optimizer:adamw latent:off
  'lr<1e-3'          every number: settings, epoch, step, loss, mse, kl, psnr, best_psnr, repeat_first, mean_frame,
                     baseline (the better of the two); = != < <= > >=
  'age<2d'           age and eta, with a unit: s, m, h, d or w
  -tag:kl  !tag:kl   turns a term around
  state:failed|lost  either value; "two words" in double quotes are one value
"""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "list", "Runs with state, PSNR and baselines, the newest first, or those a filter means.", DETAILS
    )
    parser.add_argument("filter", metavar="FILTER", nargs="*", help="terms that must all hold, see above")
    parser.add_argument(
        "--sort", metavar="COLUMN", help="any name of the filter language: the best figures, the least settings first"
    )
    add_runs_folder(parser)
    add_json(parser)
    parser.set_defaults(call=_list)


def _list(arguments: argparse.Namespace) -> int:
    now = time.time()
    matches = parse_filter(" ".join(arguments.filter))
    known = Registry(arguments.runs).entries()
    entries = [entry for entry in known if matches(entry, now)]
    if arguments.sort:
        entries = _sorted(entries, arguments.sort, now)
    damage = {entry.run_id: _faults(arguments.runs / entry.run_id) for entry in entries}
    if arguments.json:
        print_json([{**asdict(entry), "damage": damage[entry.run_id]} for entry in entries])
    elif not known:
        print_text(f"No run in {arguments.runs} yet; `vidpred-engine train --preset demo` makes one.")
    elif not entries:
        print_text(f"None of the {len(known)} runs in {arguments.runs} is meant by this filter.")
    else:
        figures = ["loss", "best PSNR", "repeat first", "mean frame"]
        columns = ["run", "name", "state", "epoch", *figures, "tags", "started"]
        print_table(
            columns, [_row(entry) for entry in entries], title="PSNR in dB, z from the prior (0 without a latent)"
        )
        damaged = {run_id: faults for run_id, faults in damage.items() if faults}
        for run_id, faults in damaged.items():
            print_text(f"{run_id}: {'; '.join(faults)}.")
        if damaged:
            print_text("`vidpred-engine doctor` says more of damaged files and mends them.")
    return 0


def _faults(run: Path) -> list[str]:
    return [item.fault for item in small_file_damage(RunDirectory(run))]


def _sorted(entries: list[RunEntry], column: str, now: float) -> list[RunEntry]:
    fields = named_fields(column)
    if not fields:
        near = difflib.get_close_matches(column.lower(), [field.name for field in run_fields()], n=1)
        hint = f"did you mean '{near[0]}'?" if near else "`vidpred-engine runs list --help` names all."
        raise UserError(f"There is no '{column}' to sort by; {hint}")
    return sorted_by(entries, fields[0], now, descending=fields[0].descends)


def _row(entry: RunEntry) -> list[object]:
    figures = [entry.summary.get(name) for name in ("loss", "best_psnr", "repeat_first", "mean_frame")]
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.created))
    tags = " ".join(["★"] * entry.starred + list(entry.tags))
    return [entry.run_id, entry.name, entry.state, f"{entry.epoch}/{entry.epochs}", *figures, tags, started]
