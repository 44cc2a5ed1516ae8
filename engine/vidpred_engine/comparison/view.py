"""What someone wants to see of a comparison, and the columns it then has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vidpred_engine.comparison.runs import ComparedRun
from vidpred_engine.comparison.telling_apart import distinct_names, steady_places
from vidpred_engine.errors import UserError

Score = Literal["psnr", "ssim"]
Term = Literal["loss", "mse", "kl"]
SCORES: tuple[Score, ...] = ("psnr", "ssim")
TERMS: tuple[Term, ...] = ("loss", "mse", "kl")
APART = ("name", "seed")
"""Settings in which runs of one group may differ."""


@dataclass(frozen=True)
class View:
    """How runs are compared.

    reference    the id of the run that the others are held against; empty is the first
    group_seeds  whether runs that differ in name and seed alone share a column: their mean
    score        what is shown frame by frame
    difference   whether that is shown as the difference to the reference
    term         which term of the training loss is shown
    """

    reference: str = ""
    group_seeds: bool = False
    score: Score = "psnr"
    difference: bool = False
    term: Term = "loss"

    def flags(self) -> list[str]:
        """The flags of `vidpred-engine runs compare` that ask for this view."""
        flags = ["--reference", self.reference] if self.reference else []
        flags += ["--group-seeds"] if self.group_seeds else []
        flags += ["--metric", self.score] if self.score != "psnr" else []
        flags += ["--difference"] if self.difference else []
        return [*flags, "--term", self.term] if self.term != "loss" else flags


@dataclass(frozen=True, eq=False)
class Column:
    """One run, or several that differ in their seeds; `place` is that of the first among signs and colours."""

    runs: tuple[ComparedRun, ...]
    label: str
    place: int


def columns_of(runs: Sequence[ComparedRun], *, group_seeds: bool) -> list[Column]:
    """A column a run, or one for all runs whose settings are equal apart from name and seed, in the runs' order."""
    groups: dict[str, list[ComparedRun]] = {}
    for run in runs:
        alike = run.settings is not None and group_seeds
        key = run.settings.model_dump_json(exclude=set(APART)) if alike and run.settings else run.run_id
        groups.setdefault(key, []).append(run)
    firsts = [group[0] for group in groups.values()]
    ids = [run.run_id for run in firsts]
    names = distinct_names([run.name for run in firsts], ids)
    places = dict(zip((run.run_id for run in runs), steady_places([run.run_id for run in runs]), strict=True))
    return [
        Column(tuple(group), f"{name} x{len(group)}" if len(group) > 1 else name, places[group[0].run_id])
        for name, group in zip(names, groups.values(), strict=True)
    ]


def reference_of(columns: Sequence[Column], run_id: str) -> int:
    """The place of the column that holds the reference; raises UserError where none does."""
    if not run_id:
        return 0
    for index, column in enumerate(columns):
        if any(run.run_id == run_id for run in column.runs):
            return index
    raise UserError(f"The reference {run_id} is none of the compared runs.")
