"""`vidpred-engine runs control`: asking a run at work for something."""

import argparse

from vidpred_engine.commands.options import Subparsers, add_command, add_run, chosen_run
from vidpred_engine.store.control import REQUESTS, ask

DETAILS = """A request is a small file in the run's folder, so it reaches a process on any machine that shares it. The
process takes it between two steps and says so in its log; what it trains is the same, to the bit, with and without.

{}

Without a process at work on the run there is nothing to ask, and the exit code is 2."""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    meanings = "\n".join(f"  {request:17} {meaning}" for request, meaning in REQUESTS.items())
    summary = "Ask a run at work to save a checkpoint, to validate, or to stop."
    parser = add_command(commands, "control", summary, DETAILS.format(meanings))
    add_run(parser)
    parser.add_argument("request", choices=REQUESTS, metavar="REQUEST", help=" | ".join(REQUESTS))
    parser.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Ask."""
    run = chosen_run(arguments)
    ask(run, arguments.request)
    print(f"{run.run_id} is asked to {REQUESTS[arguments.request]}; its log says when it does.")
    return 0
