"""Writes the dancer as a data set in the lab's folder layout, whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Callable, Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import lru_cache
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidpred_engine.data.dancer.clip import DancerClip
from vidpred_engine.errors import UserError

_SIZES: Final = range(16, 2049)


def draw_clip(
    frames: int, *, width: int, height: int, seed: int, split: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a clip in memory: `frames_nhwc` and `labels_nhwc`, RGB.

    `split` is the clip's place in the layout: "train", "val", "test/0", "test/1" and so on; for one seed and one size
    the arrays equal what `write_dancer` writes there. A shorter clip is the beginning of a longer one.

    Raises: UserError for a size, a count or a seed out of range.
    """
    _check_numbers({"frames": (frames, 1), "seed": (seed, 0)}, width, height)
    clip = DancerClip(frames, width=width, height=height, seed=seed, split=split)
    batches = _batches(frames, width * height)
    frames_nhwc = np.concatenate([clip.frames_nhwc(numbers) for numbers in batches])
    return frames_nhwc, np.concatenate([clip.labels_nhwc(numbers) for numbers in batches])


def write_dancer(
    root: Path,
    *,
    train_frames: int = 3200,
    val_frames: int = 630,
    test_clips: int = 5,
    test_frames: int = 630,
    width: int = 64,
    height: int = 32,
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write train, val and test clips of the dancer, three different motions of one seed, as RGB PNG files.

    The layout is the lab's, ROOT/{train,val}/{train,val}_{img,label}/N.png and ROOT/test/test_{img,label}/CLIP/N.png
    with first frames alone in test_img; ROOT/test/test_truth/CLIP/N.png holds the pictures that the lab keeps back.
    The files depend on the numbers alone, never on `workers` (None: as many as repay their start; the pool's
    processes import the caller's main module). `progress(done, total)` counts frames.

    Raises: UserError if root is there and not an empty folder, or for a number out of range. On any error, also one
    from `progress`, nothing is left under root's name.
    """
    least = {"train_frames": (train_frames, 2), "val_frames": (val_frames, 2), "test_clips": (test_clips, 0)}
    least |= {"test_frames": (test_frames, 2)} if test_clips else {}
    least |= {"seed": (seed, 0)} | ({} if workers is None else {"workers": (workers, 1)})
    _check_numbers(least, width, height)
    root = root.absolute()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UserError(f"{root} exists and is not an empty folder: name a new one")

    partial = root.with_name(f".{root.name}.partial-{secrets.token_hex(4)}")
    clips = _layout(partial, train_frames, val_frames, test_clips, test_frames)
    tasks = [
        _Task(clip, numbers, width, height, seed) for clip in clips for numbers in _batches(clip.frames, width * height)
    ]
    total = sum(clip.frames for clip in clips)
    processes = workers or _worthwhile_processes(total, width * height)
    try:
        _make_folders(clips, root)
        with closing(_run(tasks, processes)) as counts:
            for done in accumulate(counts):
                if progress is not None:
                    progress(done, total)
        if root.exists():
            root.rmdir()
        partial.rename(root)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Clip(NamedTuple):
    """Where one clip goes; `first` takes its first picture once more, for the test split."""

    split: str
    frames: int
    pictures: Path
    labels: Path
    first: Path | None = None


class _Task(NamedTuple):
    """A few frames of a clip, drawn at once and written by one process."""

    clip: _Clip
    numbers: slice
    width: int
    height: int
    seed: int


def _layout(root: Path, train_frames: int, val_frames: int, test_clips: int, test_frames: int) -> list[_Clip]:
    clips = [
        _Clip(split, frames, root / split / f"{split}_img", root / split / f"{split}_label")
        for split, frames in (("train", train_frames), ("val", val_frames))
    ]
    test = root / "test"
    for name in map(str, range(test_clips)):
        folders = (test / "test_truth" / name, test / "test_label" / name, test / "test_img" / name)
        clips.append(_Clip(f"test/{name}", test_frames, *folders))
    return clips


def _make_folders(clips: list[_Clip], root: Path) -> None:
    try:
        for clip in clips:
            for folder in (clip.pictures, clip.labels, clip.first):
                if folder is not None:
                    folder.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"{root} cannot be created ({error.strerror}): name another folder") from error


def _batches(frames: int, pixels: int) -> list[slice]:
    """Frames to draw at once: 8 of 64 x 32 take half the time that 8 take singly, large ones take none less."""
    size = max(1, min(8, 300_000 // pixels))
    return [slice(first, min(first + size, frames)) for first in range(0, frames, size)]


def _worthwhile_processes(frames: int, pixels: int) -> int:
    """One process for every 10 seconds of work: 4,300 frames of 64 x 32 or 420 of 512 x 256."""
    return max(1, min(os.cpu_count() or 1, int(frames * (1 + pixels / 12_000)) // 5000))


def _run(tasks: list[_Task], processes: int) -> Generator[int, None, None]:
    """Write all tasks, yielding the frames of each as it is done; abandon the rest when the caller stops."""
    if processes == 1:
        try:
            yield from map(_write_frames, tasks)
        finally:
            _planned_clip.cache_clear()
        return
    # A forked child of a process with threads can hang, so children start afresh.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        yield from pool.map(_write_frames, tasks)
    finally:
        pool.shutdown(cancel_futures=True)


_planned_clip = lru_cache(maxsize=1)(DancerClip)
"""A clip's motion is planned whole, so the tasks of one clip share it."""


def _write_frames(task: _Task) -> int:
    """Draw and write the pictures and pose images of one task, and count them."""
    clip = task.clip
    dancer = _planned_clip(clip.frames, width=task.width, height=task.height, seed=task.seed, split=clip.split)
    numbers = range(task.numbers.start, task.numbers.stop)
    for folder, pictures_nhwc in (
        (clip.pictures, dancer.frames_nhwc(task.numbers)),
        (clip.labels, dancer.labels_nhwc(task.numbers)),
    ):
        for number, picture_hwc in zip(numbers, pictures_nhwc, strict=True):
            Image.fromarray(picture_hwc).save(folder / f"{number}.png", compress_level=1)
    if clip.first is not None and 0 in numbers:
        shutil.copyfile(clip.pictures / "0.png", clip.first / "0.png")
    return len(numbers)


def _check_numbers(least: dict[str, tuple[int, int]], width: int, height: int) -> None:
    """Refuse sizes outside _SIZES, and numbers, given as name: (value, least), that are too small."""
    for name, size in (("width", width), ("height", height)):
        if size not in _SIZES:
            raise UserError(f"{name} must be from {_SIZES.start} to {_SIZES.stop - 1} pixels, not {size}")
    for name, (value, lowest) in least.items():
        if value < lowest:
            raise UserError(f"{name} must be at least {lowest}, not {value}")
