"""Packed frames: the pixels are PIL's, and the cache survives changes, damage, crashes and company."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from pngs import random_frames, write_pngs, write_split
from vidpred_engine.data.folder import Split, check_folder, scan_folder
from vidpred_engine.data.packed import PackedSplit, load_packed
from vidpred_engine.errors import UserError

LAB = Path(__file__).parents[2] / "shared/lab4"


def load(root: Path, cache: Path, split: Split = "train", height: int = 8, width: int = 16) -> PackedSplit:
    return load_packed(scan_folder(root), split, height=height, width=width, cache=cache)


def decodes(root: Path, cache: Path) -> int:
    """Load the training split and say how many pairs had to be decoded."""
    seen: list[tuple[int, int]] = []
    load_packed(scan_folder(root), "train", height=8, width=16, cache=cache, progress=lambda *at: seen.append(at))
    assert all(total == seen[-1][1] for _, total in seen)
    return len(seen)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_split(tmp_path / "data", "train", 6)
    return tmp_path / "data"


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def only_file(cache: Path) -> Path:
    (path,) = cache.iterdir()
    return path


def test_pixels_are_kept_bit_for_bit_where_the_size_fits(root: Path, cache: Path) -> None:
    packed = load(root, cache)
    assert packed.frames_nchw.dtype == torch.uint8
    assert np.array_equal(packed.frames_nchw.numpy(), random_frames(6, seed=0).transpose(0, 3, 1, 2))
    assert np.array_equal(packed.labels_nchw.numpy(), random_frames(6, seed=1).transpose(0, 3, 1, 2))
    assert (packed.names, packed.lengths, packed.frame_lengths) == (("train",), (6,), (6,))


@pytest.mark.parametrize(("height", "width"), [(32, 64), (7, 5), (100, 90)])
def test_resizing_is_torchvisions_resize_of_the_pil_image(tmp_path: Path, cache: Path, height: int, width: int) -> None:
    write_split(tmp_path, "train", 2, height=48, width=75)
    packed = load(tmp_path, cache, height=height, width=width)
    resize = v2.Resize((height, width))
    for number in range(2):
        with Image.open(tmp_path / f"train/train_img/{number}.png") as image:
            expected = v2.functional.pil_to_tensor(resize(image))
        assert torch.equal(packed.frames_nchw[number], expected)


def test_palette_grey_and_transparent_images_become_rgb_before_resizing(tmp_path: Path, cache: Path) -> None:
    write_split(tmp_path, "train", 3, height=20, width=30)
    for number, mode in enumerate(("P", "L", "RGBA")):
        path = tmp_path / f"train/train_img/{number}.png"
        with Image.open(path) as image:
            image.convert(mode).save(path)
    packed = load(tmp_path, cache)
    for number in range(3):
        with Image.open(tmp_path / f"train/train_img/{number}.png") as image:
            assert image.mode != "RGB"
            expected = v2.functional.pil_to_tensor(v2.Resize((8, 16))(image.convert("RGB")))
        assert torch.equal(packed.frames_nchw[number], expected)


def test_each_image_is_decoded_once(root: Path, cache: Path) -> None:
    assert [decodes(root, cache), decodes(root, cache)] == [6, 0]


def test_several_sequences_stay_apart_and_test_may_lack_the_truth(tmp_path: Path, cache: Path) -> None:
    for number, count in ((0, 3), (1, 4)):
        write_pngs(tmp_path / f"test/test_img/{number}", random_frames(1, seed=number))
        write_pngs(tmp_path / f"test/test_label/{number}", random_frames(count, seed=10 + number))
    write_pngs(tmp_path / "test/test_truth/1", random_frames(4, seed=20))
    packed = load(tmp_path, cache, "test")
    assert (packed.lengths, packed.frame_lengths) == ((3, 4), (1, 4))
    bare, known = packed.sequences()
    assert (bare.name, known.name) == ("test/0", "test/1")
    truth = random_frames(4, seed=20)
    truth[0] = random_frames(1, seed=1)[0]
    assert np.array_equal(bare.frames_tchw.numpy(), random_frames(1, seed=0).transpose(0, 3, 1, 2))
    assert np.array_equal(known.frames_tchw.numpy(), truth.transpose(0, 3, 1, 2))
    assert np.array_equal(bare.labels_tchw.numpy(), random_frames(3, seed=10).transpose(0, 3, 1, 2))
    assert np.array_equal(known.labels_tchw.numpy(), random_frames(4, seed=11).transpose(0, 3, 1, 2))


def test_the_digest_is_of_the_content_not_of_the_place(root: Path, cache: Path, tmp_path: Path) -> None:
    write_split(tmp_path / "copy", "train", 6)
    write_split(tmp_path / "other", "train", 6, seed=7)
    digest = load(root, cache).digest
    assert load(tmp_path / "copy", cache).digest == digest
    assert load(root, cache).digest == digest
    assert load(tmp_path / "other", cache).digest != digest
    assert load(root, cache, height=4).digest != digest


def test_the_digest_tells_where_sequences_end(tmp_path: Path, cache: Path) -> None:
    frames = random_frames(6)
    for lengths in ((2, 4), (3, 3)):
        parts = np.split(frames, [lengths[0]])
        for number, part in enumerate(parts):
            for kind in ("img", "label"):
                write_pngs(tmp_path / f"{lengths[0]}/val/val_{kind}/{number}", part)
    assert load(tmp_path / "2", cache, "val").digest != load(tmp_path / "3", cache, "val").digest


def test_a_changed_added_or_removed_file_is_noticed(root: Path, cache: Path) -> None:
    load(root, cache)
    changed = root / "train/train_img/3.png"
    before = changed.stat()
    write_pngs(changed.parent, random_frames(1, seed=9), ["3.png"])
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    packed = load(root, cache)
    assert np.array_equal(packed.frames_nchw[3].numpy(), random_frames(1, seed=9)[0].transpose(2, 0, 1))
    for kind in ("img", "label"):
        write_pngs(root / f"train/train_{kind}", random_frames(1), ["6.png"])
    assert load(root, cache).lengths == (7,)
    for kind in ("img", "label"):
        (root / f"train/train_{kind}/0.png").unlink()
    assert load(root, cache).lengths == (6,)
    assert torch.equal(load(root, cache).frames_nchw[:5], packed.frames_nchw[1:])


def test_outdated_files_of_the_same_folder_are_removed(root: Path, cache: Path, tmp_path: Path) -> None:
    write_split(tmp_path / "other", "train", 2)
    write_split(root, "val", 2)
    load(tmp_path / "other", cache)
    load(root, cache, "val")
    kept = set(cache.iterdir())
    load(root, cache)
    load(root, cache, height=4)
    assert len(set(cache.iterdir()) - kept) == 2
    os.utime(root / "train/train_img/0.png", ns=(1, 1))
    load(root, cache)
    assert kept < set(cache.iterdir())
    assert len(set(cache.iterdir()) - kept) == 1


@pytest.mark.parametrize("where", ["header", "frames", "labels"])
def test_a_flipped_bit_is_noticed_and_mended(root: Path, cache: Path, where: str) -> None:
    load(root, cache)
    path = only_file(cache)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[{"header": 30, "frames": 5000, "labels": len(whole) - 1}[where]] ^= 0b100
    path.write_bytes(damaged)
    assert decodes(root, cache) == 6
    assert only_file(cache).read_bytes() == whole


@pytest.mark.parametrize("length", [0, 10, 4096, -1, +1])
def test_a_file_of_the_wrong_length_is_mended(root: Path, cache: Path, length: int) -> None:
    load(root, cache)
    path = only_file(cache)
    whole = path.read_bytes()
    path.write_bytes(whole + b"x" if length == 1 else whole[:length])
    assert decodes(root, cache) == 6
    assert only_file(cache).read_bytes() == whole


def test_writing_to_the_tensors_leaves_the_file_alone(root: Path, cache: Path) -> None:
    packed = load(root, cache)
    whole = only_file(cache).read_bytes()
    packed.frames_nchw.zero_()
    load(root, cache).frames_nchw.zero_()
    assert only_file(cache).read_bytes() == whole


@pytest.mark.parametrize("damage", ["empty", "half", "no image", "missing"])
def test_an_image_that_cannot_be_read_is_named(root: Path, cache: Path, damage: str) -> None:
    folder = scan_folder(root)
    path = root / "train/train_label/4.png"
    whole = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "half": whole[: len(whole) // 2], "no image": b"a" * 500}[damage])
    reason = "No such file or directory" if damage == "missing" else "it is damaged, cut short or no PNG"
    with pytest.raises(UserError) as caught:
        load_packed(folder, "train", height=8, width=16, cache=cache)
    expected = f"{path} cannot be read: {reason}; replace it, or remove it together with its counterpart."
    assert str(caught.value) == expected
    assert not cache.exists() or not list(cache.iterdir())


def test_a_pose_image_of_another_size_than_its_frame_is_named(root: Path, cache: Path) -> None:
    write_pngs(root / "train/train_label", random_frames(1, height=9, width=16), ["2.png"])
    with pytest.raises(UserError) as caught:
        load(root, cache)
    expected = f"{root}/train/train_img/2.png is 16x8 but its pose image {root}/train/train_label/2.png is 16x9; "
    assert str(caught.value) == expected + "bring both to one size."
    assert check_folder(root).problems == (str(caught.value),)
    assert not list(cache.iterdir())


def test_an_absent_split_is_refused(root: Path, cache: Path) -> None:
    with pytest.raises(UserError, match="has no val split"):
        load(root, cache, "val")


def test_a_cache_that_cannot_be_written_is_named(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        UserError, match=r"The packed frames cannot be written to .*/file/cache: Not a directory; make "
    ):
        load(root, tmp_path / "file/cache")


PACK_IN_ANOTHER_PROCESS = """
import os, signal, sys
from pathlib import Path
from vidpred_engine.data.folder import scan_folder
from vidpred_engine.data.packed import load_packed

