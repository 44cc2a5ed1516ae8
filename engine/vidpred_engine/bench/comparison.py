"""The comparison: check that both sides agree, then time them in turns."""

import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from vidpred_engine.bench.check import Difference, refusal, rollout_difference, step_differences
from vidpred_engine.bench.engine_side import EngineSide
from vidpred_engine.bench.literal_side import LiteralSide
from vidpred_engine.bench.measure import Measure
from vidpred_engine.bench.own_process import OwnProcess
from vidpred_engine.data.packed import load_packed
from vidpred_engine.data.source import open_folder, open_run_data
from vidpred_engine.device import choose_device
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings

Sides: TypeAlias = dict[str, OwnProcess]

MODES = {"teacher-forced": True, "free-running": False}
WORKERS = (0, 4)
"""Processes that decode PNG files for the literal side: none, and the lab's default."""
SAMPLES = 16
CHECKED_FRAMES = 8
LITERAL_ONLY = (
    *("clip_stride", "shuffle", "augment", "colour_jitter"),
    *("model", "output", "normalisation", "latent", "loss", "detach_previous", "previous_noise"),
)
"""Settings of which the literal program knows only the lab's value."""


@dataclass(frozen=True)
class Effort:
    """How much is measured: rounds of turns, training steps a turn, predicted frames of a rollout, clips read."""

    rounds: int
    steps: int
    frames: int
    clips: int


def effort(settings: RunSettings, *, quick: bool, frames: int | None) -> Effort:
    """What is reasonable on the device of the settings, with `frames` of a rollout where given."""
    gpu = choose_device(settings.device).type == "cuda"
    return Effort(
        rounds=3 if quick else 7,
        steps=10 if gpu else 1,
        frames=frames or ((64 if quick else 630) if gpu else (6 if quick else 24)),
        clips=40 if quick else 200,
    )


@dataclass(frozen=True)
class StepWork:
    """What one training step does: its share of the measured peak is that of the faster of two probes."""

    mode: str
    side: str
    frames_per_s: float
    gflop: float
    tflops: float
    share_of_peak: float
    kernels: int | None


@dataclass(frozen=True)
class Comparison:
    """What was found; nothing is measured where `refused` says why."""

    differences: list[Difference]
    refused: str = ""
    measures: tuple[Measure, ...] = ()
    steps: tuple[StepWork, ...] = ()
    peak_tflops: dict[str, float] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    packed_frames: int = 0
    packing_seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values, with medians and ratios beside the timings."""
        measures = [
            {**asdict(one), "medians": {"literal": asdict(one.literal_seconds), "engine": asdict(one.engine_seconds)}}
            | {"ratio": asdict(one.ratio)}
            for one in self.measures
        ]
        return {**asdict(self), "measures": measures}


def compare(settings: RunSettings, effort: Effort, progress: Progress) -> Comparison:
    """Measure the literal program and the engine at settings that both have, see `as_the_lab_has_it`."""
    open_run_data(settings, progress)  # drawn and packed once, with a bar, before both sides want it
    with OwnProcess(LiteralSide, settings) as literal, OwnProcess(EngineSide, settings) as engine:
        sides = {"literal": literal, "engine": engine}
        engine.ask("take_literal_weights")
        frames = min(effort.frames, engine.ask("predictable_frames"))
        progress.say("checking that both sides compute the same ...")
        differences = _differences(sides, min(frames, CHECKED_FRAMES))
        if refused := refusal(differences):
            return Comparison(differences, refused)
        progress.say("counting operations ...")
        flops = {(mode, side): sides[side].ask("step_flops", MODES[mode]) for mode in MODES for side in sides}
        reading = _data_measures(settings, effort, engine.ask("clips"))
        steps = {
            mode: Measure(f"training step, {mode}", "train_step", (forced,), (forced,), repeats=effort.steps)
            for mode, forced in MODES.items()
        }
        rollouts = _rollout_measures(frames)
        _take_turns([*reading, *steps.values()], sides, effort.rounds, progress)
        peak_bytes = {side: process.ask("peak_bytes") for side, process in sides.items()}
        _take_turns(rollouts, sides, effort.rounds, progress)
        peak_tflops = engine.ask("peak_tflops")
        work = []
        for (mode, side), count in flops.items():
            kernels = sides[side].ask("step_kernels", MODES[mode])
            work.append(_step_work(settings, steps[mode], mode, side, count, max(peak_tflops.values()), kernels))
        packed_frames, packing_seconds = _pack_cold(settings, progress)
    measures = (*reading, *steps.values(), *rollouts)
    return Comparison(differences, "", measures, tuple(work), peak_tflops, peak_bytes, packed_frames, packing_seconds)


def as_the_lab_has_it(settings: RunSettings) -> tuple[RunSettings, tuple[str, ...]]:
    """The settings with the lab's own values where the literal step knows nothing else; and what was set back."""
    lab = {name: RunSettings.model_fields[name].default for name in LITERAL_ONLY}
    changed = tuple(name for name, value in lab.items() if getattr(settings, name) != value)
    return settings.model_copy(update=lab), changed


