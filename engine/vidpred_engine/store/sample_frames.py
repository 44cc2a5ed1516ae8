"""frames/*.npz: the pictures of a rollout and where they come from; `numpy.load` reads them too.

Arrays truth, prediction and pose, uint8 (T, H, W, 3): frames 1 to T of one clip, as frame 0 is given to the model; and
`about`, the bytes of a JSON object with the other fields of `SampleFrames`.
"""

import re
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidpred_engine.errors import NewerFormatError, UserError
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import replacing
from vidpred_engine.store.run_directory import RunDirectory

FORMAT = 1
NEWEST = "newest"
"""The checkpoint's name in a rollout that a training makes as it validates: weights that no checkpoint may hold."""

LARGEST_PICTURES = 16 * 2**20
"""Bytes of all pictures of a file; the lab's 630 frames of 64x32 take 11.6 MB. What is larger is shrunk."""

_LARGEST_FILE = 2 * LARGEST_PICTURES
_LEAST_SIDE = 8
_PICTURES = ("truth", "prediction", "pose")
_FACTS = ("split", "clip", "z_mode", "seed", "checkpoint", "step", "weights", "data_digest", "shrunk", "psnr")
_FILE_NAME = re.compile(r"([a-z]+)(\d+)-[\w-]+\.npz")
_WORD = re.compile(r"[\w.:-]{1,80}")

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class SampleFrames:
    """A rollout of one clip as pictures (T, H, W, 3) of frames 1 to T, with its provenance as in `Evaluation`.

    psnr     dB of each predicted frame at full size; longer than T where not all pictures could be kept
    shrunk   by how much the pictures are smaller than the frames they show
    """

    split: str
    clip: int
    z_mode: str
    seed: int
    checkpoint: str
    step: int
    weights: str
    data_digest: str
    psnr: list[float]
    truth: Pixels
    prediction: Pixels
    pose: Pixels
    shrunk: int = 1

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def file_name(self) -> str:
        """The name of the file that holds it; the same measurement again replaces it."""
        return f"{self.split}{self.clip}-{self.z_mode}-{self.checkpoint}.npz"


@dataclass(frozen=True)
class StoredFrames:
    """A file of sample frames, unread; another one under the same name differs in `written`, nanoseconds."""

    path: Path
    split: str
    clip: int
    written: int


def write_sample_frames(run: RunDirectory, frames: SampleFrames) -> Path:
    """Store the pictures of a rollout with the run, whole or not at all, shrunk to LARGEST_PICTURES bytes."""
    run.frames.mkdir(exist_ok=True)
    path = run.frames / frames.file_name
    small = _shrink(frames)
    about = codec.encode({"format": FORMAT, **{name: getattr(small, name) for name in _FACTS}})
    with replacing(path) as temporary, temporary.open("wb") as file:
        about_bytes = np.frombuffer(about, np.uint8)
        np.savez(file, truth=small.truth, prediction=small.prediction, pose=small.pose, about=about_bytes)
    return path


def stored_sample_frames(run: RunDirectory) -> list[StoredFrames]:
    """The files of sample frames of a run, the newest first."""
    found = []
    for path in run.frames.glob("*.npz"):
        if name := _FILE_NAME.fullmatch(path.name):
            try:
                found.append(StoredFrames(path, name[1], int(name[2]), path.stat().st_mtime_ns))
            except (OSError, ValueError):  # gone since, or a number of 5,000 digits
                continue
    return sorted(found, key=lambda item: item.written, reverse=True)


def read_sample_frames(path: Path) -> SampleFrames:
    """Read such a file; raises UserError where it is damaged, or not one that vidpred writes."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST_FILE:
            raise ValueError(path)
        with zipfile.ZipFile(path) as archive:
            about = codec.decode(_array(archive, "about").tobytes())
            codec.check_format(about, FORMAT)  # first: one to come may hold other pictures
            return _checked(about, {name: _array(archive, name) for name in _PICTURES})
    except FileNotFoundError:
        raise UserError(f"{path} is gone; make it anew with `vidpred-engine predict`.") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from None
    except NewerFormatError as error:
        raise NewerFormatError(f"{path} cannot be read: {error}.") from None
    except _DAMAGE:
        raise UserError(f"{path} is damaged; make it anew with `vidpred-engine predict`.") from None


# What zipfile raises on hostile bytes: RuntimeError where a member says it is encrypted, NotImplementedError where it
# names a method of compression to come.
_DAMAGE = (ValueError, KeyError, TypeError, EOFError, RuntimeError, zipfile.BadZipFile)

# numpy itself would evaluate a header as a Python literal, on which hostile ones raise anything.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '\|u1', 'fortran_order': False, 'shape': \(([\d, ]{1,60})\), \} *\n", re.DOTALL
)


def _array(archive: zipfile.ZipFile, name: str) -> Pixels:
    """A member's bytes in its shape, without a copy; refuses what is compressed, as its size may explode."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED or member.file_size > _LARGEST_FILE:
        raise ValueError(name)
    content = archive.read(member)
    header = _HEADER.match(content)
    shape = tuple(int(side) for side in header[1].split(b",") if side.strip()) if header else (0,)
    if header is None or min(shape, default=0) < 1:
        raise ValueError(name)
    return np.frombuffer(content, np.uint8, offset=header.end()).reshape(shape)


def _checked(about: Any, pictures: Mapping[str, Pixels]) -> SampleFrames:
    shapes = {array.shape for array in pictures.values()}
    if len(shapes) != 1:
        raise ValueError("shapes")
    (shape,) = shapes
    psnr = [codec.number(value) for value in about["psnr"]]
    facts: dict[str, Any] = {name: about[name] for name in _FACTS if name != "psnr"}
    for name, value in facts.items():
        is_number = name in ("clip", "seed", "step", "shrunk")
        if type(value) is not int if is_number else not (isinstance(value, str) and _WORD.fullmatch(value)):
            raise ValueError(name)
    if len(shape) != 4 or shape[3] != 3 or None in psnr or len(psnr) < shape[0]:
        raise ValueError("shape")
    return SampleFrames(**facts, **pictures, psnr=psnr)  # type: ignore[arg-type]


def _shrink(frames: SampleFrames) -> SampleFrames:
    """Average squares of pixels as far as the limit asks for, and drop the last pictures where that is not enough."""
    count, height, width = map(int, frames.truth.shape[:3])

    def size(factor: int) -> int:
        return len(_PICTURES) * 3 * (height // factor) * (width // factor)

    factor = 1
    while count * size(factor) > LARGEST_PICTURES and min(height, width) // (factor + 1) >= _LEAST_SIDE:
        factor += 1
    kept = min(count, LARGEST_PICTURES // size(factor))
    if factor == 1 and kept == count:
        return frames
    whole = (frames.truth, frames.prediction, frames.pose)
    truth, prediction, pose = (_average(pictures[:kept], factor) for pictures in whole)
    return replace(frames, truth=truth, prediction=prediction, pose=pose, shrunk=frames.shrunk * factor)


def _average(pictures_thwc: Pixels, factor: int) -> Pixels:
    """The mean of each square of `factor` pixels; rows and columns that fill no square are left out."""
    height, width = (side // factor for side in pictures_thwc.shape[1:3])
    cut = pictures_thwc[:, : height * factor, : width * factor]
    squares = cut.reshape(len(cut), height, factor, width, factor, 3)
    average: Pixels = np.rint(squares.mean((2, 4), dtype=np.float32)).astype(np.uint8)
    return average
