"""`vidpred-engine queue`: runs that are trained one after another, or as many at once as there are slots."""

import argparse
import signal
import threading
from dataclasses import dataclass

from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_run, add_runs_folder, chosen_run
from vidpred_engine.commands.output import print_json, print_table, print_text
from vidpred_engine.errors import UserError
from vidpred_engine.launch import queue
from vidpred_engine.launch.queue_runner import QueueRunner, is_at_work, log_line, start_runner
from vidpred_engine.launch.slots import MOST_SLOTS, slots_given
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, find_run

DETAILS = """Each run says in its own folder that it waits, and where in the order. A process in the background starts
the next as soon as a device has a free slot; it begins when a run is put into the queue and ends when none is left.
Neither closing the terminal nor killing that process loses anything: the next `queue add`, or `queue run`, goes on.

A device has one slot; a GPU has as many as `vidpred-engine bench --concurrent K` found best there. --slots of
`queue run`, or VIDPRED_SLOTS, says otherwise. A run that fails keeps its log and lets the next have its turn."""


@dataclass(frozen=True)
class Position:
    """A run in the queue; position 1 is the next."""

    position: int
    run: str
    name: str


def add(commands: Subparsers) -> None:
    """Declare `queue` and its commands."""
    parser = add_command(commands, "queue", "Let runs wait for their turn to be trained.", DETAILS)
    inner = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    shown = add_command(inner, "list", "The runs in the queue, the next first.")
    add_runs_folder(shown)
    add_json(shown)
    shown.set_defaults(call=_list)

    for name, call, summary in (
        ("add", _add, "Put runs at the end of the queue: new ones, or such as were stopped, failed or lost."),
        ("remove", _remove, "Take runs out of the queue."),
    ):
        changed = add_command(inner, name, summary)
        changed.add_argument("run", metavar="RUN", nargs="+", help="ids, unique parts of ids, folders, or 'last'")
        add_runs_folder(changed)
        changed.set_defaults(call=call)

    moved = add_command(inner, "move", "Move a run within the queue.")
    add_run(moved)
    moved.add_argument("position", metavar="POSITION", type=int, help="its new position; 1 is the next")
    moved.set_defaults(call=_move)

    worked = add_command(inner, "run", "Start the runs in the queue in their turn until none is left.")
    worked.add_argument("--slots", type=int, metavar="N", help=f"trainings a device does at once, 1 to {MOST_SLOTS}")
    add_runs_folder(worked)
    worked.set_defaults(call=_run)


def print_queue(arguments: argparse.Namespace) -> None:
    """Print the queue of the runs folder, and whether anybody works on it."""
    entries = queue.in_order(Registry(arguments.runs).entries())
    positions = [Position(place, entry.run_id, entry.name) for place, entry in enumerate(entries, start=1)]
    at_work = is_at_work(arguments.runs)
    if arguments.json:
        print_json({"at_work": at_work, "runs": [vars(position) for position in positions]})
    elif not positions:
        print_text(f"No run waits in {arguments.runs}.")
    else:
        print_table(["position", "run", "name"], [[item.position, item.run, item.name] for item in positions])
        if not at_work:
            print_text("No process works on the queue; `vidpred-engine queue run` does.")


def _list(arguments: argparse.Namespace) -> int:
    print_queue(arguments)
    return 0


def _add(arguments: argparse.Namespace) -> int:
    queue.add(arguments.runs, _named(arguments))
    start_runner(arguments.runs)
    return _say_positions(arguments)


def _remove(arguments: argparse.Namespace) -> int:
    queue.take_out(arguments.runs, _named(arguments))
    return _say_positions(arguments)


def _say_positions(arguments: argparse.Namespace) -> int:
    waiting = len(queue.waiting(arguments.runs))
    print_text(f"{waiting} {'run waits' if waiting == 1 else 'runs wait'} in {arguments.runs}.")
    return 0


def _move(arguments: argparse.Namespace) -> int:
    run = chosen_run(arguments)
    position = queue.move(arguments.runs, _of_folder(arguments, run), arguments.position)
    print_text(f"{run.run_id} is number {position} in the queue.")
    return 0


def _run(arguments: argparse.Namespace) -> int:
    told_to_leave = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_leave.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def say(sentence: str) -> None:
        print(log_line(sentence), flush=True)

    if not QueueRunner(arguments.runs, slots_given(arguments.slots), say).work(told_to_leave):
        say(f"Another process works on the queue of {arguments.runs} already.")
    return 0


def _named(arguments: argparse.Namespace) -> list[RunDirectory]:
    found = {run.run_id: run for run in (find_run(arguments.runs, wanted) for wanted in arguments.run)}
    return [_of_folder(arguments, run) for run in found.values()]


def _of_folder(arguments: argparse.Namespace, run: RunDirectory) -> RunDirectory:
    if run.path.parent.resolve() != arguments.runs.resolve():
        raise UserError(f"{run.path} is not in {arguments.runs}, whose queue this is; name its folder with --runs.")
    return run
