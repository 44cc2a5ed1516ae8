"""The first row of every screen: where one is, and one fact about it."""

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static


class TitleBar(Horizontal):
    """The program, the screen's name, and on the right what `show` was given."""

    DEFAULT_CSS = """
    TitleBar {
        height: 1; padding: 0 1; background: $panel;
        & > #title { width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #title-fact { width: auto; max-width: 60%; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
        & > #title-traffic { display: none; width: 13; text-align: right; color: $text-muted; }
    }
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = Static(self._crumb(title), id="title")
        self._fact = Static("", id="title-fact", markup=False)
        self._traffic = Static("", id="title-traffic", markup=False)

    def compose(self) -> ComposeResult:
        """Name on the left, fact on the right."""
        yield self._title
        yield self._fact
        yield self._traffic

    def show(self, fact: str) -> None:
        """Show a fact on the right."""
        if fact != self._fact.content:  # the same fact needs no layout
            self._fact.update(fact)

    def show_traffic(self, rate: str) -> None:
        """Show how much is written to the terminal; empty for nothing."""
        self._traffic.update(rate, layout=bool(rate) != self._traffic.display)
        self._traffic.display = bool(rate)

    def rename(self, title: str) -> None:
        """Change the screen's name."""
        self._title.update(self._crumb(title))

    @staticmethod
    def _crumb(title: str) -> Content:
        return Content.assemble(("vidpred", "bold $primary"), (" · ", "$foreground-muted"), (title, "bold"))
