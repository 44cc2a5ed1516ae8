"""evaluation/*.json: the scores of a rollout frame by frame, both baselines, and where each number comes from."""

import math
import statistics
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from vidpred_engine.errors import NewerFormatError, UserError
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import file_stamp, write_atomic
from vidpred_engine.store.codec import number
from vidpred_engine.store.reading import read_whole, why_unreadable
from vidpred_engine.store.run_directory import RunDirectory

LARGEST_FILE = 2**26
"""Bytes; 630 frames with all curves take 160 kB."""
FORMAT = 2  # format 1 had PSNR only; what it lacks is read as not measured
NO_LATENT = "off"
QUOTABLE = ("prior", NO_LATENT)
DRIFT_FRAMES = 50
COMPARED = ("ssim", "ssim_repeat_first", "ssim_mean_frame", "drift", "kl_per_frame", "gap")

Curve = list[float]


@dataclass(frozen=True)
class Evaluation:
    """Scores of frames 1..T-1 of one clip frame by frame, with their provenance; empty or None is not measured.

    A model's figure means little alone: `repeat_first` and `mean_frame` are the curves of the two baselines, repeating
    the given first frame and the mean training frame, on the same clip.

    z_mode       where z came from: prior, posterior, posterior-mean, zero, or off for a run without a latent
    psnr         dB, data range 1; with several samples of z the mean over them, like ssim and lab_score
    ssim         as `evaluation/ssim.py` defines it
    kl           nats, from the posterior of the true frame to the prior, summed over the latent; the same for any z
    lab_score    the lab's 8-bit score of the clip in dB: PSNR of rounded frames, the mean over frames 1..600
    sample_psnr  the mean PSNR over the clip of each sample, where there are several
    psnr_best    PSNR of the best sample, which is the one with the highest mean over the clip, not the best at each
                 frame
    psnr_low, psnr_high   percentiles 2.5 and 97.5 over the samples at each frame, interpolated linearly: with fewer
                 than 41 samples they lie between the two outermost ones, so of few they span nearly the range and
                 estimate no tail
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
    psnr: Curve
    repeat_first: Curve
    mean_frame: Curve
    ssim: Curve = field(default_factory=list)
    ssim_repeat_first: Curve = field(default_factory=list)
    ssim_mean_frame: Curve = field(default_factory=list)
    kl: Curve = field(default_factory=list)
    lab_score: float | None = None
    lab_score_repeat_first: float | None = None
    lab_score_mean_frame: float | None = None
    sample_psnr: Curve = field(default_factory=list)
    psnr_best: Curve = field(default_factory=list)
    psnr_low: Curve = field(default_factory=list)
    psnr_high: Curve = field(default_factory=list)

    def means(self) -> dict[str, float]:
        """Mean over frames of per-frame dB, for the model and both baselines."""
        return {name: mean(getattr(self, name)) for name in ("psnr", "repeat_first", "mean_frame")}

    def figures(self) -> dict[str, float | None]:
        """Single numbers of the model: means over frames, drift, the lab's score; best and band of several samples.

        `best`, `low` and `high` are the best and the percentiles 2.5 and 97.5 of the samples' means over the clip.
        """
        cuts = statistics.quantiles(self.sample_psnr, n=40, method="inclusive") if len(self.sample_psnr) > 1 else None
        return {
            **_figures(self.psnr, self.ssim, self.lab_score),
            "kl_per_frame": _mean_of(self.kl),
            "best": max(self.sample_psnr, default=None),
            "low": cuts[0] if cuts else None,
            "high": cuts[-1] if cuts else None,
        }

    def baseline_figures(self) -> dict[str, dict[str, float | None]]:
        """The same numbers of both baselines, where they have them."""
        return {
            "repeat_first": _figures(self.repeat_first, self.ssim_repeat_first, self.lab_score_repeat_first),
            "mean_frame": _figures(self.mean_frame, self.ssim_mean_frame, self.lab_score_mean_frame),
        }

    @property
    def file_name(self) -> str:
        """The name of the file that holds this evaluation; the same measurement again replaces it."""
        samples = f"-{self.samples}samples" if self.samples > 1 else ""
        return f"{self.split}{self.clip}-{self.z_mode}-{self.checkpoint}{samples}.json"


def mean(values: Sequence[float]) -> float:
    """The mean of a curve; not finite where a value is not."""
    try:
        total = math.fsum(values) if all(map(math.isfinite, values)) else sum(values)
    except OverflowError:
        total = sum(values)
    return total / len(values)


def drift(psnr: Curve) -> float | None:
    """By how many dB a rollout fades: the mean PSNR of its first 50 frames less that of its last 50.

    None where the two would overlap.
    """
    if len(psnr) < 2 * DRIFT_FRAMES:
        return None
    return mean(psnr[:DRIFT_FRAMES]) - mean(psnr[-DRIFT_FRAMES:])


def _mean_of(curve: Curve) -> float | None:
    return mean(curve) if curve else None


def _figures(psnr: Curve, ssim: Curve, lab_score: float | None) -> dict[str, float | None]:
    return {"psnr": _mean_of(psnr), "ssim": _mean_of(ssim), "drift": drift(psnr), "lab_score": lab_score}


def write_evaluation(run: RunDirectory, evaluation: Evaluation) -> None:
    """Store an evaluation in the run's folder."""
    run.evaluations.mkdir(exist_ok=True)
    write_atomic(run.evaluations / evaluation.file_name, codec.encode({"format": FORMAT, **asdict(evaluation)}))


