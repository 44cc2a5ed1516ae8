"""Frames and pose images decoded once into one uint8 file a split, and mapped from there ever after.

A packed file is 4096 bytes of header (format and SHA-256), then all frames, then all pose images as C,H,W bytes.
"""

import hashlib
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from vidpred_engine.data.folder import (
    UNDECODABLE,
    DataFolder,
    FrameSequence,
    Progress,
    Size,
    Split,
    open_png,
    undecodable,
    unequal_sizes,
)
from vidpred_engine.errors import UserError
from vidpred_engine.store.atomic import replacing

_FORMAT = b"vidpred packed frames 1 "
_HEADER_BYTES = 4096
"""One page, so that the mapped pixels are aligned."""
_ABANDONED_AFTER = 3600.0
"""Seconds without a write after which a temporary file is what a killed process left behind."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class PackedSequence:
    """One video as uint8 views; `frames_tchw` holds only the first frame where the others are unknown."""

    name: str
    frames_tchw: Tensor
    labels_tchw: Tensor


@dataclass(frozen=True)
class PackedSplit:
    """All frames and pose images of a split, (N, 3, H, W) uint8, one sequence after the other.

    `lengths` counts the pose images of each sequence, `frame_lengths` its known frames. `digest` is the SHA-256 of the
    lengths and pixels: the same data at the same size has the same digest wherever it lies.
    """

    frames_nchw: Tensor
    labels_nchw: Tensor
    names: tuple[str, ...]
    lengths: tuple[int, ...]
    frame_lengths: tuple[int, ...]
    digest: str

    def sequences(self) -> tuple[PackedSequence, ...]:
        """The sequences as views of the packed tensors."""
        frames = torch.split(self.frames_nchw, list(self.frame_lengths))
        labels = torch.split(self.labels_nchw, list(self.lengths))
        return tuple(PackedSequence(*views) for views in zip(self.names, frames, labels, strict=True))


def load_packed(
    folder: DataFolder, split: Split, *, height: int, width: int, cache: Path, progress: Progress | None = None
) -> PackedSplit:
    """Map the packed pixels of `split` at `height` x `width`, decoding its PNG files first where `cache` lacks them.

    Pixels are RGB, resized as PIL's bilinear `resize` does (the same as torchvision's Resize of a PIL image). The file
    is found by folder, names, sizes, modification times and target size, and its checksum is verified; writing is safe
    beside other processes. `progress` counts pairs while decoding. Writing to the tensors leaves the file as it is.

    Raises UserError where the split is absent, an image cannot be decoded, a frame and its pose image differ in size,
    or the cache cannot be written.
    """
    sequences = folder.require(split)
    layout = _Layout(
        tuple(len(sequence.frames) for sequence in sequences),
        tuple(len(sequence.labels) for sequence in sequences),
        height,
        width,
    )
    owner = f"{hashlib.sha256(os.fsencode(folder.root.resolve())).hexdigest()[:16]}-{split}-"
    version = f"{owner}{_stamp(sequences)}-"
    path = cache / f"{version}{height}x{width}.packed"
    found = _read(path, layout)
    if found is None:
        try:
            cache.mkdir(parents=True, exist_ok=True)
            found = _write(path, sequences, layout, progress)
            _remove_outdated(cache, owner, version)
        except OSError as error:
            raise UserError(
                f"The packed frames cannot be written to {cache}: {error.strerror}; "
                f"make room for {layout.file_bytes / 1e6:.0f} MB there, or name another folder in VIDPRED_CACHE."
            ) from error
    pixels, digest = found
    frames_nchw, labels_nchw = torch.split(torch.from_numpy(pixels), [layout.frames, layout.labels])
    names = tuple(sequence.name for sequence in sequences)
    return PackedSplit(frames_nchw, labels_nchw, names, layout.label_lengths, layout.frame_lengths, digest)


@dataclass(frozen=True)
class _Layout:
    frame_lengths: tuple[int, ...]
    label_lengths: tuple[int, ...]
    height: int
    width: int

    @property
    def frames(self) -> int:
        return sum(self.frame_lengths)

    @property
    def labels(self) -> int:
        return sum(self.label_lengths)

    @property
    def image_bytes(self) -> int:
        return 3 * self.height * self.width

    @property
    def file_bytes(self) -> int:
        return _HEADER_BYTES + (self.frames + self.labels) * self.image_bytes

    def digest(self, pixels: Pixels) -> str:
        lengths = json.dumps([self.frame_lengths, self.label_lengths, self.height, self.width]).encode()
        content = hashlib.sha256(lengths)
        content.update(pixels.data)
        return content.hexdigest()


def _stamp(sequences: tuple[FrameSequence, ...]) -> str:
    """Hash of what changes when a file is changed, added or removed."""
    stamp = hashlib.sha256()
    for sequence in sequences:
        for path in sequence.frames + sequence.labels:
            try:
                status = path.stat()
            except OSError as error:
                raise UserError(undecodable(path, error)) from error
            facts = f"{sequence.name}/{path.name}/{status.st_size}/{status.st_mtime_ns}/"
            stamp.update(os.fsencode(facts))
    return stamp.hexdigest()[:16]


def _header(digest: str) -> bytes:
    return (_FORMAT + digest.encode() + b"\n").ljust(_HEADER_BYTES)


def _read(path: Path, layout: _Layout) -> tuple[Pixels, str] | None:
    """Map a packed file; None where it is missing, cut short or its pixels are not those that were written."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            if file.seek(0, os.SEEK_END) != layout.file_bytes:
                return None
            pixels = _map(file, layout)
    except OSError:
        return None
    digest = layout.digest(pixels)
    return (pixels, digest) if header == _header(digest) else None


