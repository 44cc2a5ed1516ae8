"""What is known of runs before they start: data, memory and disk, how long they may take, and what equals them."""

import shutil
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

import psutil

from vidpred_engine.data.cache import default_cache
from vidpred_engine.data.clip_grid import clip_starts
from vidpred_engine.data.folder import SPLITS, DataFolder, scan_folder
from vidpred_engine.errors import UserError
from vidpred_engine.gpus import visible_gpus
from vidpred_engine.launch.footprint import expected_bytes, validations
from vidpred_engine.schedules import Schedules
from vidpred_engine.settings import SYNTHETIC, RunSettings, describe_settings, differences
from vidpred_engine.store.codec import number
from vidpred_engine.store.metric_log import MetricReader, Record, sample
from vidpred_engine.store.registry import Registry, RunEntry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import read_status
from vidpred_engine.typed_paths import typed_path
from vidpred_engine.wording import duration

_GROUPS = {setting.name: setting.group for setting in describe_settings()}
NO_MATTER = {"name", "device", *(name for name, group in _GROUPS.items() if group == "Progress")}
"""Settings in which equal runs may differ: they do not move the weights. Another seed makes another run."""
_OWN_SPEED = ("device", "precision", "frame_height", "frame_width", "clip_length", "batch_size")
SPEED = (*_OWN_SPEED, *(name for name, group in _GROUPS.items() if group == "Model"))
"""Settings that decide how long a clip takes."""
# A log of any length tells a run's speed in 10 ms by so much of it.
_PLACES, _LENGTH = 8, 2**14


@dataclass(frozen=True)
class SplitCount:
    """What a split holds; `clips` are training clips, in another split whole sequences."""

    sequences: int
    frames: int
    clips: int


@dataclass(frozen=True)
class Preflight:
    """What is known of runs before they start, and one sentence a problem that would end one of them.

    Memory and disk in bytes, `seconds` of one after the other, None where no past run tells; `like` is that run, and
    `equal` the runs that have been made with settings of these already, each with its state: "RUN (failed)". Of several
    runs the data are the first's.
    """

    runs: int
    data: str
    splits: dict[str, SplitCount]
    steps: int
    device: str
    memory_free: int
    memory_total: int
    disk_needed: int
    disk_free: int
    seconds: float | None
    like: str
    equal: tuple[str, ...]
    problems: tuple[str, ...]


def facts(found: Preflight) -> dict[str, str]:
    """What is known, in words."""
    counts = {
        name: f"{split.frames:,} frames" + (f" in {split.clips:,} clips" if name == "train" else "")
        for name, split in found.splits.items()
    }
    known = "no estimate yet" if found.seconds is None else f"about {duration(found.seconds)}, as run {found.like} took"
    return {
        **({"runs": f"{found.runs}, one after the other"} if found.runs > 1 else {}),
        **counts,
        "steps": f"{found.steps:,}",
        "memory": f"{found.memory_free / 2**30:.1f} of {found.memory_total / 2**30:.1f} GiB free, {found.device}",
        "disk": f"{found.disk_needed / 1e9:.2f} GB at most of {found.disk_free / 1e9:.1f} GB free",
        "time": known,
        "the same settings": ", ".join(found.equal),
    }


Lengths = Mapping[str, Sequence[int]]
"""How many frames each sequence of a split has; empty where the data cannot serve."""


