"""annotations.json: what people say of a run - a name to show, tags, a note, a star - kept in the run's own folder."""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from vidpred_engine.errors import UserError
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.store.reading import read_whole, why_unreadable
from vidpred_engine.store.run_directory import RunDirectory

FORMAT = 1
LONGEST_NAME = 60
LONGEST_NOTE = 500
LONGEST_TAG = 32
_TAG = re.compile(rf"\w[\w.=@/-]{{0,{LONGEST_TAG - 1}}}")


@dataclass(frozen=True)
class Annotations:
    """What people say of one run; an empty `name` leaves it the name that it was trained under.

    Names and notes are one line of printable characters. Who shows them shows them as they are, never as markup.
    """

    name: str = ""
    tags: tuple[str, ...] = ()
    note: str = ""
    starred: bool = False


def read_annotations(run: RunDirectory) -> Annotations:
    """Read annotations.json; what is missing, damaged or unfit to be shown reads as not said."""
    try:
        return Annotations(**_fit(_decoded(run)))
    except (OSError, ValueError):
        return Annotations()


def annotations_fault(run: RunDirectory) -> str:
    """What is wrong with annotations.json, to be put behind "cannot be read: "; empty where nothing is."""
    try:
        found = _decoded(run)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return why_unreadable(error)
    except ValueError as error:
        return str(error)
    fit = asdict(Annotations(**_fit(found)))
    unfit = [name for name in fit if name in found and _plain(fit[name]) != found[name]]
    return f"its {unfit[0]} is not fit to be shown" if unfit else ""


def write_annotations(run: RunDirectory, annotations: Annotations) -> None:
    """Replace annotations.json atomically."""
    write_atomic(run.annotations_file, codec.encode({"format": FORMAT, **asdict(annotations)}, indent=True))


def checked_name(text: str) -> str:
    """A name to show, without spaces around it; raises UserError."""
    return _line("A name", text, LONGEST_NAME)


def checked_note(text: str) -> str:
    """A note, without spaces around it; raises UserError."""
    return _line("A note", text, LONGEST_NOTE)


def checked_tags(words: Iterable[str]) -> tuple[str, ...]:
    """Tags in the order given, each once; raises UserError."""
    tags = tuple(dict.fromkeys(words))
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise UserError(
                f"A tag is up to {LONGEST_TAG} letters, digits and _ . = @ / -, and begins with a letter, a digit or _;"
                f" {tag!r:.60} is none."
            )
    return tags


def _decoded(run: RunDirectory) -> dict[str, Any]:
    found = codec.decode(read_whole(run.annotations_file))
    codec.check_format(found, FORMAT)
    assert isinstance(found, dict)
    return found


def _plain(value: Any) -> Any:
    """A value as JSON holds it."""
    return list(value) if isinstance(value, tuple) else value


def _line(what: str, text: str, longest: int) -> str:
    stripped = text.strip()
    if len(stripped) > longest:
        raise UserError(f"{what} has up to {longest} characters; this one has {len(stripped)}.")
    if not stripped.isprintable():  # also refuses what turns the direction of writing around or is invisible
        strange = next(character for character in stripped if not character.isprintable())
        raise UserError(f"{what} is one line of printable characters; leave out {strange!r}.")
    return stripped


def _fit(found: dict[str, Any]) -> dict[str, Any]:
    checks: dict[str, Callable[[Any], Any]] = {"name": checked_name, "tags": _listed_tags, "note": checked_note}
    fit: dict[str, Any] = {"starred": found.get("starred") is True}
    for field, check in checks.items():
        with suppress(KeyError, TypeError, AttributeError, UserError):
            fit[field] = check(found[field])
    return fit


def _listed_tags(found: list[str]) -> tuple[str, ...]:
    return checked_tags(found) if isinstance(found, list) else ()
