"""Several runs from one set of values: `1e-3 | 1e-4` for a setting stands for a run with each of the two."""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from vidpred_engine.errors import UserError
from vidpred_engine.settings import RunSettings, explain

SEPARATOR = "|"
MOST_RUNS = 200
LONGEST_NAME = 60
_LONGEST_TAG = 32


class SweepError(UserError):
    """Values that make no run; one sentence a setting."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(" ".join(faults.values()))
        self.faults = dict(faults)


@dataclass(frozen=True)
class Sweep:
    """The runs that values stand for, the last of the varied settings changing first; `tag` marks them as one sweep.

    One run with nothing varied has no tag and keeps its name; those of several say what is theirs.
    """

    runs: tuple[RunSettings, ...]
    varied: tuple[str, ...] = ()
    tag: str = ""


def several(value: object) -> tuple[str, ...]:
    """The values that a text names, none where it is no list of values."""
    if not isinstance(value, str) or SEPARATOR not in value:
        return ()
    return tuple(part.strip() for part in value.split(SEPARATOR))


def expand(values: Mapping[str, Any], written: Mapping[str, str] | None = None) -> Sweep:
    """The runs that the values of all settings stand for; `written` says as which flag each was given.

    Raises SweepError.
    """
    lists = {name: several(value) for name, value in values.items() if name != "name" and several(value)}
    _refuse_gaps(lists)
    count = prod(map(len, lists.values()))
    if count > MOST_RUNS:
        raise SweepError({list(lists)[-1]: f"These values make {count:,} runs; a sweep has at most {MOST_RUNS}."})
    runs = []
    for number, chosen in enumerate(product(*lists.values()), start=1):
        own = dict(zip(lists, chosen, strict=True))
        try:
            run = RunSettings.model_validate({**values, **own})
        except ValidationError as error:
            raise SweepError(explain(error, written)) from None
        runs.append(run.model_copy(update={"name": _name(run.name, own, number)}) if lists else run)
    _refuse_doubles(lists, runs)
    return Sweep(tuple(runs), tuple(lists), _tag(lists) if lists else "")


def _refuse_gaps(lists: Mapping[str, tuple[str, ...]]) -> None:
    gaps = [name for name, texts in lists.items() if "" in texts]
    if gaps:
        raise SweepError({name: f"Setting '{name}' lacks a value beside a {SEPARATOR}." for name in gaps})


def _refuse_doubles(lists: Mapping[str, tuple[str, ...]], runs: list[RunSettings]) -> None:
    for name, texts in lists.items():
        if len({getattr(run, name) for run in runs}) < len(texts):
            raise SweepError({name: f"Setting '{name}' names one value twice."})


def _name(base: str, own: Mapping[str, str], number: int) -> str:
    """The run's name and what is its own, as much as a name can hold."""
    for shorten in (str, _initials):
        words = [f"{shorten(name)}={_word(name, text)}" for name, text in own.items()]
        if len(name := " ".join(filter(None, [base, *words]))) <= LONGEST_NAME:
            return name
    return f"{base[: LONGEST_NAME - 4]} {number}".strip()


def _word(name: str, text: str) -> str:
    return re.sub(r"[^\w.+=@-]+", "-", Path(text).name if name == "data" else text)


def _initials(name: str) -> str:
    return "".join(word[0] for word in name.split("_"))


def _tag(lists: Mapping[str, object]) -> str:
    random = secrets.token_hex(2)
    return f"{'-'.join(['sweep', *lists])[: _LONGEST_TAG - len(random) - 1]}-{random}"
