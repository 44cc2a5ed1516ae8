"""What people say of runs: kept in the run's folder, found in the index, and harmless whatever it holds."""

import multiprocessing
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidpred_engine.comparison.compare import compare
from vidpred_engine.comparison.runs import read_run
from vidpred_engine.comparison.view import View
from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import (
    Annotations,
    checked_name,
    checked_note,
    checked_tags,
    read_annotations,
    write_annotations,
)
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.store.status import Status, write_status

HOSTILE = ["a\x1b[31mb", "a\nb", "a\tb", "a\x00", "\u202egnp.exe", "a\u200bb", "\udc80", "\x9b2J"]


def make_run(runs: Path, name: str = "one") -> RunDirectory:
    run = create_run(runs, RunSettings(name=name))
    write_status(run.status_file, Status("finished"))
    return run


def with_tag(tag: str) -> Callable[[Annotations], Annotations]:
    return lambda said: replace(said, tags=(*said.tags, tag))


def add_tags(runs: str, run_id: str, prefix: str) -> None:
    for number in range(5):
        Registry(Path(runs)).annotate([RunDirectory(Path(runs) / run_id)], with_tag(f"{prefix}{number}"))


def test_what_is_written_is_read_again_and_lies_in_the_folder(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert read_annotations(run) == Annotations()
    said = Annotations("Läb [3] 模", ("kl", "paper/2026"), "[red]best[/red] so far", starred=True)
    write_annotations(run, said)
    assert read_annotations(run) == said
    assert orjson.loads((run.path / "annotations.json").read_bytes())["tags"] == ["kl", "paper/2026"]


def test_an_annotation_is_indexed_at_once_and_settings_stay_as_they_were_trained(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    before = run.settings_file.read_bytes()
    registry = Registry(tmp_path)
    registry.index(run)
    registry.annotate([run], lambda said: replace(said, name="two", tags=("kl",), note="why", starred=True))
    (entry,) = Registry(tmp_path).entries()
    assert (entry.name, entry.tags, entry.note, entry.starred) == ("two", ("kl",), "why", True)
    assert entry == registry.entries()[0]
    assert run.settings_file.read_bytes() == before
    assert run.settings().name == entry.changed["name"] == "one"
    registry.annotate([run], lambda said: replace(said, name=""))
    assert registry.entries()[0].name == "one"


def test_a_comparison_calls_runs_by_the_names_they_are_shown_by(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, name) for name in ("one", "other")]
    Registry(tmp_path).annotate(runs[:1], lambda said: replace(said, name="two"))
    columns = compare([read_run(run) for run in runs], View()).columns
    assert [column.label for column in columns] == ["two", "other"]


def test_annotations_outlive_the_index_and_training(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    registry = Registry(tmp_path)
    registry.annotate([run], lambda said: replace(said, tags=("kept",)))
    registry.index(run)  # as training does at its end
    assert registry.entries()[0].tags == ("kept",)
    (tmp_path / "registry.json").unlink()
    assert Registry(tmp_path).entries()[0].tags == ("kept",)
    registry.rebuild()
    assert registry.entries()[0].tags == ("kept",)


def test_two_processes_that_annotate_one_run_both_get_through(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=add_tags, args=(str(tmp_path), run.run_id, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    expected = {f"{prefix}{number}" for prefix in "ab" for number in range(5)}
    assert set(read_annotations(run).tags) == expected
    assert set(Registry(tmp_path).entries()[0].tags) == expected


def test_many_runs_are_annotated_at_once(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, f"run{number}") for number in range(3)]
    Registry(tmp_path).annotate(runs[:2], lambda said: replace(said, starred=not said.starred))
    assert {entry.name: entry.starred for entry in Registry(tmp_path).entries()} == {
        "run0": True,
        "run1": True,
        "run2": False,
    }


@pytest.mark.parametrize("text", HOSTILE)
def test_control_characters_are_refused_wherever_text_is_taken(text: str) -> None:
    for check in (checked_name, checked_note):
        with pytest.raises(UserError, match="one line of printable characters"):
            check(text)
    with pytest.raises(UserError, match="A tag is up to 32 letters"):
        checked_tags([text])


@pytest.mark.parametrize("tag", ["", "-kl", "+kl", "!kl", "two words", "[bold]", "a|b", "a:b", "x" * 33, 'a"b'])
def test_tags_that_the_filter_could_not_name_are_refused(tag: str) -> None:
    with pytest.raises(UserError, match="A tag is up to 32 letters"):
        checked_tags(["good", tag])


def test_lengths_are_limited_and_ends_are_trimmed() -> None:
    assert checked_name("  a name  ") == "a name"
    assert checked_note(" ") == ""
    assert checked_tags(["a", "b", "a"]) == ("a", "b")
    with pytest.raises(UserError, match="up to 60 characters; this one has 61"):
        checked_name("x" * 61)
    with pytest.raises(UserError, match="up to 500 characters"):
        checked_note("x" * 501)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Annotations()),
        (b"{", Annotations()),
        (b"[1]", Annotations()),
        (b"null", Annotations()),
        (b'{"name": 5, "tags": "kl", "note": null, "starred": "no"}', Annotations()),
        (b'{"tags": ["a", 5], "note": "kept"}', Annotations(note="kept")),
        (b'{"tags": [["a"]], "name": "kept", "later": 1}', Annotations("kept")),
        (b'{"name": "\\u001b[2J", "tags": ["kl"], "starred": true}', Annotations(tags=("kl",), starred=True)),
    ],
)
def test_a_hostile_file_costs_only_what_is_unfit(tmp_path: Path, content: bytes, expected: Annotations) -> None:
    run = make_run(tmp_path)
    run.annotations_file.write_bytes(content)
    assert read_annotations(run) == expected
    (entry,) = Registry(tmp_path).entries()
    assert (entry.tags, entry.note, entry.starred) == (expected.tags, expected.note, expected.starred)


@given(st.text(), st.lists(st.text()), st.text(), st.booleans())
def test_what_passes_the_checks_comes_back_as_it_is(name: str, tags: list[str], note: str, starred: bool) -> None:
    try:
        said = Annotations(checked_name(name), checked_tags(tags), checked_note(note), starred)
    except UserError:
        return
    assert said.name.isprintable()
    assert said.note.isprintable()
    assert checked_name(said.name) == said.name
    assert checked_tags(said.tags) == said.tags
    assert orjson.loads(orjson.dumps(asdict(said)))["note"] == said.note
