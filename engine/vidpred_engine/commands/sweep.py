"""`vidpred-engine sweep`: queue a run for each combination of several values of settings."""

import argparse

from vidpred_engine.commands.lab_flags import add_with_lab_name
from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_runs_folder
from vidpred_engine.commands.output import print_json, print_table
from vidpred_engine.commands.setting_flags import given_flags, given_settings
from vidpred_engine.commands.train import layered_settings
from vidpred_engine.launch.new_run import queue_new_runs
from vidpred_engine.launch.queue_runner import start_runner
from vidpred_engine.settings import describe_settings
from vidpred_engine.sweep import MOST_RUNS, SEPARATOR, Sweep, expand, several
from vidpred_engine.typed_paths import typed_path

DETAILS = f"""Every setting takes one value, or several with {SEPARATOR} between them in quotes:

  vidpred-engine sweep --preset best --lr '1e-3|1e-4' --seed '0|1|2'

makes six runs, named after what varies and tagged alike, and queues them; `vidpred-engine queue list` shows them. A
sweep has at most {MOST_RUNS} runs. Where one value is at fault, no run is made."""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(commands, "sweep", "Queue a run for each combination of several values of settings.", DETAILS)
    parser.usage = "%(prog)s [--preset NAME] [--settings FILE] [--SETTING 'VALUE|VALUE|...' ...]"
    add_json(parser)
    add_sweep_flags(parser)
    parser.set_defaults(call=call)


def add_sweep_flags(parser: argparse.ArgumentParser) -> None:
    """Add what `chosen_sweep` reads: a flag for every setting that takes several values, and the runs folder."""
    source = parser.add_argument_group("where the settings come from")
    source.add_argument("--preset", metavar="NAME", help="start from a preset; `vidpred-engine presets` lists them")
    source.add_argument("--settings", type=typed_path, metavar="FILE", help="start from a TOML file of settings")
    add_runs_folder(parser)
    settings = parser.add_argument_group("settings; `vidpred-engine train --help` says what each means")
    for setting in describe_settings():
        choices = "on, off" if setting.kind == "switch" else ", ".join(setting.choices)
        facts = {"default": argparse.SUPPRESS, "metavar": "VALUES", "help": choices or setting.limits}
        add_with_lab_name(settings, setting.flag, setting.lab_flag, dest=setting.name, **facts)


def chosen_sweep(arguments: argparse.Namespace) -> Sweep:
    """The runs that the arguments, the environment and their files stand for; raises UserError."""
    given, flags = given_settings(arguments), given_flags(arguments)
    base = layered_settings(arguments, {name: (several(value) or (value,))[0] for name, value in given.items()})
    return expand({**base.model_dump(), **{name: value for name, value in given.items() if several(value)}}, flags)


def call(arguments: argparse.Namespace) -> int:
    """Make the runs and queue them."""
    sweep = chosen_sweep(arguments)
    made = queue_new_runs(arguments.runs, sweep)
    start_runner(arguments.runs)
    names = {run.run_id: settings.name for run, settings in zip(made, sweep.runs, strict=True)}
    if arguments.json:
        print_json({"tag": sweep.tag, "runs": [{"run": run_id, "name": name} for run_id, name in names.items()]})
    else:
        tagged = f", tagged {sweep.tag}" if sweep.tag else ""
        print_table(["run", "name"], list(names.items()), title=f"{len(made)} put into the queue{tagged}")
    return 0
