"""JSON in which non-finite numbers survive: they travel as the strings "nan", "inf" and "-inf"."""

import math
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import orjson

_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _mark(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _mark(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mark(item) for item in value]
    return value


def encode(value: Any, *, indent: bool = False) -> bytes:
    """Encode plain values as JSON; NaN and infinities are kept as strings."""
    return orjson.dumps(_mark(value), option=orjson.OPT_INDENT_2 if indent else 0)


def decode(content: bytes) -> Any:
    """Decode JSON; raises ValueError (orjson's own) where it is damaged. Marked numbers stay strings: see `number`."""
    return orjson.loads(content)


def number(value: Any) -> float | None:
    """The number a record's field holds, non-finite ones included; None where it holds none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    return _NON_FINITE.get(value) if isinstance(value, str) else None


def check_kinds(record: type, values: Mapping[str, Any]) -> None:
    """Raise TypeError where a value is not of the kind that the dataclass `record` declares for its field.

    What a list, a tuple or a dict holds is not looked at. Files may have been written by anybody.
    """
    kinds = _kinds(record)
    for name, value in values.items():
        if not isinstance(value, kinds[name]):
            raise TypeError(f"{name} is {value!r:.60}")


@cache
def _kinds(record: type) -> dict[str, tuple[type, ...]]:
    hints = get_type_hints(record)
    return {item.name: tuple(_classes(hints[item.name])) for item in fields(record)}


def _classes(hint: Any) -> list[type]:
    origin = get_origin(hint)
    if origin is Literal:
        return [type(choice) for choice in get_args(hint)]
    if isinstance(origin, type) and origin is not UnionType:
        return [origin]
    if origin is not None:
        return [kind for part in get_args(hint) for kind in _classes(part)]
    return [int, float] if hint is float else [hint]
