"""What is wrong with the files of runs: each damaged one is named, and hides nothing but itself."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vidpred_engine.errors import NewerFormatError, UserError
from vidpred_engine.inert import inert
from vidpred_engine.store import annotations, codec, status
from vidpred_engine.store.atomic import abandoned_files
from vidpred_engine.store.evaluations import evaluation_files, main_evaluation, read_evaluation
from vidpred_engine.store.index_file import AtomicStorage
from vidpred_engine.store.metric_log import MetricReader, ends_with_newline
from vidpred_engine.store.reading import open_regular, read_whole
from vidpred_engine.store.registry import CURVES, INDEX, Registry
from vidpred_engine.store.run_directory import RUN_ID, RunDirectory, run_directories
from vidpred_engine.store.sample_frames import read_sample_frames

Kind = Literal[
    "settings",
    "status",
    "annotations",
    "evaluation",
    "metrics",
    "frames",
    "checkpoint",
    "leftover",
    "index",
    "foreign",
]
"""What a file is; "foreign" is one that vidpred cannot mend: a link, an unreadable one, one of a format to come."""

LoadCheckpoint = Callable[[Path], Mapping[str, Any]]
"""Loads a checkpoint weights-only; raises UserError. It brings torch along, which this module does without."""


@dataclass(frozen=True)
class Damage:
    """A file that cannot serve, or not all of it; `fault` says so in a line that names it and is fit to be shown."""

    kind: Kind
    path: Path
    fault: str


def small_file_damage(run: RunDirectory) -> list[Damage]:
    """Damage of settings, status, annotations and evaluations, which takes half a millisecond to find."""
    return [*_settings(run), *_status(run), *_annotations(run), *_evaluations(run)]


def run_damage(run: RunDirectory, load_checkpoint: LoadCheckpoint | None = None) -> list[Damage]:
    """All damage of a run; of its checkpoints only where there is something to load them with."""
    found = [*small_file_damage(run), *_metrics(run)]
    for path in sorted(run.frames.glob("*.npz")):
        found += _unreadable("frames", path, read_sample_frames)
    if load_checkpoint is not None:
        for path in sorted(run.checkpoints.glob("*.pt")):
            found += _unreadable("checkpoint", path, load_checkpoint)
    found += _strangers(run)
    for folder in (run.path, run.checkpoints, run.evaluations, run.frames):
        found += _leftovers(folder)
    return found


def folder_damage(runs: Path) -> list[Damage]:
    """Damage of a folder of runs itself: of the index, and links that look like runs."""
    found = [*_index(runs / INDEX), *_index(runs / CURVES), *_leftovers(runs)]
    if not found and (lacking := _without_curve(runs)):
        found.append(_damage("index", runs / CURVES, f"{CURVES} lacks the PSNR of {', '.join(lacking)}"))
    for path in sorted(runs.glob("*")):
        if RUN_ID.fullmatch(path.name) and path.is_symlink():
            found.append(_damage("foreign", path, f"{path.name} is a link, so it is no run of this folder"))
    return found


def log_fault(name: str, damaged: int, fault: str) -> str:
    """What is wrong with a metric log, from what a reader of it says; empty where nothing is."""
    if fault:
        return f"{name} cannot be read: {fault}"
    return f"{name} has {damaged} damaged line{'s' * (damaged > 1)}" if damaged else ""


def _settings(run: RunDirectory) -> Iterator[Damage]:
    def read(path: Path) -> None:
        try:
            run.settings()
        except UserError as error:
            raise type(error)(f"{path.name} is not usable: {str(error).partition(': ')[2]}") from None

    return _unreadable("settings", run.settings_file, read)


def _status(run: RunDirectory) -> Iterator[Damage]:
    found = status.read_status(run.status_file)
    if found.heartbeat == 0 and found.cause.startswith(run.status_file.name):
        yield _damage(_kind("status", run.status_file, status.FORMAT), run.status_file, found.cause)


def _annotations(run: RunDirectory) -> Iterator[Damage]:
    path = run.annotations_file
    if fault := annotations.annotations_fault(run):
        yield _damage(_kind("annotations", path, annotations.FORMAT), path, f"{path.name} cannot be read: {fault}")


def _evaluations(run: RunDirectory) -> Iterator[Damage]:
    for path in evaluation_files(run):
        yield from _unreadable("evaluation", path, read_evaluation)


def _metrics(run: RunDirectory) -> Iterator[Damage]:
    path = run.metrics_file
    reader = MetricReader(path)
    reader.read_new()
    if fault := log_fault(path.name, reader.damaged, reader.fault):
        yield _damage("foreign" if reader.fault else "metrics", path, fault)
    elif path.is_file() and not ends_with_newline(path):
        yield _damage("metrics", path, f"{path.name} ends in half a line")


def _strangers(run: RunDirectory) -> Iterator[Damage]:
    """Links, through which a run would leave its folder, and a lock that nobody can hold."""
    for path in sorted(run.path.glob("*")):
        if path.is_symlink():
            yield _damage("foreign", path, f"{path.name} is a link; put what it leads to in its place, or remove it")
        elif path == run.lock_file and not path.is_file():
            yield _damage("foreign", path, f"{path.name} is no file, so that nobody can train the run; remove it")


def _leftovers(folder: Path) -> Iterator[Damage]:
    for path in sorted(abandoned_files(folder)):
        yield _damage("leftover", path, f"{path.name} was left behind by a killed process")


def _index(path: Path) -> Iterator[Damage]:
    try:
        AtomicStorage(path).read()
    except OSError as error:
        yield _damage("foreign", path, f"{path.name} cannot be read: {error.strerror}")
    except ValueError as error:
        yield _damage("index", path, f"{path.name} cannot be read: {error}")


def _without_curve(runs: Path) -> list[str]:
    """The runs with an evaluation to quote that the index does not hold, as it was begun anew after some damage."""
    indexed = Registry(runs).has_curve()
    missing = [run for run in run_directories(runs) if run.run_id not in indexed]
    return [run.run_id for run in missing if main_evaluation(run) is not None]


def _unreadable(kind: Kind, path: Path, read: Callable[[Path], object]) -> Iterator[Damage]:
    try:
        read(path)
    except UserError as error:
        foreign = isinstance(error, NewerFormatError) or not _opens(path)
        yield _damage("foreign" if foreign else kind, path, str(error).replace(str(path), path.name))


def _kind(kind: Kind, path: Path, newest: int) -> Kind:
    """The kind of a damaged JSON file: "foreign" where it is whole, but not for this program."""
    try:
        codec.check_format(codec.decode(read_whole(path)), newest)
    except NewerFormatError:
        return "foreign"
    except (OSError, ValueError):
        return kind if _opens(path) else "foreign"
    return kind


def _opens(path: Path) -> bool:
    """Whether a file can be opened, or would be if it were there."""
    try:
        open_regular(path).close()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _damage(kind: Kind, path: Path, fault: str) -> Damage:
    return Damage(kind, path, inert(fault).removesuffix("."))
