"""Rollouts of one clip, of one run or several, as pictures in step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vidpred_engine.store.evaluations import Evaluation
from vidpred_engine.store.sample_frames import Pixels, SampleFrames
from vidpred_tui.theme import LineStyle

ERROR_GAIN = 4
ERROR = f"error x{ERROR_GAIN}"


@dataclass(frozen=True, eq=False)
class Reel:
    """One run's rollout under the run's name and style; `folder` is where its files are."""

    run_id: str
    name: str
    style: LineStyle
    frames: SampleFrames
    folder: Path

    def error(self, index: int | slice) -> Pixels:
        """The absolute difference of prediction and truth in each channel, ERROR_GAIN times, at most 255."""
        difference = np.abs(self.frames.prediction[index].astype(np.int16) - self.frames.truth[index])
        error: Pixels = np.minimum(difference * ERROR_GAIN, 255).astype(np.uint8)
        return error


@dataclass(frozen=True, eq=False)
class Track:
    """Pictures of one kind under a label; `picture` gives the one at an index, which counts from 0.

    `run_id` says whose they are, empty where they are the same for all runs.
    """

    label: str
    picture: Callable[[int], Pixels]
    run_id: str = ""


class Film:
    """Reels that are played together; frames count from 1, as frame 0 is given to the model."""

    def __init__(self, reels: Sequence[Reel]) -> None:
        assert reels
        self.reels = tuple(reels)

    def __len__(self) -> int:
        return min(len(reel.frames) for reel in self.reels)

    @property
    def tracks(self) -> list[Track]:
        """What there is to see, the most telling first; truth and pose are the same for all runs of a clip."""
        several = len(self.reels) > 1
        shown = [(f"{reel.style.sign} {reel.name} " if several else "", reel) for reel in self.reels]
        first = self.reels[0].frames
        tracks = [Track(f"{run}prediction", reel.frames.prediction.__getitem__, reel.run_id) for run, reel in shown]
        truth, pose = Track("truth", first.truth.__getitem__), Track("pose", first.pose.__getitem__)
        errors = [Track(f"{run}{ERROR}", reel.error, reel.run_id) for run, reel in shown]
        return [*tracks, truth, pose, *errors] if several else [*tracks, truth, *errors, pose]

    @property
    def psnr(self) -> list[float]:
        """The PSNR of each frame in dB, the lowest of all runs."""
        psnr = np.array([reel.frames.psnr[: len(self)] for reel in self.reels])
        lowest: list[float] = psnr.min(axis=0).tolist()
        return lowest

    @property
    def worst(self) -> int:
        """The frame with the lowest PSNR."""
        return 1 + int(np.nan_to_num(self.psnr, nan=-np.inf).argmin())

    def baselines(self, found: Evaluation | None) -> Evaluation | None:
        """An evaluation of the first run, if its baselines are of the clip shown."""
        if found is None or len(found.repeat_first) < len(self):
            return None
        frames = self.reels[0].frames
        shown = (frames.split, frames.clip, frames.data_digest)
        return found if (found.split, found.clip, found.data_digest) == shown else None

    @property
    def provenance(self) -> str:
        """Which clip it is, where z came from, the checkpoints and the runs; what several runs share once."""
        frames = [reel.frames for reel in self.reels]
        facts = (
            [f"{item.split} {item.clip}" for item in frames],
            [f"z {item.z_mode}" for item in frames],
            [f"{item.checkpoint}, step {item.step:,}" for item in frames],
        )
        told = [written for fact in facts for written in self._told(fact)]
        return " · ".join([*told, *(reel.name for reel in self.reels)])

    def _told(self, fact: Sequence[str]) -> Sequence[str]:
        """A fact of each run: once where all share it, else beside what tells the run."""
        if len(set(fact)) == 1:
            return fact[:1]
        signs, names = [reel.style.sign for reel in self.reels], [reel.name for reel in self.reels]
        marks = signs if len(set(signs)) == len(signs) else names
        return [f"{mark} {written}" for mark, written in zip(marks, fact, strict=True)]

    @property
    def remarks(self) -> list[str]:
        """What the pictures do not show, or must not be taken for."""
        remarks = []
        if len({reel.frames.data_digest for reel in self.reels}) > 1:
            remarks.append("not the same data")
        if (longest := max(len(reel.frames.psnr) for reel in self.reels)) > len(self):
            remarks.append(f"pictures of the first {len(self)} of {longest} frames")
        if (shrunk := max(reel.frames.shrunk for reel in self.reels)) > 1:
            remarks.append(f"pictures shrunk {shrunk} times")
        return remarks
