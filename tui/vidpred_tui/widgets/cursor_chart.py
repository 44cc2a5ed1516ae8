"""A chart with a vertical line at one step, whose values its title tells, and which can be pointed at."""

from dataclasses import dataclass

from textual import events
from textual.content import Content, Span
from textual.message import Message

from vidpred_tui.charts.head import head
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.widgets.chart import Chart

CURSOR, SELECTED = "│", "▸ "


class CursorChart(Chart):
    """The line and the title are laid over the drawing: moving the line draws nothing anew."""

    DEFAULT_CSS = """
    CursorChart { &.-selected { background: $surface; } }
    """

    @dataclass
    class Clicked(Message):
        """Someone clicked on a chart at a step; None where it shows none."""

        chart: "CursorChart"
        step: float | None

    @dataclass
    class Wheeled(Message):
        """Someone turned the wheel over a step of a chart: `by` is 1 upwards, -1 downwards."""

        chart: "CursorChart"
        step: float
        by: int

    def __init__(self, plan: ChartPlan, *, id: str) -> None:
        super().__init__(plan, id=id)
        self._step: float | None = None
        self._is_selected = False

    def move(self, step: float | None) -> None:
        """Show the line at a step, or none."""
        if step != self._step:
            self._step = step
            self._refresh_rows()

    def select(self, is_selected: bool) -> None:
        """Mark the chart as the one that keys are about."""
        if is_selected != self._is_selected:
            self._is_selected = is_selected
            self.set_class(is_selected, "-selected")
            self._refresh_rows()

    @property
    def step_span(self) -> float:
        """How many steps a column is wide, where the drawing is."""
        canvas = self._drawn.canvas
        if canvas is None:
            return 1.0
        return (canvas.step(canvas.left + canvas.columns) - canvas.step(canvas.left)) / canvas.columns

    @property
    def _column(self) -> int | None:
        canvas = self._drawn.canvas
        return canvas.column(self._step) if canvas is not None and self._step is not None else None

    def _rows_to_show(self) -> tuple[Content, ...]:
        """The drawing, under its title at the cursor, with the line over it."""
        rows, canvas = self._drawn.rows, self._drawn.canvas
        if canvas is None or not self.size or (self._step is None and not self._is_selected):
            return rows
        body, column = rows[canvas.top :], self._column
        if column is not None:
            body = (*(_crossed(row, column) for row in body[: canvas.rows]), *body[canvas.rows :])
        return (*self._head(canvas.top), *body)

    def _head(self, count: int) -> list[Content]:
        """The rows above the curves, as they are at the cursor."""
        mark = SELECTED if self._is_selected else ""
        first, *others = head(self.plan, self.size.width - len(mark), self._step, self._drawn.remark)[:count]
        rows = [Content.styled(mark, "$accent") + first, *others]
        return rows + [Content("")] * (count - len(rows))

    def on_click(self, event: events.Click) -> None:
        """Tell where."""
        self.post_message(self.Clicked(self, self._drawn.canvas.step(event.x) if self._drawn.canvas else None))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Tell where the wheel was turned."""
        self._tell_wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Tell where the wheel was turned."""
        self._tell_wheel(event, -1)

    def _tell_wheel(self, event: events.MouseEvent, by: int) -> None:
        if self._drawn.canvas is not None:
            event.stop()
            self.post_message(self.Wheeled(self, self._drawn.canvas.step(event.x), by))


def _crossed(row: Content, column: int) -> Content:
    """A row of the drawing with the line over it, which goes behind curves."""
    if column >= len(row):
        return row
    character = CURSOR if row.plain[column] == " " else row.plain[column]
    text = row.plain[:column] + character + row.plain[column + 1 :]
    return Content(text, [*row.spans, Span(column, column + 1, "$accent")])
