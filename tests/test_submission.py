"""The lab's submission file and its score, against Python's csv module and figures worked by hand."""

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from literal_lab import LiteralLab, literal_rollout
from pngs import Frames, random_frames, write_pngs
from vidpred_engine.cli import main
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.competition import score_file, score_submission
from vidpred_engine.evaluation.rollout import seeded_noise
from vidpred_engine.evaluation.submission import read_submission, to_levels, write_submission
from vidpred_engine.progress import Progress
from vidpred_engine.randomness import derive_seed
from vidpred_engine.training.lab_checkpoint import import_lab_checkpoint

Command = Callable[..., tuple[int | str | None, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run vidpred-engine in this process; gives exit code, standard output and standard error."""

    def call(*arguments: str | Path) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr("sys.argv", ["vidpred-engine", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            main()
        return leaving.value.code, *capsys.readouterr()

    return call


def write_csv(path: Path, rows: NDArray[Any]) -> Path:
    """The lab's format by Python's own csv module."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *range(rows.shape[1])])
        writer.writerows([number, *row.tolist()] for number, row in enumerate(rows))
    return path


def read_csv(path: Path) -> NDArray[np.int64]:
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header[0] == "id"
    assert [row[0] for row in rows] == [str(number) for number in range(len(rows))]
    return np.array([row[1:] for row in rows], dtype=np.int64)


def test_the_file_is_byte_for_byte_what_the_csv_module_writes(tmp_path: Path) -> None:
    levels = np.arange(7 * 256, dtype=np.int64).reshape(7, 256) * 37 % 256
    expected = write_csv(tmp_path / "expected.csv", levels).read_bytes()
    parts = np.split(levels.astype(np.uint8), [2, 3])  # three sequences of 2, 1 and 4 frames
    write_submission(tmp_path / "deep" / "found.csv", parts)
    assert (tmp_path / "deep" / "found.csv").read_bytes() == expected
    assert np.array_equal(read_submission(tmp_path / "deep" / "found.csv", Progress()), levels)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["found.csv"]


def test_values_are_rounded_as_numpy_rounds_and_lie_in_the_order_c_h_w() -> None:
    torch.manual_seed(0)
    frames = torch.rand(4, 3, 8, 16) * 1.4 - 0.2
    frames.view(-1)[:6] = torch.tensor([0.5, 1.5, 2.5, 254.5, -3.0, 300.0]) / 255
    expected = np.rint(np.clip(frames.numpy(), 0, 1) * 255).reshape(4, -1)
    assert expected[0, :6].tolist() == [0, 2, 2, 254, 0, 255]
    assert np.array_equal(to_levels(frames), expected)
    assert to_levels(frames)[2, 1 * 8 * 16 + 3 * 16 + 5] == expected.reshape(4, 3, 8, 16)[2, 1, 3, 5]


def test_public_and_private_scores_by_hand() -> None:
    # Five sequences off by one constant each: an error of 1 is 20 log10(255) = 48.13 dB, of 10 28.13, of 100 8.13.
    submitted = np.repeat(np.array([1, 10, 100, 10, 1], np.uint8), 630)[:, None].repeat(3, axis=1)
    truth = np.zeros_like(submitted)
    for start in range(0, 3150, 630):
        submitted[start] = 255  # frame 0 is given, frames 601 to 629 do not count
        submitted[start + 601 : start + 630] = 255
    scores = score_submission(submitted, truth, (630,) * 5)
    one = 20 * math.log10(255)
    assert (scores["public"].frames, scores["private"].frames, scores["all"].frames) == (1800, 1200, 3000)
    assert scores["public"].psnr == pytest.approx(one - 20, abs=1e-9), "(48.13 + 28.13 + 8.13) / 3"
    assert scores["private"].psnr == pytest.approx(one - 10, abs=1e-9), "(28.13 + 48.13) / 2"
    assert scores["all"].psnr == pytest.approx(one - 16, abs=1e-9), "3 parts public, 2 parts private"
    assert scores["all"].repeat_first == 100, "nobody moves, so repeating is perfect: the cap stands for infinity"


def test_the_baseline_repeats_the_true_first_frame() -> None:
    truth = np.zeros((630, 3), np.uint8)
    truth[301:] = 16  # frames 1 to 300 equal frame 0, 301 to 600 differ by 16: MSE 256
    scores = score_submission(truth, truth, (630,))
    moved = 20 * math.log10(255) - 10 * math.log10(256)
    assert scores["all"].repeat_first == pytest.approx((100 + moved) / 2)
    assert scores["all"].psnr == scores["public"].psnr == 100
    assert (scores["private"].frames, scores["private"].psnr) == (0, None)


def by_hand(submitted: NDArray[np.int64], truth: NDArray[np.int64]) -> dict[str, float]:
    """The lab's rule written out frame by frame."""
    decibels = []
    for sequence in range(len(truth) // 630):
        for t in range(1, 601):
            error = (submitted[sequence * 630 + t] - truth[sequence * 630 + t]).astype(np.float64)
            decibels.append(20 * math.log10(255) - 10 * math.log10(np.mean(error**2)))
    return {"public": float(np.mean(decibels[:1800])), "private": float(np.mean(decibels[1800:]))}


def write_test_split(root: Path, poses: list[Frames], truth: list[Frames]) -> None:
    """Test sequences in the lab's layout, the pictures that the lab keeps back beside them."""
    for number, (pose, frames) in enumerate(zip(poses, truth, strict=True)):
        write_pngs(root / "test" / "test_label" / str(number), pose)
        write_pngs(root / "test" / "test_img" / str(number), frames[:1])
        write_pngs(root / "test" / "test_truth" / str(number), frames)


def lab_run(tmp_path: Path, data: Path) -> tuple[LiteralLab, str]:
    """A small model of the lab's, in eval mode, and the folder of the run that it was imported into."""
    torch.manual_seed(1)
    lab = LiteralLab(8, 4, 4, 8).eval()
    torch.save(lab.state_dict(), tmp_path / "lab.pth")
    given = {"data": str(data), "frame_height": 8, "frame_width": 16, "clip_length": 3, "seed": 7}
    run = import_lab_checkpoint(tmp_path / "lab.pth", tmp_path / "runs", given, Progress())
    return lab, str(run.path)


@pytest.mark.slow
def test_a_predicted_submission_scores_as_worked_out_by_hand(
    tmp_path: Path, lab_folder: Path, command: Command
) -> None:
    truth = [random_frames(630, seed=10 + number) for number in range(5)]
    write_test_split(lab_folder, [random_frames(630, seed=20 + number) for number in range(5)], truth)
    _, run = lab_run(tmp_path, lab_folder)
    submission = tmp_path / "out" / "submission.csv"
    code, out, err = command("predict", run, "--submission", submission, "--scale", "1", "--device", "cpu")
    assert code == 0, err
    assert out.strip() == str(submission)
    assert sorted(path.name for path in submission.parent.iterdir()) == [
        "submission.csv",
        *(f"submission_pred_seq{number}.gif" for number in range(5)),
    ]

    found = read_csv(submission)
    expected = np.concatenate(truth).transpose(0, 3, 1, 2).reshape(5 * 630, -1).astype(np.int64)
    assert found.shape == (3150, 3 * 8 * 16)
    assert np.array_equal(found[::630], expected[::630]), "row 0 of each sequence is the given frame"
    csv_truth = write_csv(tmp_path / "truth.csv", expected)
    for truth_name in (csv_truth, lab_folder):
        code, out, err = command("score", submission, truth_name, "--json")
        assert code == 0, err
        scores = orjson.loads(out)
        for name, decibels in by_hand(found, expected).items():
            assert scores[name]["psnr"] == pytest.approx(decibels, abs=1e-9)
    code, table, _ = command("score", submission, csv_truth)
    assert f"{scores['public']['psnr']:.2f}" in table
    assert f"{scores['private']['repeat_first']:.2f}" in table


def test_each_sequence_is_the_labs_rollout_whatever_stands_beside_it(
    tmp_path: Path, lab_folder: Path, command: Command
) -> None:
    lengths = (6, 4, 6)
    poses = [random_frames(length, seed=30 + number) for number, length in enumerate(lengths)]
    truth = [random_frames(length, seed=40 + number) for number, length in enumerate(lengths)]
    write_test_split(lab_folder, poses, truth)
    lab, run = lab_run(tmp_path, lab_folder)
    assert command("predict", run, "--submission", tmp_path / "a.csv", "--device", "cpu")[0] == 0
    rows = np.split(read_csv(tmp_path / "a.csv"), np.cumsum(lengths)[:-1])
    for number, length in enumerate(lengths):
        first, labels = (
            torch.from_numpy(frames).permute(0, 3, 1, 2)[None].float() / 255
            for frames in (truth[number], poses[number])
        )
        noise = seeded_noise([derive_seed(7, "test", number)], (4, 8, 16), "cpu")
        frames = literal_rollout(lab, first[:, 0], labels, [noise(t) for t in range(1, length)])[0]
        expected = np.rint(255 * frames.clamp(0, 1).flatten(1).numpy())
        assert np.abs(rows[number][1:] - expected).max() <= 1, "float32 sums in another order may round otherwise"
        assert (rows[number][1:] != expected).mean() < 0.01
    with Image.open(tmp_path / "a_pred_seq1.gif") as image:
        assert getattr(image, "n_frames", 1) == 4
        assert image.size == (4 * (3 * 16 + 2 * 2), 4 * 8), "truth, prediction and pose, and two gaps"


def test_without_the_truth_the_pictures_are_prediction_and_pose_and_there_is_no_score(
    tmp_path: Path, lab_folder: Path, command: Command
) -> None:
    write_pngs(lab_folder / "test/test_label/0", random_frames(3))
    write_pngs(lab_folder / "test/test_img/0", random_frames(1))
    _, run = lab_run(tmp_path, lab_folder)
    assert command("predict", run, "--submission", tmp_path / "a.csv", "--scale", "1", "--device", "cpu")[0] == 0
    with Image.open(tmp_path / "a_pred_seq0.gif") as image:
        assert image.size == (2 * 16 + 2, 8)
    code, _, err = command("score", tmp_path / "a.csv", lab_folder)
    assert code == 2
    assert "does not have all true frames of test/0; add test/test_truth" in err


def test_a_diverged_model_writes_no_submission(tmp_path: Path, lab_folder: Path, command: Command) -> None:
    write_test_split(lab_folder, [random_frames(4)], [random_frames(4)])
    _, run = lab_run(tmp_path, lab_folder)
    best = Path(run) / "checkpoints" / "best.pt"
    saved = torch.load(best, weights_only=True)
    saved["model"]["generator.7.bias"].fill_(3e38)
    torch.save(saved, best)
    code, _, err = command("predict", run, "--submission", tmp_path / "a.csv", "--device", "cpu")
    assert code == 2
    assert "test/0 holds NaN; this checkpoint has diverged" in err
    assert not (tmp_path / "a.csv").exists()


def test_a_submission_that_cannot_be_is_refused_before_anything_is_predicted(
    tmp_path: Path, lab_folder: Path, command: Command
) -> None:
    _, run = lab_run(tmp_path, lab_folder)
    for words, sentence in (
        (["--submission", tmp_path / "a.csv", "--clip", "0"], "takes no --clip"),
        (["--submission", tmp_path], "is a folder"),
        (["--submission", tmp_path / "a.csv"], "has no test split"),
    ):
        code, _, err = command("predict", run, *words)
        assert code == 2
        assert sentence in err
    assert not (tmp_path / "a.csv").exists()


GOOD = "id,0,1,2\n0,1,2,3\n1,255,0,9\n"
MALFORMED = {
    "empty": ("", "line 1: the header"),
    "another header": (GOOD.replace("id", "index"), "line 1: the header"),
    "columns from 1": (GOOD.replace("0,1,2\n", "1,2,3\n", 1), "line 1: the header"),
    "no columns": ("id\n0\n", "line 1: the header"),
    "a short row": ("id,0,1,2\n0,1,2\n", "line 2: there should be an id and 3 values; there are 3 fields"),
    "a long row": (GOOD.replace("0,9", "0,9,9"), "line 3: there should be an id and 3 values; there are 5 fields"),
    "an empty row": (GOOD + "\n2,1,1,1\n", "line 4: there should be"),
    "a word": (GOOD.replace("255", "white"), "line 3: there is something that is not a number"),
    "nothing": (GOOD.replace("255", ""), "line 3: there is something that is not a number"),
    "too bright": (GOOD.replace("255", "256"), "line 3: value 0 should be a whole number from 0 to 255; it is 256"),
    "too dark": (GOOD.replace("0,9", "-1,9"), "line 3: value 1 should be a whole number from 0 to 255; it is -1"),
    "a fraction": (GOOD.replace("0,9", "0,0.5"), "line 3: value 2 should be a whole number from 0 to 255; it is 0.5"),
    "NaN": (GOOD.replace("255", "nan"), "line 3: value 0 should be a whole number from 0 to 255; it is nan"),
    "a missing row": (GOOD.replace("0,1,2,3\n", ""), "line 2: the id should be 0"),
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_file_is_refused_with_the_line_at_fault(tmp_path: Path, fault: str) -> None:
    content, sentence = MALFORMED[fault]
    file = tmp_path / "bad.csv"
    file.write_text(content)
    with pytest.raises(UserError, match=sentence) as refusal:
        read_submission(file, Progress())
    assert str(file) in str(refusal.value)


def test_whole_numbers_may_be_written_as_pandas_writes_floats(tmp_path: Path) -> None:
    file = tmp_path / "float.csv"
    file.write_bytes(b"\xef\xbb\xbfid,0,1\r\n0,255.0,1\r\n1,0,7.0")
    assert read_submission(file, Progress()).tolist() == [[255, 1], [0, 7]]


def test_files_that_do_not_match_are_refused(tmp_path: Path, lab_folder: Path) -> None:
    row = np.zeros((630, 6), np.uint8)
    whole = write_csv(tmp_path / "whole.csv", row)
    short = write_csv(tmp_path / "short.csv", row[:-1])
    narrow = write_csv(tmp_path / "narrow.csv", row[:, :3])
    (tmp_path / "photo.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff")
    write_test_split(lab_folder, [random_frames(3)], [random_frames(3)])
    for submission, truth, sentence in (
        (short, whole, "short.csv ends at line 630; as the truth has 630 frames, it should end at line 631"),
        (whole, short, "short.csv ends at line 630, after 629 rows of a sequence"),
        (narrow, whole, "narrow.csv, line 1: there are 3 values a frame where the truth has 6"),
        (narrow, lab_folder, "3 values are no RGB frame twice as wide as high"),
        (whole, tmp_path / "none.csv", "There is no .*none.csv"),
        (tmp_path / "none.csv", whole, "none.csv cannot be read"),
        (tmp_path / "photo.csv", whole, "photo.csv cannot be read: it is no text"),
        (write_csv(tmp_path / "tiny.csv", np.zeros((2, 384), np.uint8)), lab_folder, "the truth has 3 frames"),
    ):
        with pytest.raises(UserError, match=sentence):
            score_file(submission, str(truth), Progress())
