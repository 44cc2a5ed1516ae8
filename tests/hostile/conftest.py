"""A folder of runs with a whole one, a folder that nothing may touch, and vidpred-engine called with words."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hostile.answers import Say
from vidpred_engine import cli
from vidpred_engine.store.run_directory import RunDirectory
from whole_run import whole_run


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A folder that nothing may touch."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_text("lr = SECRET")
    yield folder
    assert [path.name for path in folder.iterdir()] == ["secret"]
    assert (folder / "secret").read_text() == "lr = SECRET"


@pytest.fixture
def run(runs: Path) -> RunDirectory:
    return whole_run(runs)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Call vidpred-engine with words; gives its exit code, output and errors."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["vidpred-engine", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        return int(left.value.code or 0), *capsys.readouterr()

    return call
