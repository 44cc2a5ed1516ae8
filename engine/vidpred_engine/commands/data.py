"""`vidpred-engine data`: draw the synthetic dancer, check a folder of frames."""

import argparse
from dataclasses import asdict

from vidpred_engine.commands.options import Subparsers, add_command, add_json
from vidpred_engine.commands.output import print_json, print_table, print_text
from vidpred_engine.data.dancer import write_dancer
from vidpred_engine.progress import Progress
from vidpred_engine.typed_paths import typed_path


def add(commands: Subparsers) -> None:
    """Declare `data` and its two commands."""
    parser = add_command(commands, "data", "Make and check folders of frames.")
    inner = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    synth = add_command(
        inner,
        "synth",
        "Draw the synthetic dancer into a new folder, in the lab's layout.",
        "Frames and pose images of an articulated figure in a studio, with smooth random motion; the same seed\n"
        "gives the same bytes.",
    )
    synth.add_argument("folder", type=typed_path, help="the folder to make")
    for flag, default, text in (
        ("--train-frames", 3200, "frames of the training split"),
        ("--val-frames", 630, "frames of the validation clip"),
        ("--test-clips", 5, "number of test clips"),
        ("--test-frames", 630, "frames of each test clip"),
        ("--width", 64, "width in pixels"),
        ("--height", 32, "height in pixels"),
        ("--seed", 0, "seed of the motion"),
    ):
        synth.add_argument(flag, type=int, default=default, metavar="N", help=f"{text} [default {default}]")
    synth.set_defaults(call=_synth)

    check = add_command(
        inner, "check", "Count a folder's frames and name everything that is wrong with it; exit code 2 if anything is."
    )
    check.add_argument("folder", type=typed_path, help="a folder in the lab's layout: train/train_img, ...")
    add_json(check)
    check.set_defaults(call=_check)


def _synth(arguments: argparse.Namespace) -> int:
    with Progress().report("drawing the synthetic dancer") as report:
        write_dancer(
            arguments.folder,
            train_frames=arguments.train_frames,
            val_frames=arguments.val_frames,
            test_clips=arguments.test_clips,
            test_frames=arguments.test_frames,
            width=arguments.width,
            height=arguments.height,
            seed=arguments.seed,
            progress=report,
        )
    print_text(f"wrote {arguments.folder}; train on it with: vidpred-engine train --data {arguments.folder}")
    return 0


def _check(arguments: argparse.Namespace) -> int:
    from vidpred_engine.data.folder import check_folder

    with Progress().report("reading", unit="image") as progress:
        report = check_folder(arguments.folder, progress)
    sizes = [", ".join(f"{w}x{h}: {n}" for (w, h), n in split.sizes.items()) for split in report.splits]
    if arguments.json:
        splits = [{**asdict(split), "sizes": text} for split, text in zip(report.splits, sizes, strict=True)]
        print_json({"folder": str(report.root), "splits": splits, "problems": list(report.problems)})
    else:
        rows = [[s.name, s.sequences, s.frames, s.labels, text] for s, text in zip(report.splits, sizes, strict=True)]
        print_table(["split", "sequences", "frames", "pose images", "sizes"], rows)
        print_text("\n".join(report.problems) or "No problem found.")
    return 2 if report.problems else 0