def _map(path: Path | BinaryIO, layout: _Layout) -> Pixels:
    """Pixels (N, 3, H, W) of a packed file, copy-on-write: torch wants writable memory, the file must not change."""
    shape = (layout.frames + layout.labels, 3, layout.height, layout.width)
    return np.memmap(path, np.uint8, mode="c", offset=_HEADER_BYTES, shape=shape)


def _write(
    path: Path, sequences: tuple[FrameSequence, ...], layout: _Layout, progress: Progress | None
) -> tuple[Pixels, str]:
    """Decode everything into a temporary file that then becomes `path`; the header comes last."""
    pairs = [pair for sequence in sequences for pair in zip_longest(sequence.frames, sequence.labels)]
    decode = partial(_decode_pair, height=layout.height, width=layout.width)
    with replacing(path) as temporary:
        with (
            temporary.open("r+b") as frames,
            temporary.open("r+b") as labels,
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            frames.seek(_HEADER_BYTES)
            labels.seek(_HEADER_BYTES + layout.frames * layout.image_bytes)
            for done, (frame, label) in enumerate(pool.map(decode, pairs), start=1):
                frames.write(frame)
                labels.write(label)
                if progress:
                    progress(done, len(pairs))
        pixels = _map(temporary, layout)
        digest = layout.digest(pixels)
        with temporary.open("r+b") as file:
            file.write(_header(digest))
    return pixels, digest


def _decode_pair(pair: tuple[Path | None, Path], height: int, width: int) -> tuple[bytes, bytes]:
    """Decode a frame (none where it is unknown) and its pose image to C,H,W bytes."""
    frame, label = pair
    label_bytes, label_size = _decode(label, height, width)
    if frame is None:
        return b"", label_bytes
    frame_bytes, frame_size = _decode(frame, height, width)
    if frame_size != label_size:
        raise UserError(unequal_sizes([(frame, label)], frame_size, label_size))
    return frame_bytes, label_bytes


def _decode(path: Path, height: int, width: int) -> tuple[bytes, Size]:
    try:
        with open_png(path) as image:
            rgb = image.convert("RGB")
    except UNDECODABLE as error:
        raise UserError(undecodable(path, error)) from error
    resized = rgb.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized).transpose(2, 0, 1).tobytes(), rgb.size


def _remove_outdated(cache: Path, owner: str, version: str) -> None:
    """Remove packed files of earlier contents of the same folder, and what killed processes left of them."""
    for path in cache.glob(f"{owner}*"):
        if not path.name.startswith(version):
            path.unlink(missing_ok=True)
    for path in cache.glob(f".{owner}*.tmp"):
        try:
            if time.time() - path.stat().st_mtime > _ABANDONED_AFTER:
                path.unlink()
        except FileNotFoundError:
            continue
