"""`vidpred-engine import`: a checkpoint of the lab's trainer as a new run."""

import argparse
from dataclasses import asdict

from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_runs_folder
from vidpred_engine.commands.output import print_json, print_text
from vidpred_engine.commands.setting_flags import add_setting_flags, given_settings
from vidpred_engine.progress import Progress
from vidpred_engine.typed_paths import typed_path

DETAILS = """The file is what the lab's trainer saved, or a bare state dict. The model's sizes come from its weights,
all other settings from the preset 'lab' under the flags given here. The run stands after the epoch that was trained
last: evaluate it, predict from it, compare it, or resume it with `vidpred-engine train --run`, with a fresh
optimizer, as the file holds none."""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(commands, "import", "Take a checkpoint of the lab's trainer into a new run.", DETAILS)
    parser.usage = "%(prog)s CKPT [--SETTING VALUE ...]"
    parser.add_argument("checkpoint", type=typed_path, metavar="CKPT", help="the lab's file, like epoch=69.ckpt")
    add_runs_folder(parser)
    add_json(parser)
    add_setting_flags(parser)
    parser.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Import, then say where the run is."""
    from vidpred_engine.training.lab_checkpoint import import_lab_checkpoint

    run = import_lab_checkpoint(arguments.checkpoint, arguments.runs, given_settings(arguments), Progress())
    status = run.status()
    if arguments.json:
        sizes = run.settings().model_dump(include={"frame_dim", "label_dim", "latent_dim", "decoder_dim"})
        place = {key: asdict(status)[key] for key in ("state", "epoch", "epochs", "step", "steps")}
        print_json({"run": run.run_id, "folder": str(run.path), **place, **sizes})
    else:
        print_text(f"{status.state} after {status.epoch} of {status.epochs} epochs: {run.path}")
    return 0