root, cache, killed_after = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
decoded = 0

def progress(done, total):
    global decoded
    decoded = done
    if done == killed_after:
        os.kill(os.getpid(), signal.SIGKILL)

packed = load_packed(scan_folder(root), "train", height=8, width=16, cache=cache, progress=progress)
print(decoded, packed.digest)
"""


def pack_in_another_process(root: Path, cache: Path, killed_after: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PACK_IN_ANOTHER_PROCESS, str(root), str(cache), str(killed_after)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60, check=False)


def test_two_processes_may_pack_the_same_folder_at_once(root: Path, cache: Path) -> None:
    others: list[str] = []

    def let_the_other_overtake(done: int, _: int) -> None:
        if done == 3:
            others.append(pack_in_another_process(root, cache).stdout)

    folder = scan_folder(root)
    packed = load_packed(folder, "train", height=8, width=16, cache=cache, progress=let_the_other_overtake)
    assert others == [f"6 {packed.digest}\n"]
    only_file(cache)
    assert decodes(root, cache) == 0
    assert np.array_equal(load(root, cache).frames_nchw.numpy(), random_frames(6).transpose(0, 3, 1, 2))


def test_a_process_killed_half_way_leaves_nothing_that_counts(root: Path, cache: Path) -> None:
    assert pack_in_another_process(root, cache, killed_after=3).returncode == -signal.SIGKILL
    leftover = only_file(cache)
    assert decodes(root, cache) == 6
    assert leftover.exists()  # it might belong to a process that is still writing
    two_hours_ago = time.time() - 7200
    os.utime(leftover, (two_hours_ago, two_hours_ago))
    os.utime(root / "train/train_img/0.png", ns=(1, 1))
    assert decodes(root, cache) == 6
    assert not leftover.exists()


@pytest.mark.skipif(not LAB.is_dir(), reason="the lab's real frames (../shared/lab4) are not on this machine")
def test_real_frames_of_the_lab_come_through_unchanged(tmp_path: Path, cache: Path) -> None:
    subprocess.run([sys.executable, LAB / "unpack.py", tmp_path / "lab", "--small"], check=True)
    assert check_folder(tmp_path / "lab").problems == ()
    original = np.load(LAB / "lab4_64x32.npz")
    folder = scan_folder(tmp_path / "lab")
    splits: tuple[Split, Split] = ("train", "val")
    for split in splits:
        packed = load_packed(folder, split, height=32, width=64, cache=cache)
        assert np.array_equal(packed.frames_nchw.permute(0, 2, 3, 1).numpy(), original[f"{split}_img"])
        assert np.array_equal(packed.labels_nchw.permute(0, 2, 3, 1).numpy(), original[f"{split}_label"])
