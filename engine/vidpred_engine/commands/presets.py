"""`vidpred-engine presets`: the named settings, what each is for and where it leaves the defaults."""

import argparse
import textwrap
from typing import Any

from vidpred_engine.commands.options import Subparsers, add_command, add_json
from vidpred_engine.commands.output import print_json, print_table
from vidpred_engine.presets import preset_names, preset_settings, preset_summary, preset_text
from vidpred_engine.settings import differences

WIDTH = 64


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "presets",
        "List the named settings, or show one as TOML.",
        "`train --preset NAME` starts from one; the file that NAME shows can be kept, edited and given to --settings.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="show this preset's TOML text")
    add_json(parser)
    parser.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Print all presets, or the one named."""
    if arguments.name and arguments.json:
        print_json(_described(arguments.name) | {"toml": preset_text(arguments.name)})
    elif arguments.name:
        print(preset_text(arguments.name), end="")
    elif arguments.json:
        print_json([_described(name) for name in preset_names()])
    else:
        rows = [[preset["name"], _words(preset)] for preset in map(_described, preset_names())]
        print_table(["preset", "what it is for, and what differs from the defaults"], rows)
    return 0


def _described(name: str) -> dict[str, Any]:
    return {"name": name, "summary": preset_summary(name), "differences": differences(preset_settings(name))}


def _words(preset: dict[str, Any]) -> str:
    changed = ", ".join(f"{name}={value}" for name, value in preset["differences"].items() if name != "name")
    return f"{preset['summary']}\n{textwrap.fill(changed, WIDTH)}"