class PreflightChecker:
    """Looks at the folder of runs and at data folders; keeps what it has counted while a folder is the same."""

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._registry = Registry(runs)
        self._scanned: tuple[Path, object, DataFolder] | None = None

    def check(self, settings: Sequence[RunSettings]) -> Preflight:
        """What is known of these runs."""
        problems: dict[str, None] = {}
        past = _Past(self._runs, self._entries(problems))
        lengths = [self._lengths(each, problems) for each in settings]
        steps = [_steps(each, found, problems) for each, found in zip(settings, lengths, strict=True)]
        validated = [sum(found.get("val", ())) for found in lengths]
        frames = [min(each.validation_frames, count) for each, count in zip(settings, validated, strict=True)]
        needed, free = sum(map(expected_bytes, settings, steps, frames)), _disk_free(self._runs)
        if needed > free:
            problems[f"The disk has {free / 1e9:.1f} GB free, and {needed / 1e9:.1f} GB may be written."] = None
        seconds, like = past.estimate(settings, steps)
        device, memory_free, memory_total = _memory(settings[0].device, problems)
        return Preflight(
            runs=len(settings),
            data=settings[0].data,
            splits=_counts(settings[0], lengths[0]),
            steps=sum(steps),
            device=device,
            memory_free=memory_free,
            memory_total=memory_total,
            disk_needed=needed,
            disk_free=free,
            seconds=seconds,
            like=like,
            equal=tuple(dict.fromkeys(f"{run.run_id} ({run.state})" for each in settings for run in past.equal(each))),
            problems=tuple(problems),
        )

    def _entries(self, problems: dict[str, None]) -> Sequence[RunEntry]:
        try:
            return self._registry.entries()
        except OSError as error:
            problems[f"The runs folder {self._runs!s:.60} cannot be read: {error.strerror}."] = None
            return []

    def _lengths(self, settings: RunSettings, problems: dict[str, None]) -> Lengths:
        root = typed_path(settings.data)
        if settings.data == SYNTHETIC:
            root = default_cache().parent / "dancer" / f"{settings.frame_width}x{settings.frame_height}"
            if not root.exists():  # it is drawn as the run starts, at these lengths
                return {"train": [3200], "val": [630], "test": [630] * 5}
        try:
            folder = self._scan(root)
            folder.require("train")
            folder.require("val")
        except UserError as error:
            problems[str(error)] = None
            return {}
        except OSError as error:  # no right to look there, a name that is too long, a disk that does not answer
            problems[f"The data folder {root!s:.60} cannot be read: {error.strerror}."] = None
            return {}
        return {split: [len(item.labels) for item in folder.sequences(split)] for split in SPLITS}

    def _scan(self, root: Path) -> DataFolder:
        """The folder's listing, taken anew where a folder of frames has changed: 46,820 names take half a second."""
        stamp = [path.stat().st_mtime_ns for path in sorted(root.glob("*/*")) if path.is_dir()]
        if self._scanned is None or self._scanned[:2] != (root, stamp):
            self._scanned = root, stamp, scan_folder(root)
        return self._scanned[2]


def _clips(settings: RunSettings, lengths: Lengths, partial: float) -> int:
    return len(clip_starts(lengths["train"], settings.clip_length, partial, settings.clip_stride))


def _counts(settings: RunSettings, lengths: Lengths) -> dict[str, SplitCount]:
    counts = {split: SplitCount(len(found), sum(found), len(found)) for split, found in lengths.items() if found}
    with suppress(UserError, KeyError):
        counts["train"] = replace(counts["train"], clips=_clips(settings, lengths, settings.partial))
    return counts


