"""`vidpred-engine evaluate`: what a run's checkpoint scores on the validation or test clips, beside both baselines."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, get_args

from vidpred_engine.commands.evaluation_tables import print_evaluations
from vidpred_engine.commands.lab_checkpoint import add_run_or_checkpoint, run_or_checkpoint
from vidpred_engine.commands.options import Subparsers, add_command, add_json
from vidpred_engine.commands.output import print_json, print_text
from vidpred_engine.errors import UserError
from vidpred_engine.progress import Progress
from vidpred_engine.store.evaluations import Evaluation, posterior_gap, read_evaluations, write_evaluation

if TYPE_CHECKING:
    from vidpred_engine.evaluation.run_model import RunModel
    from vidpred_engine.evaluation.validation import Validation

Z_MODES = ("prior", "posterior", "posterior-mean", "zero")
DETAILS = """Predicts every frame from the first one and the pose images. Only z from the prior is honest: the posterior
sees the frame that is being predicted. Everything is stored with the run frame by frame, with where it comes from;
tables of runs quote the single rollout of the first validation clip with z from the prior.

  PSNR   mean over frames of per-frame dB, data range 1
  SSIM   mean over frames, 11x11 Gaussian window of sigma 1.5, whole windows only
  drift  mean PSNR of the first 50 predicted frames less that of the last 50
  8-bit  the lab's score: PSNR of frames rounded to 0..255, the mean over frames 1 to 600
  KL     from the posterior of the true frames to the prior, nats a frame, summed over the latent
  gap    by how many dB of PSNR z from the posterior beats z from the prior

With --samples N all figures are means over N rollouts; best is the rollout with the highest PSNR over the whole clip,
the 95% band holds percentiles 2.5 to 97.5 of the rollouts' PSNR (of few rollouts: nearly their range)."""


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "evaluate", "Score a run on the validation or test clips and store it frame by frame.", DETAILS
    )
    add_run_or_checkpoint(parser)
    add_checkpoint(parser)
    parser.add_argument(
        "--z", choices=(*Z_MODES, "all"), default="prior", help="where z comes from, or all four [default prior]"
    )
    parser.add_argument(
        "--samples", type=int, default=1, metavar="N", help="rollouts a clip, z from prior or posterior [default 1]"
    )
    parser.add_argument(
        "--split", choices=("val", "test"), default="val", help="which clips; test needs test/test_truth [default val]"
    )
    parser.add_argument("--device", metavar="TEXT", default="auto", help="auto, cpu, cuda or cuda:N [default auto]")
    add_json(parser)
    parser.set_defaults(call=call)


def add_checkpoint(parser: argparse.ArgumentParser) -> None:
    """--checkpoint best|last."""
    parser.add_argument("--checkpoint", choices=("best", "last"), default="best", help="which weights [default best]")


def call(arguments: argparse.Namespace) -> int:
    """Evaluate, store, print."""
    if arguments.samples < 1:
        raise UserError(f"--samples should be 1 or more; it is {arguments.samples}.")
    from vidpred_engine.data.source import RunData, load_split, open_folder
    from vidpred_engine.device import choose_device
    from vidpred_engine.evaluation.run_model import load_run_model
    from vidpred_engine.evaluation.validation import Validation
    from vidpred_engine.store.registry import Registry

    progress = Progress()
    run = run_or_checkpoint(arguments, progress)
    device = choose_device(arguments.device)
    loaded = load_run_model(run, arguments.checkpoint, device)
    settings = loaded.settings
    folder = open_folder(settings, progress)
    train, judged = (load_split(folder, split, settings, progress) for split in ("train", arguments.split))
    validation = Validation(RunData(train, judged), settings, device, split=arguments.split)
    evaluations = _evaluate(validation, loaded, arguments, progress)
    for evaluation in evaluations:
        write_evaluation(run, evaluation)
    Registry(run.path.parent).index(run)
    stored = read_evaluations(run)
    gaps = [posterior_gap(evaluation, stored) for evaluation in evaluations]
    if arguments.json:
        print_json([_document(*pair) for pair in zip(evaluations, gaps, strict=True)])
        return 0
    weights = "averaged weights, " if loaded.weights == "average" else ""
    print_text(f"{run.run_id}, {arguments.checkpoint} checkpoint ({weights}step {loaded.step})")
    print_evaluations(evaluations, gaps)
    return 0


def _evaluate(
    validation: "Validation", loaded: "RunModel", arguments: argparse.Namespace, progress: Progress
) -> list[Evaluation]:
    """Evaluate all clips in each of the wanted z modes."""
    from vidpred_engine.evaluation.rollout import ZMode
    from vidpred_engine.evaluation.validation import SAMPLED_MODES

    assert get_args(ZMode) == Z_MODES
    every: Sequence[ZMode] = get_args(ZMode) if loaded.settings.latent else ("prior",)
    modes = every if arguments.z == "all" else (arguments.z,)
    evaluations = []
    with progress.report("inferring the posterior") as report:
        divergences = validation.divergences(loaded.model, report)
    for mode in modes:
        with progress.report(f"rolling out, z mode {mode}") as report:
            of_clips = validation.evaluate(
                loaded.model,
                step=loaded.step,
                weights=loaded.weights,
                checkpoint=arguments.checkpoint,
                z_mode=mode,
                samples=arguments.samples if arguments.z != "all" or mode in SAMPLED_MODES else 1,
                progress=report,
            )
        evaluations += [replace(item, kl=kl) for item, kl in zip(of_clips, divergences, strict=True)]
    return evaluations


def _document(evaluation: Evaluation, gap: float | None) -> dict[str, object]:
    means, figures = evaluation.means(), {**evaluation.figures(), "gap": gap}
    return {**asdict(evaluation), "means": means, "figures": figures, "baselines": evaluation.baseline_figures()}
