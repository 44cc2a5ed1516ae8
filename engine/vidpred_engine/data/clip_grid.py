"""Where training clips begin: the lab's fixed grid over sequences of frames."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vidpred_engine.errors import UserError

Indices = NDArray[np.int64]


def clip_starts(lengths: Sequence[int], clip_length: int, partial: float, stride: int = 0) -> Indices:
    """First frame of every clip within the first `partial` of the frames of sequences of these lengths.

    Successive clips of a sequence start `stride` frames apart, 0 standing for `clip_length`.

    Raises UserError where not one clip fits.
    """
    frames = sum(lengths)
    kept = int(frames * partial)
    starts: list[int] = []
    begin = 0
    for length in lengths:
        end = min(begin + length, kept)
        starts += range(begin, end - clip_length + 1, stride or clip_length)
        begin += length
    if not starts:
        raise UserError(
            f"Not one training clip fits: a clip needs {clip_length} frames in a row, and partial {partial:g} of the "
            f"training set is {kept} of {frames} frames; lower clip_length, raise partial or add frames."
        )
    return np.array(starts, dtype=np.int64)
