"""A grid of charts that shows as many as fit, and the rest on further pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message

from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.widgets.chart import Chart

LEAST_WIDTH, LEAST_HEIGHT = 38, 7
MOST_COLUMNS = MOST_ROWS = 3


class ChartGrid(Container):
    """Charts named `chart-<name>`; where all fit with a cell to spare, the first takes two."""

    DEFAULT_CSS = """
    ChartGrid { layout: grid; grid-gutter: 0 1; height: 1fr; padding: 0 1; }
    """

    @dataclass
    class Paged(Message):
        """Another page is shown, or there are more or fewer pages."""

        page: int
        pages: int

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._charts = {name: Chart(ChartPlan(name), id=f"chart-{name}") for name in names}
        self.page = 0
        self.pages = 1

    def compose(self) -> ComposeResult:
        """All charts; those of other pages are hidden."""
        yield from self._charts.values()

    def show(self, plans: Mapping[str, ChartPlan]) -> None:
        """Bring the charts up to date; hidden ones draw when their page is turned to."""
        for name, plan in plans.items():
            self._charts[name].show(plan)

    def turn(self, by: int) -> None:
        """Turn the pages, around the end."""
        self.page = (self.page + by) % self.pages
        self._arrange()

    def on_resize(self) -> None:
        """Fit as many charts as the new size allows."""
        self._arrange()

    def _arrange(self) -> None:
        columns = min(MOST_COLUMNS, max(1, self.size.width // LEAST_WIDTH))
        rows = min(MOST_ROWS, max(1, self.size.height // LEAST_HEIGHT))
        room, charts = columns * rows, list(self._charts.values())
        self.pages = -(-len(charts) // room)
        self.page = min(self.page, self.pages - 1)
        shown = charts[self.page * room : (self.page + 1) * room]
        self.styles.grid_size_columns = columns
        self.styles.grid_size_rows = rows
        for chart in charts:
            chart.display = chart in shown
            chart.styles.column_span = 2 if chart is charts[0] and room == len(charts) + 1 else 1
        self.post_message(self.Paged(self.page, self.pages))
