"""JSON in which non-finite numbers survive: they travel as the strings "nan", "inf" and "-inf"."""

import math
from typing import Any

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
