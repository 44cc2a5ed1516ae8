"""From the setting `data` to packed frames: the lab's layout in a folder, or the synthetic dancer made on first use."""

from dataclasses import dataclass
from pathlib import Path

import filelock

from vidpred_engine.data.cache import default_cache
from vidpred_engine.data.dancer import write_dancer
from vidpred_engine.data.folder import DataFolder, Split, scan_folder
from vidpred_engine.data.packed import PackedSplit, load_packed
from vidpred_engine.progress import Progress
from vidpred_engine.settings import SYNTHETIC, RunSettings


@dataclass(frozen=True)
class RunData:
    """The packed splits that a run trains and validates on."""

    train: PackedSplit
    validation: PackedSplit


def open_folder(settings: RunSettings, progress: Progress) -> DataFolder:
    """Scan the data folder of a run, drawing the synthetic dancer first where it is asked for; raises UserError."""
    root = _dancer(settings, progress) if settings.data == SYNTHETIC else Path(settings.data)
    return scan_folder(root)


def open_run_data(settings: RunSettings, progress: Progress) -> RunData:
    """Load the training and validation splits, decoding every PNG once into the cache; raises UserError."""
    folder = open_folder(settings, progress)
    return RunData(load_split(folder, "train", settings, progress), load_split(folder, "val", settings, progress))


def load_split(folder: DataFolder, split: Split, settings: RunSettings, progress: Progress) -> PackedSplit:
    """One split at the run's frame size."""
    with progress.report(f"packing {split}") as report:
        return load_packed(
            folder,
            split,
            height=settings.frame_height,
            width=settings.frame_width,
            cache=default_cache(),
            progress=report,
        )


def _dancer(settings: RunSettings, progress: Progress) -> Path:
    """The dancer's folder at the run's frame size; a lock lets one of several processes draw it."""
    home = default_cache().parent / "dancer"
    home.mkdir(parents=True, exist_ok=True)
    root = home / f"{settings.frame_width}x{settings.frame_height}"
    with filelock.FileLock(root.with_suffix(".lock")):
        if not root.exists():
            with progress.report("drawing the synthetic dancer") as report:
                write_dancer(root, width=settings.frame_width, height=settings.frame_height, progress=report)
    return root
