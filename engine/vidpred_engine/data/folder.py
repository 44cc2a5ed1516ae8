"""The lab's folder layout: which frame belongs to which pose image, and everything that can be wrong with it."""

import errno
import os
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from PIL import Image

from vidpred_engine.errors import UserError
from vidpred_engine.typed_paths import typed_path

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)
Progress = Callable[[int, int], None]
"""Called with the number of images (or pairs) done and the number of all."""
Size = tuple[int, int]
"""Width and height in pixels."""

UNDECODABLE = (OSError, SyntaxError, ValueError, EOFError, IndexError, struct.error, Image.DecompressionBombError)
"""What Pillow raises on files that are missing, damaged or no image."""

LARGEST_PIXELS = 2**26
"""Of one image: 8192x8192, which takes 200 MB; the lab's have 1024x512."""
Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit lies higher, and warns before it refuses

_NUMBER_AT_END = re.compile(r"(\d+)$", re.ASCII)
_NAMED_AT_MOST = 3


@dataclass(frozen=True)
class FrameSequence:
    """One video: frames and pose images sorted by the number in their names.

    `frames` is as long as `labels`, or holds only the first frame where the others are unknown (test without truth).
    """

    name: str
    frames: tuple[Path, ...]
    labels: tuple[Path, ...]


@dataclass(frozen=True)
class DataFolder:
    """The sequences of each split; a split that is absent on disk is empty."""

    root: Path
    train: tuple[FrameSequence, ...] = ()
    val: tuple[FrameSequence, ...] = ()
    test: tuple[FrameSequence, ...] = ()

    def sequences(self, split: Split) -> tuple[FrameSequence, ...]:
        """The sequences of `split`, none where it is absent."""
        return {"train": self.train, "val": self.val, "test": self.test}[split]

    def require(self, split: Split) -> tuple[FrameSequence, ...]:
        """The sequences of `split`; a UserError where it is absent."""
        if not (sequences := self.sequences(split)):
            raise UserError(
                f"{self.root} has no {split} split; add {split}/{split}_img and {split}/{split}_label to it."
            )
        return sequences


@dataclass(frozen=True)
class SplitReport:
    """What a split holds: counts of sequences, frames and pose images, and how many images have which size."""

    name: Split
    sequences: int
    frames: int
    labels: int
    sizes: dict[Size, int]


@dataclass(frozen=True)
class FolderReport:
    """The outcome of `check_folder`: the splits that are there, and one sentence a problem."""

    root: Path
    splits: tuple[SplitReport, ...]
    problems: tuple[str, ...]


def scan_folder(root: Path) -> DataFolder:
    """Read the names below `root` (no image is opened).

    Layout: `train/train_img`, `train/train_label`, likewise `val`; there PNG files `N.png` or `frameNNNNNN.png`, or one
    numbered sub-folder of them a sequence. `test/test_img/{i}` holds a first frame, `test/test_label/{i}` the pose
    images and, where it is there, `test/test_truth/{i}` the true frames. Hidden files are passed over.

    Raises UserError with the first problem.
    """
    folder, problems = _scan(typed_path(root))
    if problems:
        more = f" {len(problems) - 1} more: `vidpred-engine data check {root}` lists them." if len(problems) > 1 else ""
        raise UserError(problems[0] + more)
    return folder


def check_folder(root: Path, progress: Progress | None = None) -> FolderReport:
    """Read the names below `root` and every image's header and checksums (without decoding); collect all problems."""
    folder, problems = _scan(root)
    images = [
        path for split in SPLITS for sequence in folder.sequences(split) for path in sequence.frames + sequence.labels
    ]
    sizes: dict[Path, Size] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (path, size) in enumerate(zip(images, pool.map(_size_or_problem, images), strict=True), start=1):
            if isinstance(size, str):
                problems.append(size)
            else:
                sizes[path] = size
            if progress:
                progress(done, len(images))
    splits = []
    for split in SPLITS:
        if sequences := folder.sequences(split):
            problems += [sentence for sequence in sequences for sentence in _unequal_sizes_of(sequence, sizes)]
            splits.append(_report(split, sequences, sizes))
    return FolderReport(folder.root, tuple(splits), tuple(problems))