def _steps(settings: RunSettings, lengths: Lengths, problems: dict[str, None]) -> int:
    """How many steps a run has; 0 where it has none, and why among the problems."""
    if not lengths:
        return 0
    try:
        clips = _clips(settings, lengths, settings.partial)
        fast = _clips(settings, lengths, settings.fast_partial) if settings.fast_train else clips
    except UserError as error:
        problems[str(error)] = None
        return 0
    if min(clips, fast) < settings.batch_size:
        problems[f"There are {min(clips, fast)} training clips, fewer than one batch of {settings.batch_size}."] = None
        return 0
    return Schedules(settings, clips // settings.batch_size, fast // settings.batch_size).total_steps


def _disk_free(runs: Path) -> int:
    return shutil.disk_usage(next(path for path in (runs, *runs.absolute().parents) if path.exists())).free


def _memory(wanted: str, problems: dict[str, None]) -> tuple[str, int, int]:
    """The device that a run would use, and its free and its whole memory."""
    gpus = visible_gpus() if wanted != "cpu" else []
    index = int(wanted.partition(":")[2] or 0)
    if index < len(gpus):
        return f"cuda:{index} {gpus[index].name}", gpus[index].memory_free, gpus[index].memory_total
    if wanted.startswith("cuda"):
        problems[f"Setting 'device' is {wanted}, but this machine has {len(gpus)} GPUs."] = None
    memory = psutil.virtual_memory()
    return "cpu", memory.available, memory.total


class _Past:
    """The runs that were, by what they have in common with runs to come."""

    def __init__(self, runs: Path, entries: Sequence[RunEntry]) -> None:
        self._runs = runs
        self._entries = entries  # the newest first
        self._rates: dict[str, tuple[float, float] | None] = {}

    def equal(self, settings: RunSettings) -> Sequence[RunEntry]:
        """The runs with the same settings, but for those that do not matter."""
        data = settings.data if settings.data == SYNTHETIC else str(typed_path(settings.data).resolve())
        return self._by_difference.get(_mattering(differences(settings.model_copy(update={"data": data}))), [])

    @cached_property
    def _by_difference(self) -> dict[frozenset[tuple[str, Any]], list[RunEntry]]:
        found: dict[frozenset[tuple[str, Any]], list[RunEntry]] = {}
        for entry in self._entries:
            found.setdefault(_mattering(entry.changed), []).append(entry)
        return found

    def estimate(self, settings: Sequence[RunSettings], steps: Sequence[int]) -> tuple[float | None, str]:
        """How long these runs take one after the other, and the past run that tells so of the first."""
        total, first = 0.0, ""
        for each, count in zip(settings, steps, strict=True):
            found = next(((entry, rates) for entry in self._alike(each) if (rates := self._rates_of(entry))), None)
            if found is None or not count:
                return None, ""
            entry, (seconds_a_clip, seconds_a_validation) = found
            total += count * each.batch_size * seconds_a_clip + validations(each) * seconds_a_validation
            first = first or entry.run_id
        return total, first

    def _alike(self, settings: RunSettings) -> list[RunEntry]:
        """Runs that took as long a clip, the best to judge by first.

        Finished ones before all others, of these the equal ones first. Then those with the same teacher forcing:
        free-running steps are slower. Of runs cut short the longest tells most: the first steps are slow ones.
        """
        alike = [entry for entry in self._entries if entry.step and _part(entry.changed, SPEED) == _speed(settings)]
        forcing = [name for name, group in _GROUPS.items() if group == "Teacher forcing"]
        own = [getattr(settings, name) for name in forcing]
        equal = {entry.run_id for entry in self.equal(settings)}

        def rank(entry: RunEntry) -> tuple[bool, bool, bool, int]:
            finished, differs = entry.state == "finished", _part(entry.changed, forcing) != own
            if finished:
                return False, entry.run_id not in equal, differs, 0
            return True, False, differs, -entry.step

        return sorted(alike, key=rank)

    def _rates_of(self, entry: RunEntry) -> tuple[float, float] | None:
        """Seconds a clip of training and a validation that a run on this machine took; None where it does not tell."""
        if entry.run_id not in self._rates:
            run = RunDirectory(self._runs / entry.run_id)
            here = read_status(run.status_file).host == socket.gethostname()
            records = _some_records(run.metrics_file) if here else []
            rates = [rate for record in records if (rate := number(record.get("clips_per_s"))) and 0 < rate < 1e9]
            spans = [number(record.get("seconds")) or 0.0 for record in records if record["kind"] == "validation"]
            found = (fmean(1 / rate for rate in rates), fmean(spans or [0.0])) if rates else None
            self._rates[entry.run_id] = found
        return self._rates[entry.run_id]


def _some_records(log: Path) -> list[Record]:
    reader = MetricReader(log)
    return reader.read_new() if reader.unread() < _PLACES * _LENGTH else sample(log, _PLACES, _LENGTH)


def _mattering(changed: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    return frozenset((name, value) for name, value in changed.items() if name not in NO_MATTER)


def _speed(settings: RunSettings) -> list[Any]:
    return [getattr(settings, name) for name in SPEED]


def _part(changed: Mapping[str, Any], names: Iterable[str]) -> list[Any]:
    """Some settings of a run that differs from the defaults so."""
    defaults = RunSettings.model_fields
    return [changed.get(name, defaults[name].default) for name in names]
