"""The synthetic dancer: its files, its motion, and what its pose images tell."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vidpred_engine.data.dancer import draw_clip, write_dancer
from vidpred_engine.data.dancer.motion import choreograph
from vidpred_engine.data.dancer.skeleton import Motion, joint_positions
from vidpred_engine.errors import UserError

Bytes = NDArray[np.uint8]
SMALL: dict[str, Any] = {"train_frames": 20, "val_frames": 9, "test_clips": 2, "test_frames": 5}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("dancer") / "set"
    write_dancer(root, **SMALL, seed=7)
    return root


@pytest.fixture(scope="module")
def val_clip() -> tuple[Bytes, Bytes]:
    return draw_clip(630, width=64, height=32, seed=0, split="val")


def files(root: Path) -> dict[str, str]:
    """Digest of every file below a folder, by its path within it."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def read_clip(folder: Path) -> Bytes:
    paths = sorted(folder.glob("*.png"), key=lambda path: int(path.stem))
    return np.stack([np.asarray(Image.open(path)) for path in paths])


def psnr(one_nhwc: Bytes, other_nhwc: Bytes | NDArray[np.float64]) -> NDArray[np.float64]:
    """PSNR of each frame in dB, over 0 to 255."""
    error_n = ((one_nhwc.astype(np.float64) - other_nhwc) ** 2).mean(axis=(1, 2, 3))
    decibel_n: NDArray[np.float64] = 10 * np.log10(255.0**2 / error_n)
    return decibel_n