def open_png(path: Path) -> Image.Image:
    """Open a PNG file, and no other: Pillow hands some formats to other programs (EPS to Ghostscript).

    Raises one of UNDECODABLE, also where there are more than LARGEST_PIXELS, before any is decoded.
    """
    if not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file" if path.exists() else "there is no such file", str(path))
    image = Image.open(path, formats=("PNG",))
    if image.width * image.height > LARGEST_PIXELS:
        image.close()
        raise Image.DecompressionBombError
    return image


def undecodable(path: Path, error: Exception) -> str:
    """The sentence for an image that Pillow cannot read."""
    reason = "it is damaged, cut short or no PNG"
    if isinstance(error, Image.DecompressionBombError):
        reason = f"it has more than {LARGEST_PIXELS / 1e6:.0f} million pixels"
    elif isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    return f"{path} cannot be read: {reason}; replace it, or remove it together with its counterpart."


def unequal_sizes(pairs: Sequence[tuple[Path, Path]], frame_size: Size, label_size: Size) -> str:
    """The sentence for frames whose pose images have another size; the sizes are those of the first pair."""
    frame, label = pairs[0]
    return (
        f"{frame} is {frame_size[0]}x{frame_size[1]} but its pose image {label} is {label_size[0]}x{label_size[1]}"
        f"; bring both to one size{f' ({len(pairs)} pairs differ)' if len(pairs) > 1 else ''}."
    )


def _size_or_problem(path: Path) -> Size | str:
    try:
        with open_png(path) as image:
            size = image.size
            image.verify()
    except UNDECODABLE as error:
        return undecodable(path, error)
    return size


def _unequal_sizes_of(sequence: FrameSequence, sizes: dict[Path, Size]) -> list[str]:
    pairs = zip(sequence.frames, sequence.labels, strict=False)
    unequal = [pair for pair in pairs if sizes.keys() >= set(pair) and sizes[pair[0]] != sizes[pair[1]]]
    return [unequal_sizes(unequal, *(sizes[path] for path in unequal[0]))] if unequal else []


def _report(split: Split, sequences: tuple[FrameSequence, ...], sizes: dict[Path, Size]) -> SplitReport:
    frames = [path for sequence in sequences for path in sequence.frames]
    labels = [path for sequence in sequences for path in sequence.labels]
    counted = Counter(sizes[path] for path in frames + labels if path in sizes)
    return SplitReport(split, len(sequences), len(frames), len(labels), dict(counted))


def _scan(root: Path) -> tuple[DataFolder, list[str]]:
    problems: list[str] = []
    here = [split for split in SPLITS if (root / split).is_dir()]
    if not root.is_dir():
        problems.append(f"There is no folder {root}; give the folder that holds train/train_img and train/train_label.")
    elif not here:
        problems.append(
            f"{root} holds none of the folders train, val and test; give the folder that holds train/train_img and "
            "train/train_label."
        )
    found = {split: _scan_split(root / split, split, problems) for split in here}
    return DataFolder(root, **found), problems


def _scan_split(folder: Path, split: Split, problems: list[str]) -> tuple[FrameSequence, ...]:
    images, poses, truths = (folder / f"{split}_{kind}" for kind in ("img", "label", "truth"))
    if missing := [path for path in (images, poses) if not path.is_dir()]:
        problems += [f"The folder {path} is missing; it should hold numbered PNG files." for path in missing]
        return ()
    frames, labels = _sequence_folders(images, problems), _sequence_folders(poses, problems)
    truth = _sequence_folders(truths, problems) if split == "test" and truths.is_dir() else {}
    if not frames or not labels:
        return ()
    if (_DIRECT in frames) != (_DIRECT in labels):
        direct, nested = (images, poses) if _DIRECT in frames else (poses, images)
        problems.append(f"{direct} holds PNG files but {nested} holds numbered folders; lay both out alike.")
        return ()
    for here, there, found in ((frames, poses, labels), (labels, images, frames), (truth, images, frames)):
        lonely = [path for key, path in here.items() if key not in found]
        problems += [f"The folder {path} has no counterpart in {there}; add or remove it." for path in lonely]
    sequences = []
    for key in sorted(frames.keys() & labels):
        if split == "test":
            pair = _pair_test(frames[key], labels[key], truth.get(key), problems)
        else:
            pair = _pair(_pngs(frames[key], problems), _pngs(labels[key], problems), problems)
        if pair:
            sequences.append(FrameSequence(split if key == _DIRECT else f"{split}/{key}", *pair))
    return tuple(sequences)


