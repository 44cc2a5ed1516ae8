"""--ckpt_path: a checkpoint of the lab's trainer where a command takes a run."""

import argparse
from typing import Any

from vidpred_engine.commands.options import add_run, chosen_run
from vidpred_engine.commands.setting_flags import add_setting_flags, given_flags, given_settings
from vidpred_engine.errors import UserError
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.settings_layers import resolve_settings
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.typed_paths import typed_path

SETTINGS = (
    "data",
    "frame_height",
    "frame_width",
    "clip_length",
    "frame_dim",
    "label_dim",
    "latent_dim",
    "decoder_dim",
    "validation_frames",
)


def add_run_or_checkpoint(parser: argparse.ArgumentParser) -> None:
    """RUN, or in its place --ckpt_path with the settings that a model is evaluated by."""
    add_run(parser, nargs="?")
    add_checkpoint_file(parser, "in place of RUN a checkpoint of the lab's trainer, imported as a new run")
    add_setting_flags(parser, SETTINGS, "settings for --ckpt_path")


def add_checkpoint_file(target: Any, help_text: str) -> None:
    """--ckpt_path FILE."""
    target.add_argument("--ckpt_path", type=typed_path, metavar="FILE", help=help_text)


def run_or_checkpoint(arguments: argparse.Namespace, progress: Progress) -> RunDirectory:
    """The run that the arguments of `add_run_or_checkpoint` name; raises UserError."""
    given = {name: value for name, value in given_settings(arguments).items() if name in SETTINGS}
    flags = given_flags(arguments)
    if arguments.ckpt_path and arguments.run:
        raise UserError(f"'{arguments.run}' and --ckpt_path both say which model; give one of them.")
    if arguments.ckpt_path:
        return import_checkpoint(arguments, resolve_settings(given, typed=flags), progress)
    if given:
        raise UserError(f"A run's settings are fixed, so {flags[next(iter(given))]} goes with --ckpt_path only.")
    if not arguments.run:
        raise UserError("Name a run, or with --ckpt_path FILE a checkpoint of the lab's trainer.")
    return chosen_run(arguments)


def import_checkpoint(arguments: argparse.Namespace, settings: RunSettings, progress: Progress) -> RunDirectory:
    """Make a run of the file that --ckpt_path names, by the settings that were set."""
    from vidpred_engine.training.lab_checkpoint import import_lab_checkpoint

    given = settings.model_dump(exclude_unset=True)
    return import_lab_checkpoint(arguments.ckpt_path, arguments.runs, given, progress)
