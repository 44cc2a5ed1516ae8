"""The score of a submission by the rule of the lab's competition, beside repeating the given first frame."""

import math
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor

from vidpred_engine.data.source import load_split, open_folder
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.psnr import LAB_SCORED_FRAMES, psnr_per_frame
from vidpred_engine.evaluation.submission import Levels, read_submission
from vidpred_engine.progress import Progress
from vidpred_engine.settings import SYNTHETIC, validate_settings
from vidpred_engine.store.evaluations import mean

LAB_SEQUENCE_FRAMES = 630
PUBLIC_FRAMES = 1800
"""The public score is of this many scored frames in file order, the private one of the rest."""


@dataclass(frozen=True)
class Score:
    """Mean PSNR in dB over so many frames, of the submission and of repeating the first frame; None over none.

    Identical frames count as psnr.CAP_DB.
    """

    frames: int
    psnr: float | None
    repeat_first: float | None


def score_submission(submitted_nk: Levels, truth_nk: Levels, lengths: tuple[int, ...]) -> dict[str, Score]:
    """Score frames 1 to 600 of each sequence: "public" is the first 1,800 of these frames, "private" the rest, "all".

    A frame's PSNR is 20 log10(255) - 10 log10(MSE of its 8-bit values). `lengths` counts the rows of each sequence,
    the given frame included; of a shorter sequence than the lab's all predicted frames count.
    """
    psnr: list[float] = []
    repeat_first: list[float] = []
    for end, length in zip(accumulate(lengths), lengths, strict=True):
        start, stop = end - length, min(end, end - length + LAB_SCORED_FRAMES + 1)
        submitted, truth = _frames(submitted_nk[start:stop]), _frames(truth_nk[start:stop])
        psnr += psnr_per_frame(submitted[1:], truth[1:]).tolist()
        repeat_first += psnr_per_frame(truth[:1], truth[1:]).tolist()
    parts = {"public": slice(PUBLIC_FRAMES), "private": slice(PUBLIC_FRAMES, None), "all": slice(None)}
    return {name: Score(len(psnr[part]), _mean(psnr[part]), _mean(repeat_first[part])) for name, part in parts.items()}


def score_file(submission: Path, truth: str, progress: Progress) -> dict[str, Score]:
    """Score a submission against a CSV of the same format, a data folder with test/test_truth, or 'synthetic'.

    Raises UserError where a file is not in the format or the two do not match.
    """
    submitted_nk = read_submission(submission, progress)
    if Path(truth).is_file():
        truth_nk = read_submission(Path(truth), progress)
        if surplus := len(truth_nk) % LAB_SEQUENCE_FRAMES:
            raise UserError(
                f"{truth} ends at line {len(truth_nk) + 1}, after {surplus} rows of a sequence; each has "
                f"{LAB_SEQUENCE_FRAMES} rows."
            )
        lengths = (LAB_SEQUENCE_FRAMES,) * (len(truth_nk) // LAB_SEQUENCE_FRAMES)
    else:
        truth_nk, lengths = _true_frames(truth, submitted_nk.shape[1], progress)
    if submitted_nk.shape[1] != truth_nk.shape[1]:
        raise UserError(
            f"{submission}, line 1: there are {submitted_nk.shape[1]} values a frame where the truth has "
            f"{truth_nk.shape[1]}."
        )
    if len(submitted_nk) != len(truth_nk):
        raise UserError(
            f"{submission} ends at line {len(submitted_nk) + 1}; as the truth has {len(truth_nk)} frames, it should "
            f"end at line {len(truth_nk) + 1}."
        )
    return score_submission(submitted_nk, truth_nk, lengths)


def _true_frames(root: str, values: int, progress: Progress) -> tuple[Levels, tuple[int, ...]]:
    """The test split's true frames at the submission's size; a frame is twice as wide as high, as the lab's."""
    if root != SYNTHETIC and not Path(root).exists():
        raise UserError(
            f"There is no {root}; give a CSV file like the submission, or a data folder with test/test_truth."
        )
    height = math.isqrt(values // 6)
    if 6 * height**2 != values:
        raise UserError(f"{values} values are no RGB frame twice as wide as high; give the truth as a CSV file.")
    settings = validate_settings({"data": root, "frame_height": height, "frame_width": 2 * height})
    folder = open_folder(settings, progress)
    test = load_split(folder, "test", settings, progress)
    for sequence in test.sequences():
        if len(sequence.frames_tchw) != len(sequence.labels_tchw):
            raise UserError(f"{folder.root} does not have all true frames of {sequence.name}; add test/test_truth.")
    truth_nk: Levels = test.frames_nchw.flatten(1).numpy()
    return truth_nk, test.lengths


def _frames(levels_nk: Levels) -> Tensor:
    """Rows as frames (N, 1, 1, K) in [0, 1]."""
    return torch.from_numpy(levels_nk)[:, None, None].double() / 255


def _mean(values: list[float]) -> float | None:
    return mean(values) if values else None
