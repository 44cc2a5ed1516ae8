"""`vidpred-engine preflight`: what is known of a run, or of a sweep, before it starts; nothing is written."""

import argparse
from dataclasses import asdict

from vidpred_engine.commands.options import Subparsers, add_command, add_json
from vidpred_engine.commands.output import print_json, print_table, print_text
from vidpred_engine.commands.sweep import add_sweep_flags, chosen_sweep
from vidpred_engine.launch.preflight import PreflightChecker, facts

EXIT_PROBLEM = 1
DETAILS = """Takes what `vidpred-engine sweep` takes, several values for a setting too. Says what data there are, what
memory and disk is free, how long past runs of the same model and sizes took on this machine, and which runs have the
same settings already (name, device and the group Progress aside). A problem that would end a run is exit code 1."""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(commands, "preflight", "Say what is known of a run before it starts.", DETAILS)
    parser.usage = "%(prog)s [--preset NAME] [--settings FILE] [--SETTING VALUE ...]"
    add_json(parser)
    add_sweep_flags(parser)
    parser.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Look and say."""
    found = PreflightChecker(arguments.runs).check(chosen_sweep(arguments).runs)
    if arguments.json:
        print_json(asdict(found))
    else:
        print_table(["before the start", ""], [[name, text] for name, text in facts(found).items()])
        for problem in found.problems:
            print_text(f"problem: {problem}")
    return EXIT_PROBLEM if found.problems else 0
