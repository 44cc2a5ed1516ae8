"""Small folders of PNG files in the lab's layout, drawn with numpy and Pillow alone."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Frames = NDArray[np.uint8]


def random_frames(count: int, *, seed: int = 0, height: int = 8, width: int = 16) -> Frames:
    """Noise (count, height, width, 3), so that no two images are alike."""
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def write_pngs(folder: Path, frames_nhwc: Frames, names: Sequence[str] | None = None) -> Path:
    """Write frames as `0.png`, `1.png` ... or under the given names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame_hwc in zip(names or [f"{i}.png" for i in range(len(frames_nhwc))], frames_nhwc, strict=True):
        Image.fromarray(frame_hwc).save(folder / name)
    return folder


def write_split(root: Path, split: str, count: int, *, seed: int = 0, height: int = 8, width: int = 16) -> None:
    """Write `count` frames of seed and as many pose images of seed + 1 below `root`/`split`."""
    write_pngs(root / split / f"{split}_img", random_frames(count, seed=seed, height=height, width=width))
    write_pngs(root / split / f"{split}_label", random_frames(count, seed=seed + 1, height=height, width=width))
