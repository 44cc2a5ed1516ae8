"""`vidpred-engine train`: make a run and train it, or resume one."""

import argparse
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_runs_folder
from vidpred_engine.commands.output import print_json, print_table
from vidpred_engine.commands.setting_flags import add_setting_flags, given_settings
from vidpred_engine.errors import UserError
from vidpred_engine.launch.local import EXIT_DONE, EXIT_RESUMABLE
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.launch.new_run import new_run
from vidpred_engine.presets import preset_names, preset_values
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings, read_toml, resolve_settings, validate_settings
from vidpred_engine.store.evaluations import main_evaluation
from vidpred_engine.store.run_directory import RunDirectory, find_run
from vidpred_engine.store.status_keeper import StatusKeeper

DETAILS = """Settings come from flags, over VIDPRED_* environment variables, over a TOML file (--settings), over a
preset, over the defaults below. The complete result is kept in the run's settings.toml; --run resumes such a run.
Ctrl+C or SIGTERM finishes the step, saves and leaves with exit code 75; a second one leaves at once."""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(commands, "train", "Train a new run, or resume one.", DETAILS)
    parser.usage = "%(prog)s [--preset NAME] [--settings FILE] [--SETTING VALUE ...]\n       %(prog)s --run RUN"
    source = parser.add_argument_group("where the settings come from")
    source.add_argument("--preset", metavar="NAME", help=f"start from a preset: {', '.join(preset_names())}")
    source.add_argument("--settings", type=Path, metavar="FILE", help="start from a TOML file of settings")
    source.add_argument("--run", metavar="RUN", help="resume this run: its folder, its id, or 'last'")
    add_runs_folder(parser)
    add_json(parser)
    add_setting_flags(parser)
    parser.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Train; the exit code is 0 done, 75 saved and resumable, 1 failed."""
    run = _existing(arguments) if arguments.run else _new(arguments)
    with only_trainer(run), StatusKeeper(run.status_file, "starting") as status:
        stop = stop_on_signals()
        from vidpred_engine.training.run import train_run  # torch takes seconds: the status stands before

        code = train_run(run, status, Progress(), stop.is_set)
    if code in (EXIT_DONE, EXIT_RESUMABLE):
        _print_result(run, as_json=arguments.json)
    return code


def _existing(arguments: argparse.Namespace) -> RunDirectory:
    given = [*given_settings(arguments)] + [name for name in ("preset", "settings") if getattr(arguments, name)]
    if given:
        raise UserError(f"A run's settings are fixed, so --run takes no --{given[0]}; start a new run for that.")
    run = find_run(arguments.runs, arguments.run)
    if run.status().state == "finished":
        raise UserError(f"Run {run.run_id} is finished; there is nothing to resume.")
    run.settings()
    return run


def _new(arguments: argparse.Namespace) -> RunDirectory:
    settings = _new_settings(arguments)
    from vidpred_engine.device import choose_device

    choose_device(settings.device)  # what can be refused now leaves no failed run behind
    return new_run(arguments.runs, settings)


def _new_settings(arguments: argparse.Namespace) -> RunSettings:
    file: Mapping[str, Any] = {}
    if arguments.settings:
        file = read_toml(arguments.settings)
        validate_settings(file, source=str(arguments.settings))
    preset = preset_values(arguments.preset) if arguments.preset else {}
    return resolve_settings(given_settings(arguments), file=file, preset=preset)


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM or SIGINT sets; a second one leaves at once. SIGHUP is ignored."""
    stop = threading.Event()

    def ask_to_stop(number: int, frame: object) -> None:  # noqa: ARG001
        if stop.is_set():
            os._exit(EXIT_RESUMABLE)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return stop


def _print_result(run: RunDirectory, *, as_json: bool) -> None:
    status, evaluation = run.status(), main_evaluation(run)
    means = evaluation.means() if evaluation else {}
    if as_json:
        print_json({"run": run.run_id, "folder": str(run.path), "state": status.state, "step": status.step, **means})
        return
    if evaluation:
        names = {"psnr": f"this run ({evaluation.checkpoint} checkpoint)"}
        names |= {"repeat_first": "repeat the first frame", "mean_frame": "mean training frame"}
        print_table(
            ["prediction", "PSNR [dB]"],
            [[names[key], value] for key, value in means.items()],
            title=f"Validation, {len(evaluation.psnr)} frames, z from the prior: mean PSNR a frame",
        )
    print(f"{status.state}: {run.path}")
