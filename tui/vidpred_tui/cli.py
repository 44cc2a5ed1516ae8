"""vidpred-tui: the terminal screens over a folder of runs."""

import argparse
import gc
import os
import re
import sys
from collections.abc import Iterator

from vidpred_engine.typed_paths import is_no_folder, typed_path
from vidpred_tui.terminal import has_hung_up, unusable_reason


def main() -> None:
    """Open the screens; leaves with the app's return code, or with 2 where there is nothing to show or to draw on."""
    arguments = _parser().parse_args(list(_words(sys.argv[1:])))
    os.umask(os.umask(0o077) | 0o002)  # what is written is as private as the user wants, and never writable by all
    if is_no_folder(arguments.runs):
        sentence = f"{arguments.runs} is not a folder; name the folder of the runs with --runs or VIDPRED_RUNS."
        print(f"vidpred-tui: {sentence}", file=sys.stderr)
        sys.exit(2)
    if arguments.once is not None:
        sys.exit(_once(arguments))
    reason = unusable_reason()
    if reason is not None:
        print(reason, file=sys.stderr)
        sys.exit(2)
    try:
        compared = _compared(arguments)
    except ValueError as error:
        print(f"vidpred-tui: {error}", file=sys.stderr)
        sys.exit(2)
    for size in ("COLUMNS", "LINES"):  # what a parent with a line editor exports is its own size, and never grows
        os.environ.pop(size, None)
    if arguments.color:
        os.environ["TEXTUAL_COLOR_SYSTEM"] = {"16": "standard"}.get(arguments.color, arguments.color)

    # Textual is slow to import and reads its environment while it is: --help and refusals come first. Looking for
    # garbage meanwhile takes a tenth of the time and finds none.
    gc.disable()
    from vidpred_tui.crash import Program, crash_sentences
    from vidpred_tui.shell import HUNG_UP

    gc.freeze()
    gc.enable()

    app = Program(arguments.runs.absolute(), compared=compared)
    try:
        app.run()
    finally:  # a terminal that has gone can make anything fail, also before the signal that tells of it is heard
        if app.return_code == HUNG_UP or has_hung_up():
            os._exit(HUNG_UP)  # Python would leave with 120, as it cannot flush what nobody reads any more
    if app.fault:
        print(crash_sentences(app.fault), file=sys.stderr)
        sys.exit(1)
    if app.live_runs:
        runs = "1 run keeps" if app.live_runs == 1 else f"{app.live_runs} runs keep"
        print(f"{runs} training; open vidpred-tui again to watch.")
    sys.exit(app.return_code or 0)


def _words(typed: list[str]) -> Iterator[str]:
    """The words of the command line; -word behind --once as !word, the same in a filter, where argparse sees a flag.

    The engine's parser does so too, but takes 0.3 s to import.
    """
    in_filter = False
    for word in typed:
        if word.startswith("--"):
            in_filter = word == "--once"
        yield f"!{word[1:]}" if in_filter and re.match(r"-(?!-|h$).", word) else word


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vidpred-tui", description="Edit settings, start training, watch it and compare runs, in a terminal."
    )
    parser.add_argument(
        "--runs",
        type=typed_path,
        default=os.environ.get("VIDPRED_RUNS") or "runs",
        metavar="DIR",
        help="folder of the runs (default: VIDPRED_RUNS, else ./runs)",
    )
    parser.add_argument(
        "--compare", nargs="+", default=[], metavar="RUN", help="compare these runs: ids or unique parts of ids"
    )
    parser.add_argument(
        "--once",
        nargs="*",
        metavar="FILTER",
        help="print the runs that a filter means, a line each with tabs between values, and leave; needs no terminal",
    )
    parser.add_argument(
        "--color", choices=("truecolor", "256", "16"), help="colours of the terminal, where they are guessed wrong"
    )
    parser.add_argument("--version", action="version", version=f"vidpred {_version()}")
    return parser


def _once(arguments: argparse.Namespace) -> int:
    from vidpred_engine.errors import UserError
    from vidpred_tui.once import print_once

    try:
        print_once(arguments.runs.absolute(), arguments.once)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (UserError, OSError) as error:
        print(f"vidpred-tui: {error}", file=sys.stderr)
        return 2
    return 0


def _compared(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The ids of the runs to open Compare on; raises ValueError with a sentence where one cannot be meant."""
    if not arguments.compare:
        return ()
    from vidpred_engine.errors import UserError
    from vidpred_engine.store.comparison import choose_runs

    folder = arguments.runs.resolve()
    chosen = choose_runs(folder, arguments.compare)
    for run in chosen:
        if run.path.parent != folder:
            raise UserError(f"Run {run.run_id} is not in {folder}; name the folder of all compared runs with --runs.")
    return tuple(run.run_id for run in chosen)


def _version() -> str:
    from vidpred_engine import __version__

    return __version__
