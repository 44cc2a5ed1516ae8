"""`vidpred-engine evaluate`: PSNR per frame of a run's checkpoint, beside both baselines."""

import argparse
from dataclasses import asdict
from typing import get_args

from vidpred_engine.commands.lab_checkpoint import add_run_or_checkpoint, run_or_checkpoint
from vidpred_engine.commands.options import Subparsers, add_command, add_json
from vidpred_engine.commands.output import print_json, print_table
from vidpred_engine.progress import Progress

Z_MODES = ("prior", "posterior", "posterior-mean", "zero")


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "evaluate",
        "Roll out the validation clips and store PSNR per frame with the run.",
        "Predicts every frame from the first one and the pose images, and scores frames 1..T-1 in dB. Only z from the\n"
        "prior is honest: the posterior sees the frame that is being predicted.",
    )
    add_run_or_checkpoint(parser)
    add_checkpoint(parser)
    parser.add_argument("--z", choices=Z_MODES, default="prior", help="where z comes from [default prior]")
    parser.add_argument("--device", metavar="TEXT", default="auto", help="auto, cpu, cuda or cuda:N [default auto]")
    add_json(parser)
    parser.set_defaults(call=call)


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """--checkpoint best|last."""
    parser.add_argument("--checkpoint", choices=("best", "last"), default="best", help="which weights [default best]")


def call(arguments: argparse.Namespace) -> int:
    """Evaluate, store, print."""
    from vidpred_engine.data.source import open_run_data
    from vidpred_engine.device import choose_device
    from vidpred_engine.evaluation.rollout import ZMode
    from vidpred_engine.evaluation.run_model import load_run_model
    from vidpred_engine.evaluation.validation import Validation
    from vidpred_engine.store.evaluations import write_evaluation
    from vidpred_engine.store.registry import Registry

    assert set(get_args(ZMode)) == set(Z_MODES)
    progress = Progress()
    run = run_or_checkpoint(arguments, progress)
    device = choose_device(arguments.device)
    loaded = load_run_model(run, arguments.checkpoint, device)
    validation = Validation(open_run_data(loaded.settings, progress), loaded.settings, device)
    with progress.report("rolling out") as report:
        evaluations = validation.evaluate(
            loaded.model,
            step=loaded.step,
            weights=loaded.weights,
            checkpoint=arguments.checkpoint,
            z_mode=arguments.z,
            progress=report,
        )
    for evaluation in evaluations:
        write_evaluation(run, evaluation)
    Registry(run.path.parent).index(run)
    if arguments.json:
        print_json([asdict(evaluation) | {"means": evaluation.means()} for evaluation in evaluations])
        return 0
    rows = [[f"val {item.clip}", len(item.psnr), *item.means().values()] for item in evaluations]
    title = f"{run.run_id}, {arguments.checkpoint} checkpoint (step {loaded.step}), z: {arguments.z}; mean dB a frame"
    print_table(["clip", "frames", "PSNR", "repeat first", "mean frame"], rows, title=title)
    return 0