def _differences(sides: Sides, frames: int) -> list[Difference]:
    found: list[Difference] = []
    for mode, forced in MODES.items():
        found += step_differences(mode, *(side.ask("exactly", "probe", forced) for side in sides.values()))
    return [*found, rollout_difference(*(side.ask("exactly", "predict", frames) for side in sides.values()))]


def _data_measures(settings: RunSettings, effort: Effort, clips: int) -> list[Measure]:
    size = settings.batch_size
    read = max(min(effort.clips, clips) // size, 1) * size
    return [
        Measure(f"reading {read} clips, {workers} workers", "read_clips", (read, workers), (read, 0))
        for workers in WORKERS
    ]


def _rollout_measures(frames: int) -> list[Measure]:
    name = f"rollout of {frames} frames"
    return [
        Measure(name, "roll_out", (frames, 1), (frames, 1)),
        Measure(f"{name}, {SAMPLES} samples", "roll_out", (frames, 1), (frames, SAMPLES), literal_times=SAMPLES),
    ]


def _take_turns(measures: list[Measure], sides: Sides, rounds: int, progress: Progress) -> None:
    """Time each measure on one side, then on the other, round after round, so that a busy spell meets both."""
    with progress.bar("timing", rounds * len(measures), unit="turn") as bar:
        for measure in measures:
            progress.say(f"timing: {measure.name} ...")
            for _ in range(rounds):
                for side, process in sides.items():
                    arguments = getattr(measure, f"{side}_arguments")
                    getattr(measure, side).append(process.ask("timed", measure.repeats, measure.work, *arguments))
                bar.update()


def _step_work(
    settings: RunSettings,
    measure: Measure,
    mode: str,
    side: str,
    flops: int,
    peak_tflops: float,
    kernels: int | None,
) -> StepWork:
    seconds = (measure.literal_seconds if side == "literal" else measure.engine_seconds).wall
    tflops = 1e-12 * flops / seconds
    predicted = settings.batch_size * (settings.clip_length - 1)
    return StepWork(mode, side, predicted / seconds, 1e-9 * flops, tflops, tflops / peak_tflops, kernels)


def _pack_cold(settings: RunSettings, progress: Progress) -> tuple[int, float]:
    """Decode the training split's PNG files into a cache of its own; the frames and the seconds that took."""
    folder = open_folder(settings, progress)
    size = {"height": settings.frame_height, "width": settings.frame_width}
    with tempfile.TemporaryDirectory() as cache, progress.report("packing anew, to time it") as report:
        began = time.perf_counter()
        packed = load_packed(folder, "train", **size, cache=Path(cache), progress=report)
        return len(packed.frames_nchw), time.perf_counter() - began
