"""A chart with a vertical line at one step."""

from functools import lru_cache

from textual.content import Content, Span
from textual.geometry import Region

from vidpred_tui.charts.drawing import Canvas, canvas_of
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.widgets.chart import Chart

CURSOR = "│"
_canvas_of = lru_cache(maxsize=4)(canvas_of)


class CursorChart(Chart):
    """The line is laid over the drawing: moving it draws nothing anew."""

    def __init__(self, plan: ChartPlan, *, id: str) -> None:
        super().__init__(plan, id=id)
        self._step = 0.0

    def move(self, step: float) -> None:
        """Show the line at a step."""
        canvas, before = self._canvas, self._step
        self._step = step
        if canvas is not None and (columns := {canvas.column(before), canvas.column(step)}) and len(columns) > 1:
            self.refresh(*(Region(column, canvas.top, 1, canvas.rows) for column in columns))

    @property
    def _canvas(self) -> Canvas | None:
        return _canvas_of(self.plan, self.size.width, self.size.height) if self.size else None

    def render(self) -> Content:
        """The drawing with the line over it."""
        drawn, canvas = super().render(), self._canvas
        if canvas is None:
            return drawn
        cells, spans = list(drawn.plain), list(drawn.spans)
        at = canvas.column(self._step)
        for y, row in enumerate(drawn.plain.split("\n")):
            if canvas.top <= y < canvas.top + canvas.rows and at < len(cells):
                cells[at] = CURSOR if cells[at] == " " else cells[at]
                spans.append(Span(at, at + 1, "$accent"))
            at += len(row) + 1
        return Content("".join(cells), spans)
