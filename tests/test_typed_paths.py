"""Paths as people type them: another's home, files that exist, and what no file system takes."""

from pathlib import Path

import pytest

from vidpred_engine.errors import UserError
from vidpred_engine.typed_paths import check_new, check_there, typed_path

TOO_LONG = "x" * 300 + ".csv"


def test_homes_are_found_and_unknown_ones_stay_as_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert typed_path("~/runs") == Path("/home/ada/runs")
    assert typed_path("~root/x").is_absolute()
    assert typed_path("~nobody-has-this-name/x") == Path("~nobody-has-this-name/x")


def test_a_new_file_is_refused_by_ending_folder_existence_and_name(tmp_path: Path) -> None:
    (tmp_path / "there.csv").touch()
    check_new(tmp_path / "new.CSV", "Runs are", (".csv", ".json"))
    refused = {
        "a.txt": r"Runs are written as \.csv, \.json; 'a.txt' ends otherwise",
        "none/a.csv": "There is no folder .*none",
        "there.csv": "exists already",
        TOO_LONG: "cannot be written: File name too long",
    }
    for name, sentence in refused.items():
        with pytest.raises(UserError, match=sentence):
            check_new(tmp_path / name, "Runs are", (".csv", ".json"))


def test_a_file_to_read_is_there_and_can_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "there.toml").touch()
    check_there(tmp_path / "there.toml")
    for name, sentence in {"gone.toml": "There is no file", ".": "There is no file", TOO_LONG: "too long"}.items():
        with pytest.raises(UserError, match=sentence):
            check_there(tmp_path / name)
