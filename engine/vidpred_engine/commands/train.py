"""`vidpred-engine train`: make a run and train it, or resume one."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Any

from vidpred_engine.commands.lab_checkpoint import add_checkpoint_file, import_checkpoint
from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_runs_folder
from vidpred_engine.commands.output import print_json, print_table, print_text
from vidpred_engine.commands.setting_flags import add_setting_flags, given_flags, given_settings
from vidpred_engine.errors import UserError
from vidpred_engine.launch.local import EXIT_DONE, EXIT_RESUMABLE
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.launch.new_run import new_run
from vidpred_engine.presets import preset_values
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings, validate_settings
from vidpred_engine.settings_layers import resolve_settings
from vidpred_engine.settings_toml import read_toml
from vidpred_engine.store.evaluations import NO_LATENT, main_evaluation
from vidpred_engine.store.run_directory import RunDirectory, find_run
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.typed_paths import typed_path

DETAILS = """Settings come from flags, over VIDPRED_* environment variables, over a TOML file (--settings), over a
preset, over the defaults below. The complete result is kept in the run's settings.toml; --run resumes such a run.
Ctrl+C or SIGTERM finishes the step, saves and leaves with exit code 75; a second one leaves at once.

The flags of the lab's trainer, beside ours as (lab: --tfr), mean what they meant there. The defaults below are the
report's; the lab's own (batch 2, rate 1e-3, ...) come with --preset lab."""
WITHOUT_EFFECT = {
    "num_workers": "the frames are kept in memory, so that a step never waits for them",
    "gpu": "choose the GPU with --device cuda:N",
    "store_visualization": "`vidpred-engine predict` draws what a run predicts",
}


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(commands, "train", "Train a new run, or resume one.", DETAILS)
    parser.usage = (
        "%(prog)s [--preset NAME] [--settings FILE] [--SETTING VALUE ...]\n"
        "       %(prog)s --run RUN\n"
        "       %(prog)s --ckpt_path FILE [--SETTING VALUE ...]"
    )
    source = parser.add_argument_group("where the settings come from")
    source.add_argument("--preset", metavar="NAME", help="start from a preset; `vidpred-engine presets` lists them")
    source.add_argument("--settings", type=typed_path, metavar="FILE", help="start from a TOML file of settings")
    source.add_argument("--run", metavar="RUN", help="resume this run: its folder, its id, or 'last'")
    add_runs_folder(parser)
    add_json(parser)
    lab = parser.add_argument_group("as in the lab's trainer")
    add_checkpoint_file(lab, "go on, as a new run, from a checkpoint of it until --epochs")
    lab.add_argument("--test", action="store_true", help="evaluate what --ckpt_path or --run names; train nothing")
    lab.add_argument("--num_workers", metavar="N", help="no effect, as have --gpu N and --store_visualization")
    lab.add_argument("--gpu", help=argparse.SUPPRESS)
    lab.add_argument("--store_visualization", action="store_true", help=argparse.SUPPRESS)
    add_setting_flags(parser)
    parser.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Train; the exit code is 0 done, 75 saved and resumable, 1 failed."""
    progress = Progress()
    for name, reason in WITHOUT_EFFECT.items():
        if getattr(arguments, name):
            progress.say(f"--{name} has no effect: {reason}.")
    run = _existing(arguments) if arguments.run else _new(arguments, progress)
    if arguments.test:
        return _evaluate(run, arguments)
    with only_trainer(run), StatusKeeper(run.status_file, "starting") as status:
        progress.keep_in(run.log_file)
        stop = stop_on_signals()
        from vidpred_engine.training.run import train_run  # torch takes seconds: the status stands before

        code = train_run(run, status, progress, stop.is_set)
    if code in (EXIT_DONE, EXIT_RESUMABLE):
        try:
            _print_result(run, as_json=arguments.json)
            sys.stdout.flush()
        except OSError:  # whoever would have read it is gone, which changes nothing of the run
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _existing(arguments: argparse.Namespace) -> RunDirectory:
    given = [*given_flags(arguments).values()]
    given += [f"--{name}" for name in ("preset", "settings", "ckpt_path") if getattr(arguments, name)]
    if given:
        raise UserError(f"A run's settings are fixed, so --run takes no {given[0]}; start a new run for that.")
    run = find_run(arguments.runs, arguments.run)
    if run.status().state == "finished" and not arguments.test:
        raise UserError(f"Run {run.run_id} is finished; there is nothing to resume.")
    run.settings()
    return run


def _new(arguments: argparse.Namespace, progress: Progress) -> RunDirectory:
    if arguments.test and not arguments.ckpt_path:
        raise UserError("--test evaluates a trained model; name it with --ckpt_path FILE or --run RUN.")
    settings = new_settings(arguments)
    from vidpred_engine.device import choose_device

    choose_device(settings.device)  # what can be refused now leaves no failed run behind
    if arguments.ckpt_path is None:
        return new_run(arguments.runs, settings)
    run = import_checkpoint(arguments, settings, progress)
    if run.status().state == "finished" and not arguments.test:
        raise UserError(
            f"{arguments.ckpt_path} has all its {run.settings().epochs} epochs behind it and is run {run.run_id} now; "
            "to train it on, name the file again with a larger --epochs."
        )
    return run


def new_settings(arguments: argparse.Namespace) -> RunSettings:
    """The settings of a new run that the arguments, the environment and their files give; raises UserError."""
    return layered_settings(arguments, given_settings(arguments))


def layered_settings(arguments: argparse.Namespace, flags: Mapping[str, Any]) -> RunSettings:
    """The same with these values of the settings that were given as flags."""
    file: Mapping[str, Any] = {}
    if arguments.settings:
        file = read_toml(arguments.settings)
        validate_settings(file, source=str(arguments.settings))
    preset = preset_values(arguments.preset) if arguments.preset else {}
    return resolve_settings(flags, file=file, preset=preset, typed=given_flags(arguments))


def _evaluate(run: RunDirectory, arguments: argparse.Namespace) -> int:
    from vidpred_engine.cli import build_parser

    words = ["evaluate", str(run.path), "--device", run.settings().device, *(["--json"] if arguments.json else [])]
    evaluation = build_parser().parse_args(words)
    code: int = evaluation.call(evaluation)
    return code


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
        z = "no latent" if evaluation.z_mode == NO_LATENT else "z from the prior"
        print_table(
            ["prediction", "PSNR [dB]"],
            [[names[key], value] for key, value in means.items()],
            title=f"Validation, {len(evaluation.psnr)} frames, {z}: mean PSNR a frame",
        )
    print_text(f"{status.state}: {run.path}")
