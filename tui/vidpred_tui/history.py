"""A run's metrics as growing columns, handed out as frozen snapshots that share the columns' memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidpred_engine.curve import EMPTY_CURVE, Curve, Floats
from vidpred_engine.store.codec import number
from vidpred_engine.store.metric_log import Record

CurveKey = tuple[str, str]

_POSITION_FIELDS = {"kind", "step", "epoch", "time"}
_CLOCK = ("step", "time")
_FIRST_CAPACITY = 64


@dataclass(frozen=True, eq=False)
class History:
    """Everything a run has logged up to one moment: curves by kind of record and field, and its events.

    `is_sample` says that it holds a few of the records for now, the newest among them, and that all are being read.
    """

    curves: Mapping[CurveKey, Curve] = field(default_factory=dict)
    events: tuple[Record, ...] = ()
    is_sample: bool = False

    def curve(self, kind: str, name: str) -> Curve:
        """The curve of a field, empty where nothing was logged."""
        return self.curves.get((kind, name), EMPTY_CURVE)

    @property
    def clock(self) -> Curve:
        """The Unix seconds at which steps were logged; where somebody set the clock back, it stands still."""
        return self.curves.get(_CLOCK, EMPTY_CURVE)

    @property
    def rate_factor(self) -> float:
        """The share of the planned learning rate that is left to a run which had to go back to a checkpoint."""
        factors = [number(event.get("lr_factor")) for event in self.events if event.get("event") == "retreat"]
        return factors[-1] or 1.0 if factors else 1.0

    @property
    def answers(self) -> list[Record]:
        """What the run said to what it was asked, the newest last."""
        return [event for event in self.events if event.get("event") == "control"]

    @property
    def leaves_after_epoch(self) -> bool:
        """Whether the process that trains the run was asked to leave at the end of its epoch, and is going to."""
        life = [event for event in self.events if event.get("event") in ("start", "resume", "control")]
        asked = takewhile(lambda event: event.get("event") == "control", reversed(life))
        return any(event.get("request") == "stop-after-epoch" and event.get("obeyed") is True for event in asked)

    def guilty_terms(self, step: float) -> list[str]:
        """Which terms of the loss were not finite at a step; the sum, else the gradient, where no term explains it."""
        for names in (("mse", "kl"), ("loss",), ("grad_norm",)):
            if guilty := [name for name in names if step in self.curve("step", name).faults]:
                return ["gradient" if name == "grad_norm" else name for name in guilty]
        return []


class _Column:
    """Steps and values in arrays that double, so that a snapshot is a slice and never a copy."""

    def __init__(self) -> None:
        self._steps = np.empty(_FIRST_CAPACITY)
        self._values = np.empty(_FIRST_CAPACITY)
        self._length = 0
        self._curve = EMPTY_CURVE

    def extend(self, steps: Floats, values: Floats) -> None:
        begin, self._length = self._length, self._length + len(steps)
        if self._length > len(self._steps):
            more = np.empty(max(len(self._steps), len(steps)))
            self._steps = np.concatenate([self._steps, more])
            self._values = np.concatenate([self._values, more])
        self._steps[begin : self._length] = steps
        self._values[begin : self._length] = values

    def curve(self) -> Curve:
        """The column so far; the same object while nothing is appended, so that charts see what did not change."""
        if len(self._curve) != self._length:
            self._curve = Curve(self._steps[: self._length], self._values[: self._length])
        return self._curve


class HistoryBuilder:
    """Collects records of one run; what `snapshot` returned before never changes."""

    def __init__(self) -> None:
        self._columns: dict[CurveKey, _Column] = {}
        self._events: list[Record] = []

    def extend(self, records: Iterable[Record]) -> None:
        """Take in records in the order they were logged; fields that hold no number are passed over."""
        kinds: dict[str, list[Record]] = {}
        for record in records:
            kinds.setdefault(record["kind"], []).append(record)
        self._events += kinds.pop("event", [])
        for kind, alike in kinds.items():
            steps, have_step = _numbers([record.get("step") for record in alike])
            if kind == "step":
                self._set_clock(alike, steps, have_step)
            for name in sorted(set().union(*alike) - _POSITION_FIELDS):
                values, have_value = _numbers([record.get(name) for record in alike])
                logged = have_step & have_value
                if logged.any():
                    self._columns.setdefault((kind, name), _Column()).extend(steps[logged], values[logged])

    def _set_clock(self, records: list[Record], steps: Floats, have_step: NDArray[np.bool_]) -> None:
        times, have_time = _numbers([record.get("time") for record in records])
        told = have_step & have_time & np.isfinite(times)
        if told.any():
            column = self._columns.setdefault(_CLOCK, _Column())
            times[0] = max(times[0], column.curve().last or 0.0) if told[0] else times[0]
            column.extend(steps[told], np.maximum.accumulate(times[told]))

    def snapshot(self, *, is_sample: bool = False) -> History:
        """The history so far."""
        curves = {key: column.curve() for key, column in self._columns.items()}
        return History(curves, tuple(self._events), is_sample)


def _numbers(found: list[Any]) -> tuple[Floats, NDArray[np.bool_]]:
    """The numbers that a field holds in several records, and where it holds one; elsewhere they mean nothing."""
    if set(map(type, found)) <= {int, float}:  # nearly always: a tenth of the time of looking at each
        return np.fromiter(found, np.float64, len(found)), np.ones(len(found), np.bool_)
    numbers = [number(value) for value in found]
    return np.array([value or 0.0 for value in numbers]), np.array([value is not None for value in numbers])
