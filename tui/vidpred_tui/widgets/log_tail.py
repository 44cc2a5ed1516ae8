"""The last lines of a run's output, as many as fit."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget


class LogTailView(Widget):
    """Shows the end of a log; long lines are cut."""

    DEFAULT_CSS = """
    LogTailView { height: 4; padding: 0 1; background: $surface; color: $foreground-muted; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: tuple[str, ...] = ()

    def show(self, lines: Sequence[str]) -> None:
        """Show the end of these lines."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.refresh()

    def render(self) -> Content:
        """As many of the last lines as there are rows."""
        shown = self._lines[-self.size.height :] if self._lines else ("no output yet",)
        return Content("\n").join(Content(line).truncate(self.size.width, ellipsis=True) for line in shown)
