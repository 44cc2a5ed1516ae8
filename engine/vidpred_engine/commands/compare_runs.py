"""`vidpred-engine runs compare`: runs side by side, printed or written to a file, as the Compare screen shows them."""

import argparse

from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_runs_folder
from vidpred_engine.commands.output import print_json, print_table, print_text
from vidpred_engine.comparison.compare import Comparison, compare
from vidpred_engine.comparison.documents import comparison_values
from vidpred_engine.comparison.files import ENDINGS, check_file, write_comparison
from vidpred_engine.comparison.runs import read_run
from vidpred_engine.comparison.table import Row
from vidpred_engine.comparison.view import SCORES, TERMS, View
from vidpred_engine.errors import UserError
from vidpred_engine.store.comparison import choose_runs
from vidpred_engine.store.run_directory import find_run
from vidpred_engine.typed_paths import typed_path

DETAILS = """In brackets stands the difference to the reference, = where there is none.
'below ... from frame N' names the first frame below a baseline behind which no mean over 10 frames reaches it again.
"""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "compare",
        "Two or more runs side by side: the settings that differ, then figures and baselines.",
        DETAILS,
    )
    parser.add_argument("run", metavar="RUN", nargs="+", help="ids, unique parts of ids, folders, or 'last'")
    parser.add_argument("--reference", metavar="RUN", help="hold the others against this run (default: the first)")
    parser.add_argument(
        "--group-seeds", action="store_true", help="one column for runs that differ in name and seed alone: their mean"
    )
    parser.add_argument("--metric", choices=SCORES, default="psnr", help="what is compared frame by frame")
    parser.add_argument("--difference", action="store_true", help="frame by frame, the difference to the reference")
    parser.add_argument("--term", choices=TERMS, default="loss", help="the term of the training loss in files")
    parser.add_argument(
        "--out",
        type=typed_path,
        metavar="FILE",
        help=f"write tables and curves to a new file instead: {', '.join(ENDINGS)}",
    )
    add_runs_folder(parser)
    add_json(parser)
    parser.set_defaults(call=_compare)


def _compare(arguments: argparse.Namespace) -> int:
    if arguments.out:
        check_file(arguments.out)
    runs = choose_runs(arguments.runs, arguments.run)
    reference = find_run(arguments.runs, arguments.reference).run_id if arguments.reference else ""
    if reference and reference not in [run.run_id for run in runs]:
        raise UserError(f"The reference {arguments.reference} is none of the compared runs; name it among them.")
    view = View(reference, arguments.group_seeds, arguments.metric, arguments.difference, arguments.term)
    is_whole = bool(arguments.out) or arguments.json
    comparison = compare([read_run(run, with_courses=is_whole) for run in runs], view)
    if arguments.out:
        write_comparison(arguments.out, comparison)
        print_text(f"Wrote {arguments.out}.")
    elif arguments.json:
        print_json(comparison_values(comparison))
    else:
        _print(comparison)
    return 0


def _print(comparison: Comparison) -> None:
    labels = [column.label for column in comparison.columns]
    labels[comparison.reference] += " (reference)"
    for head, rows in (("setting", comparison.settings), ("figure", comparison.figures)):
        print_table([head, *labels], _written(rows), written=labels)
    print_text(comparison.provenance)


def _written(rows: list[Row]) -> list[list[str]]:
    return [[row.label, *(cell.text for cell in row.cells)] for row in rows]
