"""Films as image files in the folder of the first one."""

from pathlib import Path
from zlib import crc32

import numpy as np

from vidpred_engine.store.pictures import side_by_side, write_gif, write_png
from vidpred_engine.store.sample_frames import Pixels
from vidpred_tui.pictures.film import Film

SCALE = 4
# File systems take names of 255 bytes, of which the rest of it needs some 80.
LONGEST_NAME = 150


def export_gif(film: Film) -> Path:
    """Write the whole film: truth, prediction, error and pose side by side, a run a row."""
    path = _named(film, ".gif")
    write_gif(path, _picture(film, slice(len(film))), SCALE)
    return path


def export_png(film: Film, frame: int) -> Path:
    """Write one frame, likewise."""
    path = _named(film, f"-{frame:04}.png")
    write_png(path, _picture(film, slice(frame - 1, frame))[0], SCALE)
    return path


def _named(film: Film, end: str) -> Path:
    """A name that tells what is shown, so that one of another step or of other runs is not written over."""
    first = film.reels[0]
    name = f"{Path(first.frames.file_name).stem}-step{first.frames.step}"
    if others := film.reels[1:]:
        shown = "".join(f"-{reel.run_id}-{reel.frames.step}" for reel in others)
        name += shown if len(shown) <= LONGEST_NAME else f"-and-{len(others)}-more-{crc32(shown.encode()):08x}"
    return first.folder / f"{name}{end}"


def _picture(film: Film, part: slice) -> Pixels:
    """The frames of a part of the film as (T, H, W, 3), a run below the other; narrower runs are padded in white."""
    rows = [
        side_by_side([reel.frames.truth[part], reel.frames.prediction[part], reel.error(part), reel.frames.pose[part]])
        for reel in film.reels
    ]
    widest = max(row.shape[2] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, 0), (0, widest - row.shape[2]), (0, 0)), constant_values=255) for row in rows]
    return np.concatenate(padded, axis=1)
