"""Names, links, pipes and archives: none leads out of the runs folder, and nobody waits for one."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from hostile.answers import Say, sentence
from hostile.corpus import archive
from vidpred_engine.errors import UserError
from vidpred_engine.launch import local
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.damage import run_damage
from vidpred_engine.store.metric_log import MetricWriter
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run, find_run, run_ids
from vidpred_engine.store.sample_frames import read_sample_frames
from vidpred_engine.store.status import Status, write_status
from vidpred_engine.store.trash import delete_runs, restore_runs


@pytest.mark.parametrize(
    "name", ["../../x", "..", ".", "a/b", "/etc/x", "~", "-rf", "a\0b", "a\nb", "x" * 61, "con\x1b"]
)
def test_a_name_makes_no_folder_but_a_run_in_the_runs_folder(runs: Path, outside: Path, name: str) -> None:
    assert outside.is_dir()
    with suppress(UserError, ValueError):
        RunSettings(name=name)
    run = create_run(runs, RunSettings.model_construct(**{**RunSettings().model_dump(), "name": name[:60]}))
    assert run.path.parent == runs
    assert run_ids(runs) == [run.run_id]
    assert run.run_id.isprintable()


@pytest.mark.parametrize(
    "wanted", ["../outside", "..", ".", "/etc", "*", "", "\0", "x" * 5000, "\x1b]0;OWNED\x07", "\udcff"]
)
def test_a_word_that_names_no_run_finds_none(run: RunDirectory, outside: Path, say: Say, wanted: str) -> None:
    with pytest.raises(UserError, match="There is no run"):
        find_run(run.path.parent, wanted)
    code, out, err = say("runs", "show", "--runs", run.path.parent, "--", wanted)
    assert (code, out) == (2, "")
    assert err.strip().isprintable()
    assert outside.is_dir()


def test_a_link_is_no_run(run: RunDirectory, outside: Path) -> None:
    runs, link = run.path.parent, run.path.parent / "20250101-000000-link-0000"
    link.symlink_to(outside)
    assert run_ids(runs) == [run.run_id]
    assert [entry.run_id for entry in Registry(runs).entries()] == [run.run_id]
    with pytest.raises(UserError, match="There is no run"):
        find_run(runs, link.name)


@pytest.mark.parametrize(
    "name", ["checkpoints", "evaluation", "frames", "metrics.jsonl", "log.txt", "train.lock", "status.json"]
)
def test_nothing_is_written_through_a_link_in_a_run(run: RunDirectory, outside: Path, say: Say, name: str) -> None:
    path = run.path / name
    if path.is_dir():
        path.rename(run.path / "moved")
        path.symlink_to(outside)
    else:
        path.unlink(missing_ok=True)
        path.symlink_to(outside / "secret")
    write_status(run.path / "status.json", Status("stopped")) if name != "status.json" else None
    for word in ("train", "evaluate", "predict"):
        code, _, err = say(word, *(["--run"] if word == "train" else []), run.path)
        assert (code, len(sentence(err))) == (2, 1)
        assert f"{name} is a link" in err
    with pytest.raises(UserError, match="is a link"):
        local.start(run)
    with pytest.raises(UserError, match="is a link"), only_trainer(run):
        pass
    assert f"{name} is a link; put what it leads to in its place, or remove it" in [d.fault for d in run_damage(run)]


@pytest.mark.parametrize("target", ["secret", "/dev/zero", "pipe"])
@pytest.mark.parametrize(
    "name", ["settings.toml", "status.json", "metrics.jsonl", "annotations.json", "evaluation/val0-prior-best.json"]
)
def test_no_reader_follows_a_link_or_waits_for_a_pipe(
    run: RunDirectory, outside: Path, say: Say, name: str, target: str
) -> None:
    path = run.path / name
    path.unlink()
    os.mkfifo(path) if target == "pipe" else path.symlink_to(outside / target)
    assert path.name in " ".join(item.fault for item in run_damage(run))
    for words in (["runs", "show", run.run_id], ["runs", "list"], ["doctor", "--repair"]):
        code, out, err = say(*words, "--runs", run.path.parent)
        assert "SECRET" not in out + err
        assert code == (1 if words[0] == "doctor" else 0)
    assert path.is_symlink() or path.is_fifo(), "what is no file of a run's is left to its owner"


def test_a_log_cannot_be_written_through_a_link(tmp_path: Path, outside: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.symlink_to(outside / "secret")
    with pytest.raises(OSError, match="metrics"):
        MetricWriter(path)


def test_deleted_runs_stay_in_the_runs_folder(run: RunDirectory, outside: Path) -> None:
    trash = run.path.parent / ".trash"
    trash.symlink_to(outside)
    with pytest.raises(UserError, match="is a link"):
        delete_runs([run])
    trash.unlink()
    delete_runs([run])
    for name in ("../../outside", "..", ".", "/etc", "20250101-000000-x/../../../outside"):
        with pytest.raises(UserError, match="is no run's id"):
            restore_runs(run.path.parent, [name])
    assert restore_runs(run.path.parent, [run.run_id]) == [run]
    (trash / run.run_id).mkdir(parents=True)
    with pytest.raises(UserError, match="already; move"):
        delete_runs([run])


@pytest.mark.parametrize("name", ["../../../owned", "/tmp/owned", "owned/../../x"])
def test_members_of_an_archive_land_nowhere(run: RunDirectory, outside: Path, name: str) -> None:
    path = run.frames / "val0-prior-best.npz"
    archive(path, {f"{name}.npy": b"owned"})
    with pytest.raises(UserError, match="is damaged"):
        read_sample_frames(path)
    assert list(outside.parent.rglob("*owned*")) == []