_DIRECT = -1
"""The key of a sequence whose PNG files lie in the split's folder itself."""


def _sequence_folders(folder: Path, problems: list[str]) -> dict[int, Path]:
    """The folders that hold a sequence each, by number: `folder` itself, or its numbered sub-folders."""
    entries = _entries(folder, problems)
    inner = [path for path in entries if _NUMBER_AT_END.search(path.name) and path.is_dir()]
    pngs = any(_is_png(path) for path in entries)
    if pngs and inner:
        problems.append(f"{folder} holds PNG files and numbered folders ({_some(inner)}); move one of the two away.")
    if not pngs and not inner:
        problems.append(f"{folder} holds no PNG file; put the frames there as N.png or frameNNNNNN.png.")
    return {_DIRECT: folder} if pngs else _by_number(inner, problems)


def _pngs(folder: Path, problems: list[str]) -> dict[int, Path]:
    files = [path for path in _entries(folder, problems) if _is_png(path)]
    if not files:
        problems.append(f"{folder} holds no PNG file; put the frames there as N.png or frameNNNNNN.png.")
    return _by_number(files, problems)


def _entries(folder: Path, problems: list[str]) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if not path.name.startswith(".")]
    except OSError as error:
        problems.append(f"The folder {folder} cannot be listed: {error.strerror}; correct its permissions.")
        return []


def _is_png(path: Path) -> bool:
    return path.name.lower().endswith(".png")


def _by_number(paths: Iterable[Path], problems: list[str]) -> dict[int, Path]:
    """Sort `paths` by the number their names end in; names without one and doubles are problems."""
    found: dict[int, Path] = {}
    for path in sorted(paths, key=lambda path: path.name):
        number = _NUMBER_AT_END.search(path.stem)
        if not number:
            problems.append(f"{path} has no number at the end of its name; name it N.png or move it away.")
        elif (key := int(number[1])) in found:
            problems.append(f"{path} and {found[key].name} have the same number {key}; remove one of them.")
        else:
            found[key] = path
    return dict(sorted(found.items()))


Pair = tuple[tuple[Path, ...], tuple[Path, ...]]


def _pair(frames: dict[int, Path], labels: dict[int, Path], problems: list[str]) -> Pair | None:
    """Match frames and pose images by number, in order; what has no partner is a problem and left out."""
    if not frames or not labels:
        return None
    for here, there, what in ((frames, labels, "frames"), (labels, frames, "pose images")):
        if lonely := [path for number, path in here.items() if number not in there]:
            partner = next(iter(there.values())).parent
            problems.append(
                f"{lonely[0].parent} holds {what} without a partner of the same number in {partner}: {_some(lonely)}; "
                f"add the partners or remove the {what}."
            )
    shared = sorted(frames.keys() & labels)
    return tuple(frames[number] for number in shared), tuple(labels[number] for number in shared)


def _pair_test(image: Path, poses: Path, truth: Path | None, problems: list[str]) -> Pair | None:
    first, labels = _pngs(image, problems), _pngs(poses, problems)
    if not first or not labels:
        return None
    if len(first) > 1:
        problems.append(
            f"{image} holds {len(first)} PNG files; keep the first frame only and move the rest to test_truth."
        )
    frames = tuple(first.values())[:1]
    if truth is None or not (matched := _pair(_pngs(truth, problems), labels, problems)):
        return frames, tuple(labels.values())
    return frames + matched[0][1:], matched[1]


def _some(paths: Sequence[Path]) -> str:
    named = ", ".join(path.name for path in paths[:_NAMED_AT_MOST])
    return named if len(paths) <= _NAMED_AT_MOST else f"{named} and {len(paths) - _NAMED_AT_MOST} more"
