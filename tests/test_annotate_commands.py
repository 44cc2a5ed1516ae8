"""`vidpred-engine runs` list, tag, note, star, rename, delete and restore, as a shell calls them."""

import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from vidpred_engine.cli import build_parser, dashed, main
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import read_annotations
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import Status, write_status

Engine = Callable[..., tuple[int, str, str]]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Engine:
    """Runs `vidpred-engine runs ...` in this process and returns its exit code and what it wrote to both streams."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vidpred-engine", "runs", *words, "--runs", str(tmp_path)])
        with pytest.raises(SystemExit) as leaving:
            main()
        written = capsys.readouterr()
        return int(leaving.value.code or 0), written.out, written.err

    return run


def make_run(runs: Path, name: str, **summary: float) -> RunDirectory:
    run = create_run(runs, RunSettings(name=name, lr=0.5 if name == "fast" else 1e-4))
    write_status(run.status_file, Status("finished", summary=dict(summary)))
    Registry(runs).index(run)
    return run


def listed(engine: Engine, *words: str) -> list[str]:
    code, out, _ = engine("list", *words, "--json")
    assert code == 0
    return [entry["name"] for entry in orjson.loads(out)]


@pytest.mark.parametrize("text", ["-5 dB", "-old", "!really"])
def test_a_text_that_begins_with_a_minus_stays_as_it_is(engine: Engine, tmp_path: Path, text: str) -> None:
    run = make_run(tmp_path, "any")
    assert engine("note", run.run_id, text)[0] == engine("rename", run.run_id, text)[0] == 0
    said = read_annotations(run)
    assert (said.note, said.name) == (text, text)


def test_an_empty_tag_is_refused(engine: Engine, tmp_path: Path) -> None:
    code, _, error = engine("tag", make_run(tmp_path, "any").run_id, "")
    assert (code, error) == (2, "vidpred-engine: Write +TAG to add the tag, or -TAG to take it away.\n")


def test_a_file_is_no_folder_of_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(sys, "argv", ["vidpred-engine", "runs", "list", "--runs", str(tmp_path / "file")])
    with pytest.raises(SystemExit, match="2"):
        main()
    assert "file is not a folder; name the folder of the runs" in capsys.readouterr().err


def test_a_list_is_filtered_and_sorted(engine: Engine, tmp_path: Path) -> None:
    make_run(tmp_path, "fast", best_psnr=20.0)
    make_run(tmp_path, "slow", best_psnr=30.0)
    make_run(tmp_path, "none")
    assert listed(engine, "lr<0.1", "best_psnr>1") == ["slow"]
    assert listed(engine, "--sort", "best_psnr") == ["slow", "fast", "none"]
    assert listed(engine, "--sort", "lr", "best_psnr>1") == ["slow", "fast"]
    assert listed(engine, "-name:slow", "--sort", "best_psnr", "-none") == ["fast"], "words may surround flags"
    assert listed(engine, "!name:slow", "best_psnr>1") == ["fast"]
    code, out, _ = engine("list", "name:slow")
    assert code == 0
    assert "30.00" in out
    assert "fast" not in out
    assert "None of the 3 runs" in engine("list", "name:nobody")[1]


def test_faults_of_a_filter_are_one_sentence(engine: Engine) -> None:
    for words, sentence in (
        (("stat:x",), "At character 1: there is no 'stat' to filter by; did you mean 'state'?"),
        (("--sort", "psn"), "There is no 'psn' to sort by; did you mean 'psnr'?"),
        (("--sort", "qqqq"), "There is no 'qqqq' to sort by; `vidpred-engine runs list --help` names all."),
    ):
        assert engine("list", *words) == (2, "", f"vidpred-engine: {sentence}\n")
    code, _, err = engine("list", "--psnr", "3")
    assert code == 2
    assert "there is no flag --psnr" in err


def test_runs_are_tagged_noted_starred_and_renamed(engine: Engine, tmp_path: Path) -> None:
    run = make_run(tmp_path, "one")
    assert engine("tag", "last", "+kl", "+paper") == (0, f"{run.run_id} is tagged kl paper.\n", "")
    assert engine("tag", "last", "-kl", "+hard", "-never") == (0, f"{run.run_id} is tagged paper hard.\n", "")
    assert engine("tag", "last", "-hard", "-paper") == (0, f"{run.run_id} has no tags.\n", "")
    assert engine("note", "last", "[b]why[/b]") == (0, f"{run.run_id} has the note: [b]why[/b]\n", "")
    assert engine("star", "last")[1] == f"{run.run_id} has a star.\n"
    assert engine("star", "last")[1] == f"{run.run_id} has no star.\n"
    assert engine("rename", "last", "Läb 2")[1] == f"{run.run_id} is shown as Läb 2.\n"
    said = read_annotations(run)
    assert (said.name, said.tags, said.note, said.starred) == ("Läb 2", (), "[b]why[/b]", False)
    assert listed(engine, "name:läb") == ["Läb 2"]
    assert engine("rename", "last", "")[1] == f"{run.run_id} has its first name again.\n"
    assert engine("note", "last", "")[1] == f"{run.run_id} has no note.\n"
    assert listed(engine) == ["one"]


def test_unfit_words_are_refused_and_change_nothing(engine: Engine, tmp_path: Path) -> None:
    run = make_run(tmp_path, "one")
    for words, sentence in (
        (("tag", "last", "kl"), "Write +kl to add the tag, or -kl to take it away."),
        (("tag", "last", "+a", "+[red]"), "A tag is up to 32 letters"),
        (("note", "last", "a\x1b[2J"), "A note is one line of printable characters; leave out '\\x1b'."),
        (("rename", "last", "x" * 61), "A name has up to 60 characters; this one has 61."),
    ):
        code, out, err = engine(*words)
        assert (code, out) == (2, "")
        assert sentence in err
        assert err.count("\n") == 1
    assert not run.annotations_file.exists()


def test_deleting_asks_and_restoring_brings_back(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, other = make_run(tmp_path, "one"), make_run(tmp_path, "other")
    code, _, err = engine("delete", "one")
    assert code == 2
    assert err == "vidpred-engine: There is no terminal to ask in whether to delete; add --yes.\n"
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    asked: list[str] = []
    answers = iter(("", "n", "y"))

    def ask(question: str) -> str:
        asked.append(question)
        return next(answers)

    monkeypatch.setattr("builtins.input", ask)
    for left in (2, 2, 1):
        assert engine("delete", "one")[0] == 0
        assert len(listed(engine)) == left
    assert asked == [f"Delete {run.run_id}? [y/N] "] * 3
    assert engine("delete", "other", "--yes")[1].startswith(f"{other.run_id} lies in {tmp_path / '.trash'};")
    assert listed(engine) == []
    assert engine("restore", "one")[1] == f"{run.run_id} is back in {tmp_path}.\n"
    assert listed(engine) == ["one"]
    assert engine("delete", "one", "--yes")[0] == 0
    assert engine("restore", "one", "absent")[0] == 2
    assert listed(engine) == []
    back = engine("restore", "one", "other", run.run_id)[1].splitlines()
    assert back == [f"{it.run_id} is back in {tmp_path}." for it in (run, other)]
    assert sorted(listed(engine)) == ["one", "other"]


def test_a_run_named_twice_is_deleted_once(engine: Engine, tmp_path: Path) -> None:
    make_run(tmp_path, "one")
    assert engine("delete", "one", "last", "--yes")[1].count("lies in") == 1


def test_a_minus_word_is_no_flag_only_where_words_may_have_one() -> None:
    arguments = build_parser().parse_args(dashed(["runs", "tag", "RUN", "-hard", "+a"]))
    assert arguments.tags == ["!hard", "+a"]
