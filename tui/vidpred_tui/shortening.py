"""The same drawing in a third of the bytes: over SSH each one is sent.

Textual gives each piece of text its whole style, takes it away behind it, and writes blanks as characters.
"""

import curses
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import NamedTuple

# Erase so many characters in the background's colour (ECH with bce), and go on behind them.
ERASE, FORWARD = b"\x1b[%p1%dX", b"\x1b[%p1%dC"
LEAST_BLANKS = 12  # as two commands they are up to 12 bytes

_STYLE = re.compile(r"\x1b\[([0-9;]*)m")
_MOVES = re.compile(r"(?:\x1b\[[0-9;]*H|[\r\n])*")
_LONG_BLANKS = re.compile(rf" {{{LEAST_BLANKS},}}")
_CODE = re.compile(r"[34]8;5;\d+|[34]8;2;\d+;\d+;\d+|\d+")
_TEXT_COLOUR = re.compile(r"3[0-7]|9[0-7]|38;.*")
_BACKGROUND = re.compile(r"4[0-7]|10[0-7]|48;.*")
_ATTRIBUTE = re.compile(r"[1-57-9]")
SEEN_ON_BLANKS = {"4", "7", "9"}  # underline, reverse colours, a line through


class Style(NamedTuple):
    """What SGR commands have set, as their codes: attributes, and the colours of characters and background."""

    attributes: frozenset[str] = frozenset()
    text: str = ""
    background: str = ""

    @property
    def marks_blanks(self) -> bool:
        """Whether a blank shows more than its background."""
        return bool(self.attributes & SEEN_ON_BLANKS)


PLAIN = Style()


def shorten(output: str, *, erases: bool) -> str:
    """The same drawing, from and to the plain style; `erases` where the terminal fills with colour what it erases.

    Output with commands for styles that are not known here stays as it is.
    """
    first, *rest = _STYLE.split(output)
    pieces, shown, style = [first], PLAIN, PLAIN
    for codes, text in zip(rest[::2], rest[1::2], strict=True):
        changed = _styled(style, codes)
        if changed is None:
            return output
        style = changed
        if _MOVES.fullmatch(text):
            pieces.append(text)
            continue
        is_blank = not (text.strip(" ") or style.marks_blanks or shown.marks_blanks)
        if not (is_blank and style.background == shown.background):
            pieces.append(_change(shown, style))
            shown = style
        pieces.append(text if style.marks_blanks or not erases else _LONG_BLANKS.sub(_erase, text))
    pieces.append(_change(shown, PLAIN))
    return "".join(pieces)


def shortener(environment: Mapping[str, str]) -> Callable[[str], str]:
    """How output is written here: shortened over SSH, else as it is."""
    if not environment.get("SSH_CONNECTION"):
        return str
    return partial(shorten, erases=_erases_in_colour(environment.get("TERM", "")))


def _erases_in_colour(terminal: str) -> bool:
    try:
        curses.setupterm(terminal, fd=2)  # what Python calls standard output is captured
        known = curses.tigetstr("ech"), curses.tigetstr("cuf")
        return curses.tigetflag("bce") == 1 and known == (ERASE, FORWARD)
    except curses.error:
        return False


def _erase(blanks: re.Match[str]) -> str:
    return f"\x1b[{len(blanks[0])}X\x1b[{len(blanks[0])}C"


@lru_cache(4096)
def _styled(style: Style, codes: str) -> Style | None:
    """The style that an SGR command leaves; None where it has a code that is not known."""
    for code in _CODE.findall(codes) or ["0"]:
        if code == "0":
            style = PLAIN
        elif _TEXT_COLOUR.fullmatch(code):
            style = style._replace(text=code)
        elif _BACKGROUND.fullmatch(code):
            style = style._replace(background=code)
        elif _ATTRIBUTE.fullmatch(code):
            style = style._replace(attributes=style.attributes | {code})
        else:
            return None
    return style


@lru_cache(4096)
def _change(before: Style, after: Style) -> str:
    """The SGR command from one style to another."""
    if before == after:
        return ""
    takes_away = (
        bool(before.attributes - after.attributes)
        or (before.text != "" and after.text == "")
        or (before.background != "" and after.background == "")
    )
    if takes_away:
        before = PLAIN
    codes = ["0"] if takes_away else []
    codes += sorted(after.attributes - before.attributes)
    codes += [code for code, known in zip(after[1:], before[1:], strict=True) if code != known]
    return f"\x1b[{';'.join(codes)}m"
