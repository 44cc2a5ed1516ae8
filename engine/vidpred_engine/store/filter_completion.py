"""How a filter that is being typed may go on: names of fields, then values they can have."""

import re
from collections.abc import Iterable, Iterator, Sequence

from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_fields import RunField, named_fields, run_fields
from vidpred_engine.store.run_filter import NAMED, SWITCH_WORDS

_LAST_TERM = re.compile(rf'(?:^|\s)[-!]?(?:{NAMED}(?:[^\s"|]+\|)*)?([^\s"|]+)$')


def completed_filter(text: str, entries: Sequence[RunEntry]) -> str | None:
    """The text with its last word completed, None where nothing is known to follow."""
    last = _LAST_TERM.search(text)
    if last is None:
        return None
    name, begun = last[1], last[3]
    known = _names() if name is None else (value for field in named_fields(name) for value in _values(field, entries))
    return next((text + rest for rest in _rests(begun, known)), None)


def _rests(begun: str, known: Iterable[str]) -> Iterator[str]:
    folded = begun.casefold()
    for word in known:
        if len(word) > len(begun) and word[: len(begun)].casefold() == folded:
            yield word[len(begun) :]


def _names() -> Iterator[str]:
    for field in run_fields():
        yield field.name if field.kind in ("number", "span") else f"{field.name}:"


def _values(field: RunField, entries: Sequence[RunEntry]) -> Iterable[str]:
    match field.kind:
        case "choice":
            return field.choices
        case "switch":
            return SWITCH_WORDS
        case "tags":
            return sorted({tag for entry in entries for tag in entry.tags})
        case "text":
            written = dict.fromkeys(str(field.value(entry, 0.0)) for entry in entries)
            return [word for word in written if not re.search(r'[\s"|]', word)]
        case _:
            return ()
