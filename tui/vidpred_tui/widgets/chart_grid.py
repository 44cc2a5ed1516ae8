"""A grid of charts that shows as many as fit, and the rest on further pages; or one of them alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message

from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.charts.view import Span
from vidpred_tui.widgets.cursor_chart import CursorChart

LEAST_WIDTH, LEAST_HEIGHT = 38, 7
MOST_COLUMNS = MOST_ROWS = 3


class ChartGrid(Container):
    """Charts named `chart-<name>`, of which those named `usual` are shown; the first takes a cell that is to spare."""

    DEFAULT_CSS = """
    ChartGrid { layout: grid; grid-gutter: 0 1; height: 1fr; padding: 0 1; }
    """

    @dataclass
    class Paged(Message):
        """Another page is shown, or there are more or fewer pages."""

        page: int
        pages: int

    def __init__(self, titles: Mapping[str, str], usual: Sequence[str]) -> None:
        super().__init__()
        plans = {name: ChartPlan(title, empty="") for name, title in titles.items()}  # before anything is read
        self._charts = {name: CursorChart(plan, id=f"chart-{name}") for name, plan in plans.items()}
        self._chosen = tuple(usual)
        self._selected = ""
        self.is_single = False
        self.page = 0
        self.pages = 1

    def compose(self) -> ComposeResult:
        """All charts; those of other pages are hidden."""
        yield from self._charts.values()

    def show(self, plans: Mapping[str, ChartPlan], *, at_once: bool = False) -> None:
        """Bring the charts up to date; hidden ones draw when their page is turned to."""
        for name, plan in plans.items():
            self._charts[name].show(plan, at_once=at_once)

    def choose(self, names: Sequence[str]) -> None:
        """Show these charts, in this order, and no others."""
        if tuple(names) != self._chosen:
            self._chosen = tuple(names)
            if self._selected not in names:
                self.select("")
            self._arrange()

    def move(self, step: float | None) -> None:
        """Put the cursor of all charts at a step."""
        for chart in self._charts.values():
            chart.move(step)

    def turn(self, by: int) -> None:
        """Turn the pages, around the end."""
        self.page = (self.page + by) % self.pages
        if self.is_single:
            self.select(self._chosen[self.page])
        self._arrange()

    def select(self, name: str) -> None:
        """Select a chart, empty for none."""
        self._selected = name
        for other, chart in self._charts.items():
            chart.select(other == name)

    def select_next(self, by: int) -> None:
        """Select the next chart, or the previous one, and turn to its page; the first time, one that is in sight."""
        if self._selected in self._chosen:
            self.select(self._chosen[(self._chosen.index(self._selected) + by) % len(self._chosen)])
        else:
            self.select(self.current)
        self.page = self._chosen.index(self._selected) // self._room
        self._arrange()

    def enlarge(self, is_single: bool) -> None:
        """Show the current chart alone, or all of them again."""
        current = self.current
        self.is_single = is_single
        self.page = self._chosen.index(current) // self._room
        self._arrange()

    @property
    def current(self) -> str:
        """The chart that keys are about: the selected one, else the first in sight."""
        return self._selected or self._chosen[min(self.page * self._room, len(self._chosen) - 1)]

    @property
    def current_chart(self) -> CursorChart:
        """The widget of that chart."""
        return self._charts[self.current]

    @property
    def logged(self) -> Span | None:
        """From the first to the last step that is logged in any of the charts; None where there is nothing."""
        return _union(self._charts[name].plan.logged for name in self._chosen)

    @property
    def whole(self) -> Span | None:
        """The same, to the last step that is planned."""
        return _union(self._charts[name].plan.span for name in self._chosen)

    def on_resize(self) -> None:
        """Fit as many charts as the new size allows."""
        self._arrange()

    @property
    def _shape(self) -> tuple[int, int]:
        """Columns and rows that there is room for."""
        if self.is_single:
            return 1, 1
        columns = min(MOST_COLUMNS, max(1, self.size.width // LEAST_WIDTH), len(self._chosen))
        return columns, min(MOST_ROWS, max(1, self.size.height // LEAST_HEIGHT), -(-len(self._chosen) // columns))

    @property
    def _room(self) -> int:
        columns, rows = self._shape
        return columns * rows

    def _arrange(self) -> None:
        (columns, rows), room = self._shape, self._room
        self.pages = -(-len(self._chosen) // room)
        self.page = min(self.page, self.pages - 1)
        shown = self._chosen[self.page * room : (self.page + 1) * room]
        self.styles.grid_size_columns = columns
        self.styles.grid_size_rows = rows
        for name, chart in self._charts.items():
            chart.display = name in shown
            spare = room - len(self._chosen) if name == self._chosen[0] else 0
            chart.styles.column_span = 1 + max(0, min(spare, columns - 1))
        self.post_message(self.Paged(self.page, self.pages))


def _union(spans: Iterable[Span | None]) -> Span | None:
    found = [span for span in spans if span is not None]
    return (min(start for start, _ in found), max(end for _, end in found)) if found else None
