"""`vidpred-engine predict`: a GIF of truth | prediction | pose, or the test split as the lab's submission file."""

import argparse

from vidpred_engine.commands.evaluate import add_checkpoint
from vidpred_engine.commands.options import Subparsers, add_command, add_run, chosen_run
from vidpred_engine.errors import UserError
from vidpred_engine.progress import Progress
from vidpred_engine.typed_paths import check_new, typed_path


def add(commands: Subparsers) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "predict",
        "Write a GIF of truth | prediction | pose for a validation clip, or a submission.csv of the test split.",
        "Every frame but the first is predicted from the previous prediction and the pose image, z from the prior.\n"
        "The frames of a validation clip are also kept with the run, where vidpred-tui plays them.\n"
        "A submission holds all test sequences; a GIF of each is written beside it.",
    )
    add_run(parser)
    add_checkpoint(parser)
    parser.add_argument("--out", type=typed_path, metavar="FILE", help="a new GIF [default RUN/frames/val0.gif]")
    parser.add_argument("--submission", type=typed_path, metavar="FILE", help="the CSV of the test split to write")
    parser.add_argument("--clip", type=int, metavar="N", help="number of the validation clip [default 0]")
    parser.add_argument("--frames", type=int, metavar="N", help="length of the rollout [default the run's setting]")
    parser.add_argument("--scale", type=int, default=4, metavar="N", help="size of a pixel in the GIF [default 4]")
    parser.add_argument("--device", metavar="TEXT", default="auto", help="auto, cpu, cuda or cuda:N [default auto]")
    parser.set_defaults(call=call)


def call(arguments: argparse.Namespace) -> int:
    """Roll out and draw."""
    if not 1 <= arguments.scale <= 32:
        raise UserError(f"--scale should be between 1 and 32; it is {arguments.scale}.")
    return _predict_clip(arguments) if arguments.submission is None else _predict_test_split(arguments)


def _predict_clip(arguments: argparse.Namespace) -> int:
    from vidpred_engine.data.source import open_run_data
    from vidpred_engine.device import choose_device
    from vidpred_engine.evaluation.gif import write_gif
    from vidpred_engine.evaluation.run_model import load_run_model
    from vidpred_engine.evaluation.validation import Validation
    from vidpred_engine.settings import validate_settings
    from vidpred_engine.store.sample_frames import write_sample_frames

    run, progress, clip = chosen_run(arguments), Progress(), arguments.clip or 0
    if arguments.out:
        check_new(arguments.out, "A GIF is", (".gif",))
    device = choose_device(arguments.device)
    loaded = load_run_model(run, arguments.checkpoint, device)
    frames = arguments.frames if arguments.frames is not None else loaded.settings.validation_frames
    settings = validate_settings({**loaded.settings.model_dump(), "validation_frames": frames})
    validation = Validation(open_run_data(settings, progress), settings, device)
    if not 0 <= clip < validation.clips:
        raise UserError(f"There is no validation clip {clip}; the last is {validation.clips - 1}.")
    with progress.report("rolling out") as report:
        strips = validation.strips(loaded.model, clip, report)
    out = arguments.out or run.frames / f"val{clip}.gif"
    out.parent.mkdir(exist_ok=True)
    write_gif(out, strips, arguments.scale)
    write_sample_frames(
        run,
        validation.sample_frames(
            clip, strips[1], step=loaded.step, weights=loaded.weights, checkpoint=arguments.checkpoint
        ),
    )
    print(out)
    return 0


def _predict_test_split(arguments: argparse.Namespace) -> int:
    from vidpred_engine.data.source import load_split, open_folder
    from vidpred_engine.device import choose_device
    from vidpred_engine.evaluation.run_model import load_run_model
    from vidpred_engine.evaluation.submission import to_levels, write_submission
    from vidpred_engine.evaluation.test_split import draw_test, predict_test

    for name in ("out", "clip", "frames"):
        if getattr(arguments, name) is not None:
            raise UserError(f"--submission predicts all test sequences whole, so it takes no --{name}.")
    run, progress, out = chosen_run(arguments), Progress(), arguments.submission
    if out.is_dir():
        raise UserError(f"{out} is a folder; name a file in it, like {out / 'submission.csv'}.")
    device = choose_device(arguments.device)
    loaded = load_run_model(run, arguments.checkpoint, device)
    test = load_split(open_folder(loaded.settings, progress), "test", loaded.settings, progress)
    with progress.report("rolling out") as report:
        predicted_tchw = predict_test(loaded, test, device, report)
    write_submission(out, [to_levels(clip_tchw) for clip_tchw in predicted_tchw])
    with progress.report("drawing", unit="GIF") as report:
        draw_test(out, predicted_tchw, test, arguments.scale, report)
    print(out)
    return 0
