"""What runs can be filtered and sorted by: under each name, one value of a run's entry."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from vidpred_engine.settings import Setting, describe_settings
from vidpred_engine.store.codec import number
from vidpred_engine.store.comparison import FIGURES
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.status import LIVE_STATES, State

Kind = Literal["number", "span", "text", "choice", "switch", "tags"]
Value = Callable[[RunEntry, float], Any]
_SETTING_KINDS: dict[str, Kind] = {
    "integer": "number",
    "number": "number",
    "switch": "switch",
    "choice": "choice",
    "text": "text",
}


@dataclass(frozen=True)
class RunField:
    """One thing that every run has or may have.

    `value` gives it at a time in Unix seconds: of a number or a span (in seconds) a float or None where there is none,
    of tags a tuple of them. `descends` says whether the greatest is what people look for first.
    """

    name: str
    kind: Kind
    value: Value
    choices: tuple[str, ...] = ()
    descends: bool = False


@cache
def run_fields() -> tuple[RunField, ...]:
    """All fields; where a figure and a setting share a name, the figure comes first."""
    losses = ("loss", "mse", "kl")
    return (
        RunField("state", "choice", lambda entry, _: entry.state, get_args(State)),
        RunField("name", "text", lambda entry, _: entry.label),
        RunField("id", "text", lambda entry, _: entry.run_id),
        RunField("tag", "tags", lambda entry, _: entry.tags),
        RunField("note", "text", lambda entry, _: entry.note),
        RunField("star", "switch", lambda entry, _: entry.starred, descends=True),
        RunField("cause", "text", lambda entry, _: entry.cause),
        RunField("age", "span", lambda entry, now: now - entry.created),
        RunField("eta", "span", _eta),
        RunField("epoch", "number", lambda entry, _: float(entry.epoch), descends=True),
        RunField("step", "number", lambda entry, _: float(entry.step), descends=True),
        *(RunField(name, "number", _figure(name), descends=name not in losses) for name in FIGURES),
        RunField("baseline", "number", lambda entry, _: baseline(entry), descends=True),
        *(_setting_field(setting) for setting in describe_settings() if setting.name != "name"),
    )


def named_fields(name: str) -> list[RunField]:
    """The fields of this name; dashes and capitals are as good."""
    plain = name.replace("-", "_").lower()
    return [field for field in run_fields() if field.name == plain]


def sorted_by(entries: Iterable[RunEntry], field: RunField, now: float, *, descending: bool) -> list[RunEntry]:
    """Entries in the order of a field; those without a value come last, those with NaN just before them.

    Entries of equal values stay in the order they came in, in both directions.
    """
    ranked, not_numbers, missing = [], [], []
    for entry in entries:
        rank = _rank(field, field.value(entry, now))
        if rank is None:
            missing.append(entry)
        elif rank != rank:
            not_numbers.append(entry)
        else:
            ranked.append((rank, entry))
    ranked.sort(key=lambda pair: pair[0], reverse=descending)
    return [*(entry for _, entry in ranked), *not_numbers, *missing]


def baseline(entry: RunEntry) -> float | None:
    """The stronger of the two baselines of a run in dB, where it has one."""
    return better_baseline(number(entry.summary.get("repeat_first")), number(entry.summary.get("mean_frame")))


def better_baseline(repeat_first: float | None, mean_frame: float | None) -> float | None:
    """The stronger of the two baselines, where there is one."""
    known = [value for value in (repeat_first, mean_frame) if value is not None and not math.isnan(value)]
    return max(known, default=None)


def setting_value(entry: RunEntry, setting: Setting) -> Any:
    """What a setting is in a run: entries hold only what differs from the defaults."""
    return entry.changed.get(setting.name, setting.default)


def _eta(entry: RunEntry, _: float) -> float | None:
    return entry.eta_seconds if entry.state in LIVE_STATES else None


def _figure(name: str) -> Value:
    return lambda entry, _: number(entry.summary.get(name))


def _setting_field(setting: Setting) -> RunField:
    kind = _SETTING_KINDS[setting.kind]
    if kind == "number":
        return RunField(setting.name, kind, lambda entry, _: number(setting_value(entry, setting)))
    if kind == "switch":
        return RunField(setting.name, kind, lambda entry, _: setting_value(entry, setting) is True)
    return RunField(setting.name, kind, lambda entry, _: str(setting_value(entry, setting)), setting.choices)


def _rank(field: RunField, value: Any) -> Any:
    """What a value is sorted by; None where there is nothing to sort by."""
    match field.kind:
        case "text":
            return value.casefold() or None
        case "choice":
            return field.choices.index(value) if value in field.choices else None
        case "tags":
            return value or None
        case _:
            return value