def read_evaluations(run: RunDirectory) -> list[Evaluation]:
    """All readable evaluations of a run, the newest first; a damaged one hides only itself."""
    found = []
    for path in evaluation_files(run):
        with suppress(UserError):
            evaluation, stamp = read_evaluation(path), file_stamp(path)
            found.append((stamp[0] if stamp else 0, evaluation))
    return [evaluation for _, evaluation in sorted(found, key=lambda item: item[0], reverse=True)]


def evaluation_files(run: RunDirectory) -> list[Path]:
    """The files of a run's evaluations, read or not, by name."""
    return sorted(path for path in run.evaluations.glob("*.json") if not path.name.startswith("."))


def main_evaluation(run: RunDirectory) -> Evaluation | None:
    """The evaluation to quote: validation clip 0, one rollout, z from the prior (or no latent), best checkpoint first.

    Of several validation clips it is the first alone; the best checkpoint is chosen by the mean over all of them, and
    `evaluate` prints each with that mean. An evaluation of several samples is never quoted in its place.
    """
    return quoted_with_gap(run)[0]


def quoted_with_gap(run: RunDirectory) -> tuple[Evaluation | None, float | None]:
    """The evaluation to quote and its `posterior_gap`."""
    stored = read_evaluations(run)
    single = (item for item in stored if (item.split, item.clip, item.samples) == ("val", 0, 1))
    quotable = [item for item in single if item.z_mode in QUOTABLE]
    quoted = min(quotable, key=lambda item: item.checkpoint != "best", default=None)
    return quoted, posterior_gap(quoted, stored)


def posterior_gap(evaluation: Evaluation | None, others: Iterable[Evaluation]) -> float | None:
    """By how many dB of mean PSNR z from the posterior beats z from the prior; None where either is missing.

    `evaluation` has z from the prior; its counterpart among the others differs in nothing but z: same clip, data,
    weights, samples and seed.
    """
    if evaluation is None or evaluation.z_mode != "prior":
        return None
    counterparts = [item for item in others if item.z_mode == "posterior" and _origin(item) == _origin(evaluation)]
    return mean(counterparts[0].psnr) - mean(evaluation.psnr) if counterparts else None


def compared_figures(evaluation: Evaluation | None, gap: float | None) -> dict[str, float | None]:
    """The figures named in COMPARED that tables of runs show of the quoted evaluation, None where there is none."""
    if evaluation is None:
        return dict.fromkeys(COMPARED)
    baselines = {f"ssim_{name}": figures["ssim"] for name, figures in evaluation.baseline_figures().items()}
    known = {**evaluation.figures(), **baselines, "gap": gap}
    return {name: known[name] for name in COMPARED}


def require_evaluation(run: RunDirectory) -> Evaluation:
    """The evaluation to quote; raises UserError where there is none."""
    evaluation = main_evaluation(run)
    if evaluation is None:
        raise UserError(f"Run {run.run_id} has no evaluation; make one with `vidpred-engine evaluate {run.run_id}`.")
    return evaluation


def _origin(item: Evaluation) -> tuple[object, ...]:
    where = item.split, item.clip, len(item.psnr), item.data_digest
    return (*where, item.samples, item.seed, item.checkpoint, item.step, item.weights)


def read_evaluation(path: Path) -> Evaluation:
    """Read such a file; raises UserError naming it where it is damaged, gone or of a format to come."""
    try:
        values = codec.decode(read_whole(path, LARGEST_FILE))
        codec.check_format(values, FORMAT)
        found = {item.name: _value(item, values) for item in fields(Evaluation)}
        codec.check_kinds(Evaluation, found)
        if len({len(found[name]) for name in ("psnr", "repeat_first", "mean_frame")}) > 1:
            raise ValueError("its curves are not equally long")
        return Evaluation(**found)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {why_unreadable(error)}.") from None
    except NewerFormatError as error:
        raise NewerFormatError(f"{path} cannot be read: {error}.") from None
    except (ValueError, TypeError) as error:
        raise UserError(f"{path} cannot be read: {error}.") from None


def _value(item: "Field[Any]", values: dict[str, Any]) -> Any:
    """What a file holds for a field, its default where the file is older than the field; raises ValueError.

    Numbers that are not finite come back as numbers.
    """
    if item.name not in values:
        if item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"it has no {item.name}")
        return item.default_factory() if item.default_factory is not MISSING else item.default
    value = values[item.name]
    if item.type == Curve:
        curve = [number(entry) for entry in value] if isinstance(value, list) else [None]
        if None in curve or (not curve and item.default_factory is MISSING):
            raise ValueError(f"its {item.name} is no curve of numbers")
        return curve
    return number(value) if item.type == float | None else value
