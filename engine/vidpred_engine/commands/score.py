"""`vidpred-engine score`: a submission's public and private score by the lab's rule."""

import argparse
from dataclasses import asdict

from vidpred_engine.commands.options import Subparsers, add_command, add_json
from vidpred_engine.commands.output import print_json, print_table
from vidpred_engine.progress import Progress
from vidpred_engine.typed_paths import typed_path


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "score",
        "Score a submission.csv as the lab's competition does, beside repeating the first frame.",
        "Mean PSNR of 8-bit frames in dB, of frames 1 to 600 of each sequence of 630: public is the first 1,800 of\n"
        "these frames in file order, private the rest. Identical frames count as 100 dB.",
    )
    parser.add_argument("submission", type=typed_path, metavar="SUBMISSION", help="a file of `predict --submission`")
    parser.add_argument(
        "truth", metavar="TRUTH", help="a CSV of the same format, a data folder with test/test_truth, or 'synthetic'"
    )
    add_json(parser)
    parser.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Read, score, print."""
    from vidpred_engine.evaluation.competition import score_file

    scores = score_file(arguments.submission, arguments.truth, Progress())
    if arguments.json:
        print_json({name: asdict(score) for name, score in scores.items()})
    else:
        rows = [[name, score.frames, score.psnr, score.repeat_first] for name, score in scores.items()]
        title = f"{arguments.submission} against {arguments.truth}: mean dB a frame"
        print_table(["score", "frames", "submission", "repeat first"], rows, title=title)
    return 0
