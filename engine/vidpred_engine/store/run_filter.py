"""The language that runs are filtered by: `state:running lr<1e-3 epochs>=10 tag:kl psnr>30 name:word word`.

All terms must hold. A term is a word, looked for in id, name, tags and note, or NAME OPERATOR VALUE; a leading - or !
turns it around. Operators are : = != < <= > >=, with or without spaces around them; a colon means "contains" for text
and "is" for all else. `a|b` is either value; quotes hold spaces together. Spans of time take a unit: s, m, h, d or w.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from vidpred_engine.errors import UserError
from vidpred_engine.settings import describe_settings
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_fields import RunField, named_fields, run_fields

Predicate = Callable[[RunEntry, float], bool]
"""Whether a run is meant, at a time in Unix seconds."""

_OPERATOR = re.compile(r"<=|>=|!=|[:=<>]")
_INVERSION = re.compile(r"-|!(?!=)")
NAMED = rf"([A-Za-z_][\w-]*)\s*({_OPERATOR.pattern})\s*"
_NAMED = re.compile(NAMED)
# What may follow an operator and is no value: behind a space the next term, or one more operator.
_NO_VALUE = re.compile(rf"(?<=\s)[-!]?{NAMED}|!?[:=<>]+(?=\s|$)")
_VALUE = re.compile(r'(?:"[^"]*"|[^\s"|])*')
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
SWITCH_WORDS = {"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False}


class FilterError(UserError):
    """What is wrong with a filter, and at which character, counted from 1."""

    def __init__(self, position: int, sentence: str) -> None:
        super().__init__(f"At character {position}: {sentence}")
        self.position = position


@dataclass(frozen=True)
class _Piece:
    """A part of the text, without its quotes, and the character it begins at."""

    text: str
    position: int


def parse_filter(text: str) -> Predicate:
    """The predicate that a text means; an empty one means all runs. Raises FilterError."""
    terms = []
    start = 0
    while start < len(text):
        if text[start].isspace():
            start += 1
        else:
            term, start = _term(text, start)
            terms.append(term)
    return lambda entry, now: all(term(entry, now) for term in terms)


def _term(text: str, start: int) -> tuple[Predicate, int]:
    """The term that begins at `start`, and where it ends."""
    inverted = bool(_INVERSION.match(text, start))
    start += inverted
    if alone := _OPERATOR.match(text, start):
        raise FilterError(start + 1, f"a name is missing before '{alone[0]}', as psnr in psnr>30; or use quotes.")
    named = _NAMED.match(text, start)
    if named and _NO_VALUE.match(text, named.end()):
        raise FilterError(named.end() + 1, "a value is missing.")
    values, end = _alternatives(text, named.end() if named else start)
    if named is None:
        return _inverted(_searched(values), inverted), end
    name, sign = _Piece(named[1], start + 1), named[2]
    inverted ^= sign == "!="
    return _inverted(_compared(name, "=" if sign == "!=" else sign, values), inverted), end


def _inverted(term: Predicate, inverted: bool) -> Predicate:
    return (lambda entry, now: not term(entry, now)) if inverted else term


def _alternatives(text: str, start: int) -> tuple[list[_Piece], int]:
    found = []
    while True:
        value = _VALUE.match(text, start)
        assert value is not None, "an empty value matches anywhere"
        end = value.end()
        if end < len(text) and text[end] == '"':
            raise FilterError(end + 1, "this quote is never closed.")
        if not value[0]:
            raise FilterError(start + 1, "a value is missing.")
        found.append(_Piece(value[0].replace('"', ""), start + 1))
        if end == len(text) or text[end] != "|":
            return found, end
        start = end + 1


def _searched(words: Iterable[_Piece]) -> Predicate:
    wanted = [word.text.casefold() for word in words]

    def holds(entry: RunEntry, _: float) -> bool:
        text = "\n".join((entry.run_id, entry.name, *entry.tags, entry.note)).casefold()
        return any(word in text for word in wanted)

    return holds


def _compared(name: _Piece, sign: str, values: list[_Piece]) -> Predicate:
    """A term with a name; where a figure and a setting share it, the first that the values suit."""
    fields = named_fields(name.text)
    if not fields:
        raise FilterError(name.position, _unknown(name.text))
    fault: FilterError | None = None
    for field in fields:
        try:
            tests = [_test(field, sign, value) for value in values]
        except FilterError as error:
            fault = fault or error
        else:
            value_of = field.value
            return lambda entry, now: any(test(value_of(entry, now)) for test in tests)
    assert fault is not None
    raise fault


def _unknown(name: str) -> str:
    by_lab_name = {setting.lab: setting.name for setting in describe_settings() if setting.lab}
    known = [field.name for field in run_fields()]
    near = [by_lab_name[name]] if name in by_lab_name else difflib.get_close_matches(name.lower(), known, n=1)
    return f"there is no '{name:.40}' to filter by; " + (
        f"did you mean '{near[0]}'?" if near else "put the word in quotes to look for it."
    )


def _test(field: RunField, sign: str, value: _Piece) -> Callable[[Any], bool]:
    """Whether a field's value compares so with what was written; raises FilterError where that makes no sense."""
    match field.kind:
        case "number":
            return _number_test(sign, _number(field, value))
        case "span":
            if sign in ":=":
                raise FilterError(value.position, f"'{field.name}' is compared with < or >, as in {field.name}<2d.")
            return _number_test(sign, _span(field, value))
    if sign in _ORDER:
        raise FilterError(value.position, f"'{field.name}' has no order; compare it with : as in {field.name}:word.")
    wanted = value.text.casefold()
    match field.kind:
        case "text":
            return (
                (lambda found: wanted in found.casefold()) if sign == ":" else lambda found: found.casefold() == wanted
            )
        case "tags":
            return lambda found: any(tag.casefold() == wanted for tag in found)
        case "switch":
            meant = SWITCH_WORDS[_chosen(field, tuple(SWITCH_WORDS), value)]
            return lambda found: found is meant
        case _:
            choice = _chosen(field, field.choices, value)
            return lambda found: found == choice


def _number_test(sign: str, wanted: float) -> Callable[[float | None], bool]:
    if sign in _ORDER:
        compare = _ORDER[sign]
        return lambda found: found is not None and compare(found, wanted)
    if math.isnan(wanted):
        return lambda found: found is not None and math.isnan(found)
    return lambda found: found == wanted


def _number(field: RunField, value: _Piece) -> float:
    try:
        return float(value.text)
    except ValueError:
        raise FilterError(
            value.position, f"'{field.name}' is compared with a number; '{value.text:.40}' is none."
        ) from None


def _span(field: RunField, value: _Piece) -> float:
    found = _SPAN.fullmatch(value.text.lower())
    if found is None:
        raise FilterError(
            value.position,
            f"'{field.name}' is compared with a time such as 90s, 15m, 3h, 2d or 1w; '{value.text:.40}' is none.",
        )
    return float(found[1]) * _SECONDS[found[2]]


def _chosen(field: RunField, choices: tuple[str, ...], value: _Piece) -> str:
    wanted = value.text.lower()
    if wanted in choices:
        return wanted
    near = difflib.get_close_matches(wanted, choices, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else f"; it is one of {', '.join(choices)}."
    raise FilterError(value.position, f"'{field.name}' is never '{value.text:.40}'{hint}")
