"""evaluation/*.json: PSNR per frame of a rollout, both baselines, and where each number comes from."""

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from vidpred_engine.errors import UserError
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.store.run_directory import RunDirectory

FORMAT = 1


@dataclass(frozen=True)
class Evaluation:
    """Per-frame PSNR in dB (data range 1) of frames 1..T-1 of one clip, with its provenance.

    A model's figure means little alone: `repeat_first` and `mean_frame` are the curves of the two baselines, repeating
    the given first frame and the mean training frame, on the same clip.
    """

    split: str
    clip: int
    z_mode: str
    samples: int
    seed: int
    checkpoint: str
    step: int
    weights: str
    data_digest: str
    psnr: list[float]
    repeat_first: list[float]
    mean_frame: list[float]

    def means(self) -> dict[str, float]:
        """Mean over frames of per-frame dB, for the model and both baselines."""
        return {name: mean(getattr(self, name)) for name in ("psnr", "repeat_first", "mean_frame")}

    @property
    def file_name(self) -> str:
        """The name of the file that holds this evaluation; the same measurement again replaces it."""
        return f"{self.split}{self.clip}-{self.z_mode}-{self.checkpoint}.json"


def mean(values: list[float]) -> float:
    """The mean of a curve in dB."""
    return math.fsum(values) / len(values)


def write_evaluation(run: RunDirectory, evaluation: Evaluation) -> None:
    """Store an evaluation in the run's folder."""
    run.evaluations.mkdir(exist_ok=True)
    write_atomic(run.evaluations / evaluation.file_name, codec.encode({"format": FORMAT, **asdict(evaluation)}))


def read_evaluations(run: RunDirectory) -> list[Evaluation]:
    """All readable evaluations of a run, the newest first; a damaged one hides only itself."""
    files = [path for path in run.evaluations.glob("*.json") if not path.name.startswith(".")]
    files.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    found = (_parse(path.read_bytes()) for path in files)
    return [evaluation for evaluation in found if evaluation is not None]


def main_evaluation(run: RunDirectory) -> Evaluation | None:
    """The evaluation to quote: validation clip 0, z from the prior, the best checkpoint rather than the last."""
    quotable = [item for item in read_evaluations(run) if (item.split, item.clip, item.z_mode) == ("val", 0, "prior")]
    return min(quotable, key=lambda item: item.checkpoint != "best", default=None)


def require_evaluation(run: RunDirectory) -> Evaluation:
    """The evaluation to quote; raises UserError where there is none."""
    evaluation = main_evaluation(run)
    if evaluation is None:
        raise UserError(f"Run {run.run_id} has no evaluation; make one with `vidpred-engine evaluate {run.run_id}`.")
    return evaluation


def _parse(content: bytes) -> Evaluation | None:
    try:
        values: dict[str, Any] = codec.decode(content)
        return Evaluation(**{item.name: values[item.name] for item in fields(Evaluation)})
    except (ValueError, KeyError, TypeError):
        return None
