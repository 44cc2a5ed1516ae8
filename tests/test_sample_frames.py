"""Stored rollouts: kept whole, bounded in size, and harmless whatever bytes the file holds."""

import io
import json
import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pngs import Frames, random_frames
from rollouts import rollout
from vidpred_engine.cli import build_parser
from vidpred_engine.data.source import open_run_data
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.gif import to_pixels
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.store import sample_frames
from vidpred_engine.store.evaluations import main_evaluation
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.sample_frames import (
    SampleFrames,
    read_sample_frames,
    stored_sample_frames,
    write_sample_frames,
)
from vidpred_engine.store.status_keeper import StatusKeeper
from vidpred_engine.training.run import train_run


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(tmp_path)


def assert_same_pictures(found: SampleFrames, expected: SampleFrames) -> None:
    for name in ("truth", "prediction", "pose"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_a_rollout_comes_back_as_it_was(run: RunDirectory) -> None:
    written = rollout(psnr=[1.5, float("nan"), float("inf")])
    path = write_sample_frames(run, written)
    assert path == run.frames / "val0-prior-best.npz"
    found = read_sample_frames(path)
    assert_same_pictures(found, written)
    assert found.psnr[0] == 1.5
    assert np.isnan(found.psnr[1])
    assert found.psnr[2] == float("inf")
    for name in ("split", "clip", "z_mode", "seed", "checkpoint", "step", "weights", "data_digest"):
        assert getattr(found, name) == getattr(written, name)
    assert found.shrunk == 1


def test_numpy_alone_reads_the_file(run: RunDirectory) -> None:
    written = rollout()
    with np.load(write_sample_frames(run, written), allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["prediction"], written.prediction)
        assert json.loads(arrays["about"].tobytes())["psnr"] == [20.0, 21.0, 22.0]


def test_the_same_rollout_replaces_its_file_and_another_stands_beside_it(run: RunDirectory) -> None:
    write_sample_frames(run, rollout())
    write_sample_frames(run, rollout(step=5))
    write_sample_frames(run, rollout(checkpoint="newest"))
    assert sorted(path.name for path in run.frames.iterdir()) == ["val0-prior-best.npz", "val0-prior-newest.npz"]
    assert read_sample_frames(run.frames / "val0-prior-best.npz").step == 5


def test_files_are_listed_newest_first_and_others_are_passed_over(run: RunDirectory) -> None:
    assert stored_sample_frames(run) == []
    best, other = write_sample_frames(run, rollout()), write_sample_frames(run, rollout(clip=12))
    os.utime(best, ns=(0, 2_000_000_000))
    os.utime(other, ns=(0, 1_000_000_000))
    for name in (".val0-prior-best.npz.x.tmp", "notes.npz", f"val{'9' * 200}-x.npz", "val0-a b.npz", "val0.gif"):
        (run.frames / name).touch()
    found = [(item.path, item.split, item.clip) for item in stored_sample_frames(run)]
    long = (run.frames / f"val{'9' * 200}-x.npz", "val", int("9" * 200))
    assert [item for item in found if item != long] == [(best, "val", 0), (other, "val", 12)]


def test_large_pictures_are_shrunk_to_the_limit_by_the_mean_of_squares(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_frames, "LARGEST_PICTURES", 3 * 5 * 16 * 8 * 3)
    written = rollout(5, height=17, width=33)  # a row and a column over
    found = read_sample_frames(write_sample_frames(run, written))
    assert found.shrunk == 2
    assert found.truth.shape == (5, 8, 16, 3)
    square = written.prediction[4, 2:4, 6:8].astype(float)
    assert found.prediction[4, 1, 3].tolist() == np.rint(square.mean((0, 1))).tolist()


def test_where_shrinking_is_not_enough_the_last_pictures_go_and_their_psnr_stays(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_frames, "LARGEST_PICTURES", 2 * 3 * 16 * 8 * 3 + 5)
    written = rollout(5)
    found = read_sample_frames(write_sample_frames(run, written))
    np.testing.assert_array_equal(found.truth, written.truth[:2])
    assert (len(found), len(found.psnr), found.shrunk) == (2, 5, 1)


def test_the_labs_rollout_is_kept_whole() -> None:
    assert sample_frames.LARGEST_PICTURES >= 630 * 64 * 32 * 3 * 3


# Hostile files.


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array), allow_pickle=True)
    return file.getvalue()


