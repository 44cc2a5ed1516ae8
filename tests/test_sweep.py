"""Several runs from one set of values: their number, order, names, faults; and the command that queues them."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from conftest import TINY
from vidpred_engine.settings import RunSettings
from vidpred_engine.store.annotations import checked_tags
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import run_directories
from vidpred_engine.sweep import LONGEST_NAME, SweepError, expand, several


def values(**changed: object) -> dict[str, object]:
    return {**RunSettings(name="base").model_dump(), **changed}


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("1e-3 | 1e-4", ("1e-3", "1e-4")),
        ("a|b|c", ("a", "b", "c")),
        ("1|", ("1", "")),
        ("1e-3", ()),
        (0.5, ()),
        (True, ()),
    ],
)
def test_a_bar_parts_values(value: object, texts: tuple[str, ...]) -> None:
    assert several(value) == texts


def test_one_value_each_is_one_run_as_it_is() -> None:
    sweep = expand(values())
    assert sweep.runs == (RunSettings(name="base"),)
    assert (sweep.varied, sweep.tag) == ((), "")


def test_each_combination_is_a_run_named_after_what_is_its_own() -> None:
    sweep = expand(values(lr="1e-3 | 1e-4", seed="0|1|2", shuffle="on|off", model="lab"))
    assert sweep.varied == ("seed", "shuffle", "lr")
    assert len(sweep.runs) == 12
    assert [(run.seed, run.shuffle, run.lr) for run in sweep.runs[:5]] == [
        (0, True, 1e-3),
        (0, True, 1e-4),
        (0, False, 1e-3),
        (0, False, 1e-4),
        (1, True, 1e-3),
    ]
    assert sweep.runs[1].name == "base seed=0 shuffle=on lr=1e-4"
    assert len({run.name for run in sweep.runs}) == 12
    assert sweep.tag.startswith("sweep-seed-shuffle-lr-")
    assert checked_tags([sweep.tag])
    assert expand(values(lr="1e-3|1e-4")).tag != expand(values(lr="1e-3|1e-4")).tag


def test_names_are_valid_and_different_however_long_what_varies_is() -> None:
    long = expand(values(teacher_forcing_decay_start="1|2", teacher_forcing_decay_step="0.1|0.2", name="b" * 20))
    assert long.runs[0].name == "b" * 20 + " tfds=1 tfds=0.1"
    longest = expand(values(epochs="1|2", data="/some/where one|/some/where|two/three"[:23] + "|x y", name="b" * 60))
    assert len({run.name for run in longest.runs}) == len(longest.runs)
    for run in (*long.runs, *longest.runs):
        assert len(run.name) <= LONGEST_NAME
        assert RunSettings.model_validate(run.model_dump()) == run
    assert expand(values(data="/a/b c|/d", name="")).runs[0].name == "data=b-c"


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({"lr": "1e-3|x"}, {"lr": "Setting 'lr' should be a number (> 0, ≤ 1); it is 'x'."}),
        ({"lr": "1e-3|"}, {"lr": "Setting 'lr' lacks a value beside a |."}),
        ({"lr": "1e-3|0.001"}, {"lr": "Setting 'lr' names one value twice."}),
        ({"seed": "|".join(map(str, range(201)))}, {"seed": "These values make 201 runs; a sweep has at most 200."}),
        (
            {"seed": "|".join(map(str, range(20))), "epochs": "|".join(map(str, range(1, 12)))},
            {"epochs": "These values make 220 runs; a sweep has at most 200."},
        ),
    ],
)
def test_faults_are_named_by_their_setting(changed: dict[str, str], faults: dict[str, str]) -> None:
    with pytest.raises(SweepError) as raised:
        expand(values(**changed))
    assert raised.value.faults == faults


def test_a_name_is_never_parted() -> None:
    with pytest.raises(SweepError, match="'name' should be a word or two"):
        expand(values(name="a|b"))


def test_two_hundred_runs_are_a_sweep() -> None:
    assert len(expand(values(seed="|".join(map(str, range(200))))).runs) == 200


# The command.


def sweep(runs: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`vidpred-engine sweep` of tiny runs, with nobody to train them."""
    program = (
        "from vidpred_engine.commands import sweep; sweep.start_runner = lambda _: None;"
        "from vidpred_engine.cli import main; main()"
    )
    tiny = [word for name, value in TINY.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-c", program, "sweep", "--runs", str(runs), *tiny, *words]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_queues_a_run_for_each_combination_tagged_alike(tmp_path: Path, lab_folder: Path) -> None:
    words = ("--data", str(lab_folder), "--name", "s", "--lr", "1e-3|1e-4", "--tfr", "0.5 | 1", "--shuffle", "on")
    done = sweep(tmp_path, *words, "--json")
    assert done.returncode == 0, done.stderr
    printed = orjson.loads(done.stdout)
    entries = {entry.run_id: entry for entry in Registry(tmp_path).entries()}
    assert [item["name"] for item in printed["runs"]] == [
        "s teacher_forcing=0.5 lr=1e-3",
        "s teacher_forcing=0.5 lr=1e-4",
        "s teacher_forcing=1 lr=1e-3",
        "s teacher_forcing=1 lr=1e-4",
    ]
    assert [entries[item["run"]].place for item in printed["runs"]] == [1, 2, 3, 4]
    assert {entry.state for entry in entries.values()} == {"queued"}
    assert {entry.tags for entry in entries.values()} == {(printed["tag"],)}
    settings = [run.settings() for run in run_directories(tmp_path)]
    assert {(run.lr, run.teacher_forcing) for run in settings} == {(1e-3, 0.5), (1e-3, 1.0), (1e-4, 0.5), (1e-4, 1.0)}
    assert all(run.shuffle and run.data == str(lab_folder) for run in settings)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--lr", "1e-3|2"), "--lr should be a number (> 0, ≤ 1); it is '2'."),
        (("--lr", "3|1e-3"), "--lr should be a number (> 0, ≤ 1); it is '3'."),
        (("--seed", "1|2", "--data", "nowhere"), "There is no folder nowhere;"),
    ],
)
def test_the_command_makes_no_run_where_one_value_is_at_fault(
    tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    done = sweep(tmp_path, *words)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert run_directories(tmp_path) == []
