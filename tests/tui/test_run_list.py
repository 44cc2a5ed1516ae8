"""Which runs are shown, in which order, and which are marked; and the columns that fit a terminal."""

import time

import pytest

from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_filter import FilterError
from vidpred_tui.run_list import Order, RunList
from vidpred_tui.widgets.run_columns import GAP, fitting


def entry(name: str, age: float = 0.0, **fields: object) -> RunEntry:
    return RunEntry(f"20260101-000000-{name}-0000", name, time.time() - age, "finished", **fields)  # type: ignore[arg-type]


@pytest.fixture
def runs() -> RunList:
    runs = RunList()
    runs.load([entry("c", 1, epoch=5), entry("b", 2, epoch=9), entry("a", 3, epoch=5, tags=("kl",))])
    return runs


def shown(runs: RunList) -> str:
    return "".join(item.name for item in runs.shown)


def test_the_newest_stand_first_until_something_else_is_asked_for(runs: RunList) -> None:
    assert shown(runs) == "cba"
    runs.sort_by("epoch")
    assert (shown(runs), runs.order) == ("bca", Order("epoch", descending=True))
    runs.sort_by("epoch")
    assert shown(runs) == "cab", "equal ones stay in their order in both directions"
    runs.sort_by("name")
    assert (shown(runs), runs.order) == ("abc", Order("name", descending=False))


def test_a_filter_that_is_wrong_leaves_what_is_shown(runs: RunList) -> None:
    runs.use_filter("epoch:5")
    assert shown(runs) == "ca"
    with pytest.raises(FilterError):
        runs.use_filter("epoch:five")
    runs.load([*runs.entries, entry("d", 9, epoch=5)])
    assert shown(runs) == "cad"
    runs.use_filter(" ")
    assert (shown(runs), runs.filter) == ("cbad", "")


def test_marks_outlive_filters_but_not_their_runs(runs: RunList) -> None:
    runs.toggle_mark(runs.entries[1].run_id)
    runs.use_filter("epoch:5")
    runs.toggle_all()
    assert [run_id[16] for run_id in runs.marked] == ["b", "c", "a"]
    runs.toggle_all()
    assert [run_id[16] for run_id in runs.marked] == ["b"]
    runs.load(runs.entries[:1])
    assert not runs.marked


def test_ages_filter_anew_as_time_goes_by(runs: RunList, monkeypatch: pytest.MonkeyPatch) -> None:
    runs.use_filter("age<1m")
    assert shown(runs) == "cba"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 58.5)
    runs.renew()
    assert shown(runs) == "c"


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (10, "state name"),
        (36, "state name best"),
        (45, "state name epoch best"),
        (76, "state name epoch ETA loss best base age"),
        (92, "state name epoch ETA loss best base age tags"),
        (156, "state name epoch ETA loss best base age tags note"),
    ],
)
def test_a_narrow_terminal_gives_up_what_matters_least(width: int, heads: str) -> None:
    columns = fitting(width)
    assert " ".join(column.head for column, _ in columns) == heads
    used = sum(given for _, given in columns) + GAP * (len(columns) - 1)
    assert used == max(width, 24), "no cell is left, and none is missing but where two columns are the least"
    assert all(given >= column.width for column, given in columns)