def about(**facts: Any) -> bytes:
    known = {name: getattr(rollout(), name) for name in sample_frames._FACTS}
    return npy(np.frombuffer(json.dumps({"format": 1, **known, **facts}).encode(), np.uint8))


def write(path: Path, members: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Write an archive of the arrays of a good file, some replaced; None leaves one out."""
    pictures: dict[str, bytes] = {
        f"{name}.npy": npy(getattr(rollout(), name)) for name in ("truth", "prediction", "pose")
    }
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in {**pictures, "about.npy": about(), **members}.items():
            archive.writestr(name, content)
    return path


def header(shape: str, kind: str = "'|u1'") -> bytes:
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


HOSTILE: dict[str, Mapping[str, bytes]] = {
    "a pickle": {"truth.npy": npy(np.array([os.system], dtype=object))},
    "floats": {"truth.npy": npy(np.zeros((3, 8, 16, 3), np.float32))},
    "other sizes": {"truth.npy": npy(random_frames(2))},
    "no channels": {name: npy(np.zeros((3, 8, 16), np.uint8)) for name in ("truth.npy", "prediction.npy", "pose.npy")},
    "nothing": {name: npy(np.zeros((0, 8, 16, 3), np.uint8)) for name in ("truth.npy", "prediction.npy", "pose.npy")},
    "a huge shape": {"truth.npy": header("(1000000000, 1000000000, 3, 3)")},
    "a huge number": {"truth.npy": header(f"({'9' * 50}, 1)")},
    "a negative shape": {"truth.npy": header("(-1, 8, 16, 3)") + bytes(3 * 8 * 16 * 3)},
    "brackets": {"truth.npy": header("(" * 5000)},
    "a shape of commas": {"truth.npy": header("(, , )")},
    "another order": {"truth.npy": npy(np.asfortranarray(random_frames(3)))},
    "no shape": {"truth.npy": header("()") + b"1"},
    "no array": {"truth.npy": b"GIF89a"},
    "JSON of another kind": {"about.npy": npy(np.frombuffer(b"[1, 2]", np.uint8))},
    "no JSON": {"about.npy": npy(np.frombuffer(b"{", np.uint8))},
    "escape codes": {"about.npy": about(checkpoint="\x1b]0;owned\x07")},
    "markup": {"about.npy": about(weights="[link=x]")},
    "a number for a word": {"about.npy": about(z_mode=3)},
    "a word for a number": {"about.npy": about(step="5")},
    "a switch for a number": {"about.npy": about(step=True)},
    "too few values": {"about.npy": about(psnr=[1.0])},
    "values that are none": {"about.npy": about(psnr=[1.0, None, 2.0])},
}


@pytest.mark.parametrize("members", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused_in_a_sentence(tmp_path: Path, members: Mapping[str, bytes]) -> None:
    assert len(read_sample_frames(write(tmp_path / "good.npz", {}))) == 3
    with pytest.raises(UserError, match=r"bad\.npz is damaged; make it anew with `vidpred-engine predict`\."):
        read_sample_frames(write(tmp_path / "bad.npz", members))


def test_a_format_to_come_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"new\.npz cannot be read: it has format 99, .*; use a newer vidpred\."):
        read_sample_frames(write(tmp_path / "new.npz", {"about.npy": about(format=99)}))


def test_nothing_is_unpacked_or_unpickled(tmp_path: Path) -> None:
    bomb = npy(np.zeros((100, 200, 400, 3), np.uint8))
    path = write(tmp_path / "bomb.npz", {"truth.npy": bomb}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < len(bomb) / 100
    with pytest.raises(UserError, match="damaged"):
        read_sample_frames(path)
    path.write_bytes(pickle.dumps(rollout))
    with pytest.raises(UserError, match="damaged"):
        read_sample_frames(path)


def test_what_is_no_file_or_far_too_large_is_refused_without_reading_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="damaged"):
        read_sample_frames(tmp_path)
    with (tmp_path / "large.npz").open("wb") as file:
        file.truncate(10 * sample_frames.LARGEST_PICTURES)
    with pytest.raises(UserError, match="damaged"):
        read_sample_frames(tmp_path / "large.npz")
    with pytest.raises(UserError, match=r"gone\.npz is gone"):
        read_sample_frames(tmp_path / "gone.npz")


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=5), st.integers(0, 10**6))
def test_no_change_of_bytes_raises_anything_but_the_sentence(
    tmp_path: Path, changes: list[tuple[int, int]], cut: int
) -> None:
    good = write(tmp_path / "good.npz", {}).read_bytes()
    damaged = bytearray(good)
    for place, value in changes:
        damaged[place % len(good)] = value
    path = tmp_path / "damaged.npz"
    path.write_bytes(damaged[: cut % (2 * len(good))])
    try:
        found = read_sample_frames(path)
    except UserError:
        return
    assert found.truth.shape == found.prediction.shape == found.pose.shape


# What writes them.


def test_a_value_that_is_not_finite_is_black_and_others_are_rounded() -> None:
    frames = torch.tensor([0.0, 1.0, 0.5, 1.7, -3.0, torch.nan, torch.inf, -torch.inf, 0.4999]).view(1, 3, 1, 3)
    levels = [0, 255, 128, 255, 0, 0, 0, 0, 127]
    expected: Frames = np.array(levels, np.uint8).reshape(3, 1, 3).transpose(1, 2, 0)[None]
    np.testing.assert_array_equal(to_pixels(frames), expected)


def test_a_training_keeps_its_newest_validation_and_predict_its_best_weights(tmp_path: Path, tiny: RunSettings) -> None:
    run = create_run(tmp_path / "runs", tiny)
    with StatusKeeper(run.status_file, "starting") as status:
        assert train_run(run, status, Progress(), lambda: False) == 0
    newest = read_sample_frames(run.frames / "val0-prior-newest.npz")
    validation = open_run_data(tiny, Progress()).validation
    truth_tchw, pose_tchw = validation.sequences()[0].frames_tchw, validation.sequences()[0].labels_tchw
    np.testing.assert_array_equal(newest.truth, truth_tchw[1:].permute(0, 2, 3, 1).numpy())
    np.testing.assert_array_equal(newest.pose, pose_tchw[1:].permute(0, 2, 3, 1).numpy())
    assert (newest.step, newest.checkpoint, newest.data_digest) == (10, "newest", validation.digest)
    assert_psnr_is_of_the_pictures(newest)

    arguments = build_parser().parse_args(["predict", str(run.path), "--device", "cpu"])
    assert arguments.call(arguments) == 0
    best = read_sample_frames(run.frames / "val0-prior-best.npz")
    evaluation = main_evaluation(run)
    assert evaluation is not None
    assert best.psnr == pytest.approx(evaluation.psnr, abs=1e-4)
    assert best.step == evaluation.step
    assert_psnr_is_of_the_pictures(best)
    assert {path.name for path in run.frames.iterdir()} == {
        "val0-prior-newest.npz",
        "val0-prior-best.npz",
        "val0.gif",
    }


def assert_psnr_is_of_the_pictures(found: SampleFrames) -> None:
    """PSNR of 8-bit pictures is that of the exact ones to a hundredth of a dB at these errors."""
    error = (found.prediction.astype(float) - found.truth) / 255
    assert found.psnr == pytest.approx((-10 * np.log10(np.square(error).mean((1, 2, 3)))).tolist(), abs=0.02)


def test_a_shrunk_rollout_can_be_written_again(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_frames, "LARGEST_PICTURES", 3 * 3 * 16 * 8 * 3)
    once = read_sample_frames(write_sample_frames(run, rollout(height=16, width=32)))
    again = read_sample_frames(write_sample_frames(run, replace(once, step=1)))
    assert_same_pictures(again, once)
    assert again.shrunk == 2
