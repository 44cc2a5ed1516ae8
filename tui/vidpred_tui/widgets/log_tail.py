"""The last lines of a run's output, as many as fit; or those around what is looked for in it."""

from collections.abc import Sequence

from textual.content import Content, Span
from textual.widget import Widget

HERE = "▸ "
CUT = Content("…")


class LogTailView(Widget):
    """Shows the end of a log; long lines are cut, but so that the words looked for are in sight.

    While words are looked for, one of their lines is in its midst.
    """

    DEFAULT_CSS = """
    LogTailView { height: 4; padding: 0 1; background: $surface; color: $foreground-muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: tuple[str, ...] = ()
        self._words = ""
        self._here = 0

    def show(self, lines: Sequence[str]) -> None:
        """Show these lines; the line found stays where it is although older ones may have gone."""
        if tuple(lines) == self._lines:
            return
        found = self._lines[self._here] if self._words and self._here < len(self._lines) else None
        self._lines = tuple(lines)
        if found is not None:
            last = min(self._here, len(self._lines) - 1)
            self._here = next((index for index in range(last, -1, -1) if self._lines[index] == found), last)
        self.refresh()

    @property
    def matches(self) -> list[int]:
        """The lines in which the words are, whatever their case."""
        words = self._words.casefold()
        return [index for index, line in enumerate(self._lines) if words in line.casefold()] if words else []

    @property
    def position(self) -> tuple[int, int]:
        """Which of the matches is in sight, counted from 1 (0: none), and how many there are."""
        matches = self.matches
        return (matches.index(self._here) + 1 if self._here in matches else 0), len(matches)

    def look_for(self, words: str) -> None:
        """Look for words, the newest line first; for none, show the end again."""
        self._words = words
        self._here = next(iter(self.matches[::-1]), len(self._lines))
        self.refresh()

    def go(self, by: int) -> None:
        """Go to the next match, or the previous one, around the end."""
        if matches := self.matches:
            place = matches.index(self._here) if self._here in matches else len(matches) - 1
            self._here = matches[(place + by) % len(matches)]
            self.refresh()

    def render(self) -> Content:
        """As many lines as there are rows."""
        if not self._lines:
            return Content("no output yet")
        rows, matches = self.size.height, set(self.matches)
        end = len(self._lines)
        if matches:
            end = min(end, max(rows, self._here + 1 + rows // 2))
        first = max(0, end - rows)
        return Content("\n").join(self._row(index, index in matches) for index in range(first, end))

    def _row(self, index: int, is_match: bool) -> Content:
        line = self._lines[index]
        content = Content(line)
        if is_match:
            folded, words = line.casefold(), self._words.casefold()
            starts = [at for at in range(len(folded)) if folded.startswith(words, at)]
            content = Content(line, [Span(at, at + len(words), "reverse") for at in starts])
            sign = Content.styled(HERE, "$accent") if index == self._here else Content("")
            content = sign + _around(content, starts[0], len(words), self.size.width - len(HERE))
        return content.truncate(self.size.width, ellipsis=True)


def _around(line: Content, found: int, length: int, room: int) -> Content:
    """The line, without its begin where what was found would else be out of sight: then that is in the midst."""
    if found + length < room:
        return line
    return CUT + line[max(1, min(found - room // 2, len(line.plain) - room + 1)) :]
