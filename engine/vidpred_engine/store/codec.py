"""JSON in which non-finite numbers survive: they travel as the strings "nan", "inf" and "-inf"."""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import orjson

from vidpred_engine.errors import NewerFormatError

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


def check_format(document: Any, newest: int) -> None:
    """Raise ValueError where a decoded file holds no fields, NewerFormatError where it is of a format to come.

    Files of before formats were numbered have none.
    """
    if not isinstance(document, dict):
        raise ValueError("it holds no fields")
    found = document.get("format", newest)
    if not isinstance(found, int) or isinstance(found, bool):
        raise ValueError("its format is no whole number")
    if found > newest:
        raise NewerFormatError(f"it has format {found}, this vidpred reads up to {newest}; use a newer vidpred")


def number(value: Any) -> float | None:
    """The number a record's field holds, non-finite ones included; None where it holds none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    return _NON_FINITE.get(value) if isinstance(value, str) else None


def check_kinds(record: type, values: Mapping[str, Any]) -> None:
    """Raise TypeError where a value is not of the kind that the dataclass `record` declares for its field.

    Of a dict the values are looked at, where "anything" is any plain value; what a list or tuple holds is not. Files
    may have been written by anybody.
    """
    kinds = _kinds(record)
    for name, value in values.items():
        if not kinds[name](value):
            raise TypeError(f"{name} is {value!r:.60}" if isinstance(value, _PLAIN) else f"{name} is no plain value")


_PLAIN = (str, int, float, NoneType)


@cache
def _kinds(record: type) -> dict[str, Callable[[Any], bool]]:
    hints = get_type_hints(record)
    return {item.name: _test(hints[item.name]) for item in fields(record)}


def _test(hint: Any) -> Callable[[Any], bool]:
    """Whether a value is of a kind."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: isinstance(value, _PLAIN)
    if origin is Literal:
        return lambda value: isinstance(value, str) and value in parts
    if origin is dict:
        inner = _test(parts[1])
        return lambda value: isinstance(value, dict) and all(map(inner, value.values()))
    if isinstance(origin, type) and origin is not UnionType:
        return lambda value: isinstance(value, origin)
    if origin is not None:
        tests = [_test(part) for part in parts]
        return lambda value: any(test(value) for test in tests)
    classes = (int, float) if hint is float else (hint,)
    return lambda value: isinstance(value, classes) and (hint is bool or not isinstance(value, bool))