def columns(mask_nhw: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean column of each frame's marked pixels."""
    middle_n: NDArray[np.float64] = (mask_nhw * np.arange(mask_nhw.shape[2])).sum(axis=(1, 2)) / mask_nhw.sum(
        axis=(1, 2)
    )
    return middle_n


def inked(labels_nhwc: Bytes) -> NDArray[np.bool_]:
    """Mask (n, h, w) of all that is not nearly white."""
    darkest_nhw: Bytes = labels_nhwc.min(axis=-1)
    return np.less(darkest_nhw, 200)


def sides(labels_nhwc: Bytes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks (n, h, w) of the cool colours of the left side and the warm ones of the right."""
    red, green, blue = np.moveaxis(labels_nhwc.astype(int), -1, 0)
    return np.maximum(green, blue) - red > 90, red - green > 90


def test_the_layout_is_the_labs_with_the_test_pictures_beside_it(written: Path) -> None:
    expected = {f"train/train_{kind}/{number}.png" for kind in ("img", "label") for number in range(20)}
    expected |= {f"val/val_{kind}/{number}.png" for kind in ("img", "label") for number in range(9)}
    expected |= {f"test/test_img/{clip}/0.png" for clip in "01"}
    expected |= {f"test/test_{kind}/{clip}/{n}.png" for kind in ("label", "truth") for clip in "01" for n in range(5)}
    assert set(files(written)) == expected
    for name in expected:
        with Image.open(written / name) as image:
            assert (image.mode, image.size, image.format) == ("RGB", (64, 32), "PNG")


def test_the_given_test_picture_is_the_first_true_one(written: Path) -> None:
    for clip in "01":
        given, truth = (written / f"test/test_{kind}/{clip}/0.png" for kind in ("img", "truth"))
        assert given.read_bytes() == truth.read_bytes()


def test_the_files_hold_the_clips_that_draw_clip_draws(written: Path) -> None:
    for split, frames, pictures, labels in (
        ("train", 20, "train/train_img", "train/train_label"),
        ("val", 9, "val/val_img", "val/val_label"),
        ("test/1", 5, "test/test_truth/1", "test/test_label/1"),
    ):
        frames_nhwc, labels_nhwc = draw_clip(frames, width=64, height=32, seed=7, split=split)
        assert np.array_equal(read_clip(written / pictures), frames_nhwc)
        assert np.array_equal(read_clip(written / labels), labels_nhwc)


def test_every_split_is_another_motion(written: Path) -> None:
    names = ("train/train_label/0.png", "val/val_label/0.png", "test/test_label/0/0.png", "test/test_label/1/0.png")
    digests = files(written)
    assert len({digests[name] for name in names}) == 4


def test_same_seed_same_bytes_on_any_number_of_workers(written: Path, tmp_path: Path) -> None:
    write_dancer(tmp_path / "two", **SMALL, seed=7, workers=2)
    assert files(tmp_path / "two") == files(written)


def test_another_seed_gives_other_pictures_everywhere(written: Path, tmp_path: Path) -> None:
    write_dancer(tmp_path / "other", **SMALL, seed=8)
    before, after = files(written), files(tmp_path / "other")
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def test_a_longer_clip_begins_with_the_shorter() -> None:
    short, long = (draw_clip(frames, width=64, height=32, seed=3, split="train") for frames in (13, 90))
    assert np.array_equal(short[0], long[0][:13])
    assert np.array_equal(short[1], long[1][:13])


def test_progress_counts_up_to_all_frames(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    write_dancer(tmp_path / "set", **SMALL, progress=lambda done, total: calls.append((done, total)))
    done = [call[0] for call in calls]
    assert done == sorted(set(done))
    assert calls[-1] == (39, 39)
    assert {total for _, total in calls} == {39}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_set_broken_off_in_the_middle_leaves_nothing(tmp_path: Path, workers: int) -> None:
    root = tmp_path / "set"

    def break_off(done: int, _total: int) -> None:
        assert not root.exists()
        if done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dancer(root, **SMALL, workers=workers, progress=break_off)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_taken_and_a_full_one_refused_untouched(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    write_dancer(root, train_frames=2, val_frames=2, test_clips=0)
    before = files(root)
    assert len(before) == 8
    with pytest.raises(UserError, match=r"set exists and is not an empty folder: name a new one$"):
        write_dancer(root, train_frames=3, val_frames=2, test_clips=0)
    assert files(root) == before
    assert list(tmp_path.iterdir()) == [root]


def test_a_file_in_the_way_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for root in (tmp_path / "file", tmp_path / "file" / "set"):
        with pytest.raises(UserError, match=r"name a(nother)?( new)? (one|folder)$"):
            write_dancer(root)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"width": 15}, "width must be from 16 to 2048 pixels, not 15"),
        ({"height": 2049}, "height must be from 16 to 2048 pixels, not 2049"),
        ({"train_frames": 1}, "train_frames must be at least 2, not 1"),
        ({"val_frames": 0}, "val_frames must be at least 2, not 0"),
        ({"test_clips": -1}, "test_clips must be at least 0, not -1"),
        ({"test_frames": 1}, "test_frames must be at least 2, not 1"),
        ({"workers": 0}, "workers must be at least 1, not 0"),
        ({"seed": -4}, "seed must be at least 0, not -4"),
    ],
)
def test_numbers_out_of_range_are_refused_in_one_sentence(tmp_path: Path, wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        write_dancer(tmp_path / "set", **wrong)
    assert str(caught.value) == sentence
    assert list(tmp_path.iterdir()) == []


def test_labels_are_white_with_both_sides_in_their_colours(val_clip: tuple[Bytes, Bytes]) -> None:
    _, labels_nhwc = val_clip
    assert ((labels_nhwc == 255).all(axis=-1).mean(axis=(1, 2)) > 0.88).all()
    left_nhw, right_nhw = sides(labels_nhwc)
    # In profile the nearer side hides most of the other; hardly ever all of it.
    assert np.mean(left_nhw.sum(axis=(1, 2)) >= 8) > 0.95
    assert np.mean(right_nhw.sum(axis=(1, 2)) >= 8) > 0.95


def test_the_dancer_is_seen_from_the_front_and_from_behind(val_clip: tuple[Bytes, Bytes]) -> None:
    left_nhw, right_nhw = sides(val_clip[1])
    seen = (left_nhw.sum(axis=(1, 2)) >= 8) & (right_nhw.sum(axis=(1, 2)) >= 8)
    leftward_n = columns(left_nhw[seen]) - columns(right_nhw[seen])
    assert np.mean(leftward_n > 2) > 0.15
    assert np.mean(leftward_n < -2) > 0.15


def test_neighbouring_frames_are_alike_and_distant_ones_are_not(val_clip: tuple[Bytes, Bytes]) -> None:
    frames_nhwc, _ = val_clip
    neighbours = psnr(frames_nhwc[1:], frames_nhwc[:-1])
    assert np.median(neighbours) > np.median(psnr(frames_nhwc[100:], frames_nhwc[:-100])) + 10
    assert neighbours.min() > 22


def test_neither_the_first_nor_the_mean_frame_predicts_the_clip(val_clip: tuple[Bytes, Bytes]) -> None:
    frames_nhwc, _ = val_clip
    train_nhwc, _ = draw_clip(630, width=64, height=32, seed=0, split="train")
    assert 17 < psnr(frames_nhwc[1:], frames_nhwc[0]).mean() < 21
    assert 17 < psnr(frames_nhwc, train_nhwc.mean(axis=0)).mean() < 22


def test_the_dancer_crosses_the_stage_and_crouches(val_clip: tuple[Bytes, Bytes]) -> None:
    drawn_nhw = inked(val_clip[1])
    middle_n = columns(drawn_nhw)
    assert middle_n.min() < 14
    assert middle_n.max() > 50
    height_n = 32 - drawn_nhw.any(axis=2).argmax(axis=1)
    assert height_n.max() >= 29
    assert height_n.min() <= 22


@pytest.mark.parametrize(("width", "height"), [(128, 96), (16, 16), (16, 64), (160, 16), (320, 240)])
def test_the_whole_dancer_fits_into_any_size(width: int, height: int) -> None:
    frames_nhwc, labels_nhwc = draw_clip(40, width=width, height=height, seed=1, split="train")
    assert frames_nhwc.shape == labels_nhwc.shape == (40, height, width, 3)
    assert frames_nhwc.dtype == labels_nhwc.dtype == np.uint8
    drawn_nhw = inked(labels_nhwc)
    scale = min(height / 2.28, width / 1.7)
    assert (drawn_nhw.any(axis=2).sum(axis=1) > 0.9 * scale).all()
    assert not drawn_nhw[:, -1].any()
    assert drawn_nhw.mean() < 0.3


def test_joints_stand_where_a_ruler_puts_them() -> None:
    """Four still poses, measured by hand: standing, turned right about, sitting with arms ahead, arms out."""
    motion = Motion(*(np.zeros(shape) for shape in ((4, 2), 4, (4, 3), (4, 2), (4, 2, 4), (4, 2, 4))))
    motion.floor_t2[1] = (0.7, -0.2)
    motion.yaw_t[1] = np.pi
    motion.legs_t24[2, :, 1] = motion.legs_t24[2, :, 3] = motion.arms_t24[2, :, 1] = np.pi / 2
    motion.arms_t24[3, :, 0] = np.pi / 2
    at = joint_positions(motion)
    hip, shoulder = 0.84 + 0.055, 0.84 + 0.055 + 0.47
    expected = {
        "left_hip": [(0.09, hip, 0.0), (0.7 - 0.09, hip, -0.2), (0.09, 0.42 + 0.055, 0.0), (0.09, hip, 0.0)],
        "right_knee": [
            (-0.09, 0.42 + 0.055, 0.0),
            (0.7 + 0.09, 0.42 + 0.055, -0.2),
            (-0.09, 0.42 + 0.055, 0.42),
            (-0.09, 0.42 + 0.055, 0.0),
        ],
        "left_wrist": [
            (0.185, shoulder - 0.50, 0.0),
            (0.7 - 0.185, shoulder - 0.50, -0.2),
            (0.185, shoulder - 0.42, 0.50),
            (0.185 + 0.50, shoulder, 0.0),
        ],
        "left_toe": [(0.09, 0.055, 0.16), (0.61, 0.055, -0.36), (0.09, 0.055, 0.42 + 0.16), (0.09, 0.055, 0.16)],
    }
    for name, points in expected.items():
        np.testing.assert_allclose(at[name], points, atol=1e-12, err_msg=name)


def test_feet_stay_on_the_floor_and_hardly_slide_in_a_walk() -> None:
    motion = choreograph(1500, 1.8, np.random.default_rng(5))
    at = joint_positions(motion)
    feet_t2 = np.stack([np.minimum(at[f"{s}_ankle"], at[f"{s}_toe"])[:, 1] for s in ("left", "right")], axis=1)
    np.testing.assert_allclose(feet_t2.min(axis=1), 0.055, atol=1e-9)
    travel_t = np.hypot(*np.diff(motion.floor_t2, axis=0).T)
    ankles_t22 = np.stack([at[f"{side}_ankle"][:, [0, 2]] for side in ("left", "right")], axis=1)
    slide_t2 = np.linalg.norm(np.diff(ankles_t22, axis=0), axis=2)
    standing_t = slide_t2[np.arange(1499), feet_t2[1:].argmin(axis=1)]
    walking_t = travel_t > 0.03
    assert walking_t.mean() > 0.15
    assert np.median(standing_t[walking_t]) < 0.4 * travel_t[walking_t].mean()
