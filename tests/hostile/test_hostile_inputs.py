"""Pictures, tables and settings that are none: refused in a sentence that names the file."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hostile.answers import Say, inert, sentence
from hostile.corpus import PICTURES, SETTINGS, TABLES, cases
from vidpred_engine.data.folder import check_folder, scan_folder
from vidpred_engine.data.packed import load_packed
from vidpred_engine.errors import UserError
from vidpred_engine.evaluation.submission import read_submission
from vidpred_engine.progress import Progress
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import create_run


@cases(PICTURES)
def test_a_picture_that_is_none_is_refused(lab_folder: Path, tmp_path: Path, case: bytes, say: Say) -> None:
    path = lab_folder / "val/val_img/2.png"
    path.write_bytes(case)
    folder = scan_folder(lab_folder)
    with pytest.raises(UserError, match=r"2\.png cannot be read: .*; replace it, or remove it") as refused:
        load_packed(folder, "val", height=8, width=16, cache=tmp_path / "cache")
    assert len(sentence(str(refused.value))) == 1
    problems = check_folder(lab_folder).problems
    assert all("2.png" in problem for problem in problems)
    code, out, err = say("data", "check", lab_folder)
    assert code == (2 if problems else 0)
    sentence(out + err)


@pytest.mark.parametrize("kind", ["pipe", "folder", "endless"])
def test_what_is_no_picture_file_is_refused(lab_folder: Path, tmp_path: Path, kind: str) -> None:
    path = lab_folder / "val/val_img/2.png"
    path.unlink()
    ways: dict[str, Callable[[], object]] = {
        "pipe": lambda: os.mkfifo(path),
        "folder": lambda: path.mkdir(),
        "endless": lambda: path.symlink_to("/dev/zero"),
    }
    ways[kind]()
    with pytest.raises(UserError, match="val_img"):
        load_packed(scan_folder(lab_folder), "val", height=8, width=16, cache=tmp_path / "cache")


@cases(TABLES)
def test_a_table_that_is_no_submission_is_refused(tmp_path: Path, case: bytes) -> None:
    path = tmp_path / "submission.csv"
    path.write_bytes(case)
    with pytest.raises(UserError, match=r"submission\.csv") as refused:
        read_submission(path, Progress())
    assert len(sentence(str(refused.value))) == 1


@cases(SETTINGS)
def test_settings_that_are_none_are_refused(runs: Path, tmp_path: Path, say: Say, case: bytes) -> None:
    path = tmp_path / "settings.toml"
    path.write_bytes(case)
    code, _, err = say("train", "--settings", path, "--runs", runs)
    assert (code, len(sentence(err))) == (2, 1)
    assert inert(err)
    assert list(runs.iterdir()) == []
    run = create_run(runs, RunSettings())
    run.settings_file.write_bytes(case)
    with pytest.raises(UserError, match=f"Run {run.run_id} has no usable settings"):
        run.settings()
    (entry,) = Registry(runs).entries()
    assert entry.state == "lost"
