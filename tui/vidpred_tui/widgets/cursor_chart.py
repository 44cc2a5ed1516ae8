"""A chart with a vertical line at one step, whose values its title tells, and which can be pointed at."""

from dataclasses import dataclass

from textual import events
from textual.content import Content, Span
from textual.geometry import Region
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
        if step == self._step:
            return
        before, self._step = self._column, step
        canvas = self._drawn.canvas
        if canvas is None:
            return
        columns = {column for column in (before, self._column) if column is not None}
        regions = [Region(column, canvas.top, 1, canvas.rows) for column in columns] if before != self._column else []
        if self.plan.figure is not None:
            regions.append(Region(0, 0, self.size.width, canvas.top))
        if regions:
            self.refresh(*regions)

    def select(self, is_selected: bool) -> None:
        """Mark the chart as the one that keys are about."""
        if is_selected != self._is_selected:
            self._is_selected = is_selected
            self.set_class(is_selected, "-selected")
            self.refresh()

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

    def render(self) -> Content:
        """The drawing, under its title at the cursor, with the line over it."""
        content, canvas = self._drawn.content, self._drawn.canvas
        if canvas is None or not self.size or (self._step is None and not self._is_selected):
            return content
        content = self._titled(content, canvas.top)
        column = self._column
        if column is None:
            return content
        cells, spans = list(content.plain), list(content.spans)
        at = column
        for y, row in enumerate(content.plain.split("\n")):
            if canvas.top <= y < canvas.top + canvas.rows and column < len(row):
                cells[at] = CURSOR if cells[at] == " " else cells[at]
                spans.append(Span(at, at + 1, "$accent"))
            at += len(row) + 1
        return Content("".join(cells), spans)

    def _titled(self, content: Content, rows: int) -> Content:
        """The drawing with its first rows as they are at the cursor."""
        body = sum(len(row) + 1 for row in content.plain.split("\n")[:rows])
        mark = SELECTED if self._is_selected else ""
        titles = head(self.plan, self.size.width - len(mark), self._step, self._drawn.remark)[:rows]
        titles += [Content("")] * (rows - len(titles))
        return Content("\n").join([Content.styled(mark, "$accent") + titles[0], *titles[1:], content[body:]])

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
