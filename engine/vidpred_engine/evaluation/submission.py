"""The lab's submission.csv: header `id,0,1,...`, then one row a frame, all test sequences one after the other.

A row is the frame's number in the file, from 0, and its 8-bit values in C,H,W order.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vidpred_engine.errors import UserError
from vidpred_engine.progress import Progress
from vidpred_engine.store.atomic import replacing

Levels = NDArray[np.uint8]
"""Frames as rows of a submission: (frames, C*H*W)."""

_WITH_COMMA = np.array([f"{level}," for level in range(256)], dtype="S4")


def to_levels(frames_nchw: Tensor) -> Levels:
    """The 8-bit values of frames (N, C, H, W): rint(255 * x) of x clamped to [0, 1], (N, C*H*W)."""
    levels: Levels = frames_nchw.clamp(0, 1).mul(255).round().to(torch.uint8).flatten(1).cpu().numpy()
    return levels


def write_submission(path: Path, sequences_tk: Sequence[Levels]) -> None:
    """Write the frames of sequences (T, C*H*W), whole or not at all; raises UserError where that cannot be.

    Each row is looked up in a table of "0," to "255,": the lab's 3,150 rows of 6,144 values take half a second.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("wb") as file:
            file.write(f"{_header(sequences_tk[0].shape[1])}\n".encode())
            for row, levels_k in enumerate(chain.from_iterable(sequences_tk)):
                values = _WITH_COMMA[levels_k].tobytes().translate(None, delete=b"\0")
                file.write(b"%d,%b\n" % (row, values[:-1]))
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None


def read_submission(path: Path, progress: Progress) -> Levels:
    """Read such a file; raises UserError with the first line that is not in the format."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} cannot be read: it is no text; give a CSV file like submission.csv.") from None
    header = lines[0] if lines else ""
    values = header.count(",")
    if not values or header != _header(values):
        raise UserError(f"{path}, line 1: the header should be id,0,1,2 and so on; it begins with {header[:20]!r}.")
    rows: list[Levels] = []  # not one array made at once: a header may promise more than there is
    with progress.report(f"reading {path.name}", unit="row") as report:
        for row, line in enumerate(lines[1:]):
            rows.append(_parse(line, row, values, where=f"{path}, line {row + 2}"))
            report(row + 1, len(lines) - 1)
    return np.stack(rows) if rows else np.empty((0, values), np.uint8)


def _header(values: int) -> str:
    return ",".join(["id", *map(str, range(values))])


def _parse(line: str, row: int, values: int, where: str) -> Levels:
    if (fields := line.count(",") + 1) != values + 1:
        raise UserError(f"{where}: there should be an id and {values} values; there are {fields} fields.")
    try:
        numbers = np.loadtxt([line], delimiter=",", comments=None, ndmin=1)
    except ValueError:
        raise UserError(f"{where}: there is something that is not a number.") from None
    found, levels_k = numbers[0], numbers[1:]
    if found != row:
        raise UserError(f"{where}: the id should be {row}, as rows count from 0 without a gap; it is {found:g}.")
    good_k = (levels_k >= 0) & (levels_k <= 255) & (levels_k == np.rint(levels_k))
    if not good_k.all():
        worst = int(np.argmin(good_k))
        raise UserError(f"{where}: value {worst} should be a whole number from 0 to 255; it is {levels_k[worst]:g}.")
    return levels_k.astype(np.uint8)
