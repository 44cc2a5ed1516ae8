"""Folders of frames: what is matched with what, in which order, and every problem's sentence."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pngs import random_frames, write_pngs, write_split
from vidpred_engine.data.cache import default_cache
from vidpred_engine.data.folder import check_folder, scan_folder
from vidpred_engine.errors import UserError


def names(paths: tuple[Path, ...]) -> list[str]:
    return [path.name for path in paths]


def refusal(root: Path) -> str:
    """The sentence `scan_folder` refuses `root` with, which `check_folder` must report too."""
    with pytest.raises(UserError) as caught:
        scan_folder(root)
    sentence = str(caught.value)
    problems = check_folder(root).problems
    assert sentence.startswith(problems[0])
    assert sentence == problems[0] or f"{len(problems) - 1} more: " in sentence
    return sentence


def test_frames_are_sorted_by_number_not_by_text(tmp_path: Path) -> None:
    unsorted = ["10.png", "9.png", "100.png", "1.png"]
    padded = ["frame000010.png", "frame000009.png", "frame000100.png", "frame000001.png"]
    write_pngs(tmp_path / "train/train_img", random_frames(4), unsorted)
    write_pngs(tmp_path / "train/train_label", random_frames(4), padded)
    (train,) = scan_folder(tmp_path).train
    assert names(train.frames) == ["1.png", "9.png", "10.png", "100.png"]
    assert names(train.labels) == ["frame000001.png", "frame000009.png", "frame000010.png", "frame000100.png"]


def test_capital_suffixes_are_read_and_hidden_files_passed_over(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 2)
    images = tmp_path / "train/train_img"
    (images / "1.png").rename(images / "1.PNG")
    (images / "._0.png").write_bytes(b"a Mac's shadow file")
    (images / "notes.txt").write_text("no image", encoding="utf-8")
    (train,) = scan_folder(tmp_path).train
    assert names(train.frames) == ["0.png", "1.PNG"]


def test_a_split_holds_one_sequence_or_numbered_folders_of_them(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 3)
    for number, count in ((10, 2), (9, 4)):
        for kind in ("img", "label"):
            write_pngs(tmp_path / f"val/val_{kind}/{number}", random_frames(count))
    folder = scan_folder(tmp_path)
    assert [(sequence.name, len(sequence.frames)) for sequence in folder.train] == [("train", 3)]
    assert [(sequence.name, len(sequence.labels)) for sequence in folder.val] == [("val/9", 4), ("val/10", 2)]


def test_test_sequences_have_a_first_frame_and_perhaps_the_truth(tmp_path: Path) -> None:
    for number in range(2):
        write_pngs(tmp_path / f"test/test_img/{number}", random_frames(1), ["first7.png"])
        write_pngs(tmp_path / f"test/test_label/{number}", random_frames(12))
    write_pngs(tmp_path / "test/test_truth/1", random_frames(12))
    bare, known = scan_folder(tmp_path).test
    assert names(bare.frames) == ["first7.png"]
    assert names(bare.labels) == [f"{number}.png" for number in range(12)]
    # The given first frame stays the first; the truth holds the ones to predict.
    assert names(known.frames) == ["first7.png", *(f"{number}.png" for number in range(1, 12))]
    assert len(known.labels) == 12


def test_an_absent_split_matters_only_to_those_who_need_it(tmp_path: Path) -> None:
    write_split(tmp_path, "val", 2)
    folder = scan_folder(tmp_path)
    assert folder.train == folder.test == ()
    assert folder.require("val") == folder.val
    with pytest.raises(UserError, match="has no train split; add train/train_img and train/train_label to it"):
        folder.require("train")


def test_missing_root(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == (
        f"There is no folder {tmp_path}/nowhere; give the folder that holds train/train_img and train/train_label."
    )


def test_a_folder_without_any_split(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 1)
    assert refusal(tmp_path / "train").startswith(f"{tmp_path}/train holds none of the folders train, val and test;")


def test_missing_label_folder(tmp_path: Path) -> None:
    write_pngs(tmp_path / "train/train_img", random_frames(1))
    assert refusal(tmp_path) == (
        f"The folder {tmp_path}/train/train_label is missing; it should hold numbered PNG files."
    )


def test_no_png_at_all(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 1)
    (tmp_path / "train/train_label/0.png").unlink()
    assert refusal(tmp_path) == (
        f"{tmp_path}/train/train_label holds no PNG file; put the frames there as N.png or frameNNNNNN.png."
    )


def test_an_empty_sequence_folder(tmp_path: Path) -> None:
    for kind in ("img", "label"):
        write_pngs(tmp_path / f"val/val_{kind}/0", random_frames(2))
    write_pngs(tmp_path / "val/val_img/1", random_frames(2))
    (tmp_path / "val/val_label/1").mkdir()
    assert refusal(tmp_path).startswith(f"{tmp_path}/val/val_label/1 holds no PNG file;")


def test_frames_without_pose_images_are_named_and_counted(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 8)
    labels = tmp_path / "train/train_label"
    for number in (1, 3, 4, 6, 7):
        (labels / f"{number}.png").unlink()
    assert refusal(tmp_path) == (
        f"{tmp_path}/train/train_img holds frames without a partner of the same number in {labels}: "
        "1.png, 3.png, 4.png and 2 more; add the partners or remove the frames."
    )


def test_pose_images_without_frames_are_named_and_counted(tmp_path: Path) -> None:
    write_split(tmp_path, "val", 3)
    (tmp_path / "val/val_img/2.png").unlink()
    assert refusal(tmp_path) == (
        f"{tmp_path}/val/val_label holds pose images without a partner of the same number in {tmp_path}/val/val_img: "
        "2.png; add the partners or remove the pose images."
    )


def test_two_files_with_one_number(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 2)
    write_pngs(tmp_path / "train/train_img", random_frames(1), ["frame000001.png"])
    assert refusal(tmp_path) == (
        f"{tmp_path}/train/train_img/frame000001.png and 1.png have the same number 1; remove one of them."
    )


@pytest.mark.parametrize("name", ["preview.png", "1 (copy).png", "\N{CIRCLED DIGIT TWO}.png"])
def test_a_name_without_a_number(tmp_path: Path, name: str) -> None:
    write_split(tmp_path, "train", 2)
    write_pngs(tmp_path / "train/train_img", random_frames(1), [name])
    assert refusal(tmp_path) == (
        f"{tmp_path}/train/train_img/{name} has no number at the end of its name; name it N.png or move it away."
    )


def test_a_sequence_folder_without_its_counterpart(tmp_path: Path) -> None:
    for kind in ("img", "label"):
        write_pngs(tmp_path / f"val/val_{kind}/0", random_frames(2))
    write_pngs(tmp_path / "val/val_img/1", random_frames(2))
    assert refusal(tmp_path) == (
        f"The folder {tmp_path}/val/val_img/1 has no counterpart in {tmp_path}/val/val_label; add or remove it."
    )


def test_files_beside_numbered_folders(tmp_path: Path) -> None:
    write_split(tmp_path, "val", 2)
    write_pngs(tmp_path / "val/val_img/0", random_frames(2))
    assert refusal(tmp_path) == (
        f"{tmp_path}/val/val_img holds PNG files and numbered folders (0); move one of the two away."
    )


def test_frames_as_files_but_pose_images_in_folders(tmp_path: Path) -> None:
    write_pngs(tmp_path / "val/val_img", random_frames(2))
    write_pngs(tmp_path / "val/val_label/0", random_frames(2))
    assert refusal(tmp_path) == (
        f"{tmp_path}/val/val_img holds PNG files but {tmp_path}/val/val_label holds numbered folders; "
        "lay both out alike."
    )


def test_more_than_one_first_frame(tmp_path: Path) -> None:
    write_pngs(tmp_path / "test/test_img/0", random_frames(3))
    write_pngs(tmp_path / "test/test_label/0", random_frames(3))
    assert refusal(tmp_path) == (
        f"{tmp_path}/test/test_img/0 holds 3 PNG files; keep the first frame only and move the rest to test_truth."
    )


def test_a_truth_that_lacks_a_frame(tmp_path: Path) -> None:
    write_pngs(tmp_path / "test/test_img/0", random_frames(1))
    write_pngs(tmp_path / "test/test_label/0", random_frames(3))
    write_pngs(tmp_path / "test/test_truth/0", random_frames(2))
    assert refusal(tmp_path) == (
        f"{tmp_path}/test/test_label/0 holds pose images without a partner of the same number in "
        f"{tmp_path}/test/test_truth/0: 2.png; add the partners or remove the pose images."
    )


def test_a_folder_that_may_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_split(tmp_path, "train", 1)

    def forbidden(_: Path) -> Iterator[Path]:  # as root, permissions forbid nothing
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", forbidden)
    images = tmp_path / "train/train_img"
    assert check_folder(tmp_path).problems[0] == (
        f"The folder {images} cannot be listed: Permission denied; correct its permissions."
    )


def test_scanning_counts_what_it_does_not_say(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 2)
    write_pngs(tmp_path / "train/train_img", random_frames(2), ["a.png", "b.png"])
    with pytest.raises(UserError, match=r"a\.png has no number.* 1 more: `vidpred-engine data check .*` lists them\."):
        scan_folder(tmp_path)


def test_checking_counts_images_and_sizes(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 3, height=8, width=16)
    write_split(tmp_path, "val", 2, height=4, width=6)
    seen: list[tuple[int, int]] = []
    report = check_folder(tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert report.problems == ()
    train, val = report.splits
    assert (train.name, train.sequences, train.frames, train.labels, train.sizes) == ("train", 1, 3, 3, {(16, 8): 6})
    assert (val.name, val.sequences, val.frames, val.labels, val.sizes) == ("val", 1, 2, 2, {(6, 4): 4})
    assert seen == [(done, 10) for done in range(1, 11)]


def test_checking_names_every_problem(tmp_path: Path) -> None:
    write_split(tmp_path, "train", 6)
    images, labels = tmp_path / "train/train_img", tmp_path / "train/train_label"
    whole = (images / "0.png").read_bytes()
    (images / "0.png").write_bytes(whole[: len(whole) // 2])
    flipped = bytearray((labels / "1.png").read_bytes())
    flipped[len(flipped) // 2] ^= 1
    (labels / "1.png").write_bytes(flipped)
    (images / "2.png").write_bytes(b"")
    write_pngs(labels, random_frames(2, height=3, width=5), ["3.png", "4.png"])
    (labels / "5.png").unlink()
    damage = (
        "cannot be read: it is damaged, cut short or no PNG; replace it, or remove it together with its counterpart."
    )
    assert sorted(check_folder(tmp_path).problems) == sorted(
        [
            f"{images}/0.png {damage}",
            f"{images}/2.png {damage}",
            f"{labels}/1.png {damage}",
            f"{images}/3.png is 16x8 but its pose image {labels}/3.png is 5x3; "
            "bring both to one size (2 pairs differ).",
            f"{images} holds frames without a partner of the same number in {labels}: 5.png; "
            "add the partners or remove the frames.",
        ]
    )


def test_the_cache_folder_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("VIDPRED_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    assert default_cache() == Path("/home/someone/.cache/vidpred/packed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "vidpred/packed"
    monkeypatch.setenv("VIDPRED_CACHE", "~/fast")
    assert default_cache() == Path("/home/someone/fast/packed")


def test_scanning_does_not_import_torch() -> None:
    code = "import sys, vidpred_engine.data.folder, vidpred_engine.data.cache; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
