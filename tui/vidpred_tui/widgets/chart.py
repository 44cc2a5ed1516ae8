"""A chart that draws itself in a worker thread, only while it is visible, and never more often than people can see."""

import time
from dataclasses import dataclass

from textual import events, work
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget

from vidpred_tui.charts.drawing import draw
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.terminal import output_pending

REDRAW_SECONDS = 0.5


class Chart(Widget):
    """Shows a chart plan; a new plan or size is drawn off the event loop."""

    DEFAULT_CSS = """
    Chart { width: 1fr; height: 1fr; }
    """

    @dataclass
    class Drawn(Message):
        """A worker has finished a drawing."""

        content: Content

    def __init__(self, plan: ChartPlan, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.plan = plan
        self._drawn = Content("")
        self._up_to_date = False
        self._drawing = False
        self._drawn_at = 0.0
        self._due: Timer | None = None

    @property
    def text(self) -> str:
        """What the chart shows at this moment, without colours."""
        return self._drawn.plain

    def show(self, plan: ChartPlan) -> None:
        """Show another plan as soon as that is worth while."""
        if plan != self.plan:
            self.plan = plan
            self._invalidate()

    def render(self) -> Content:
        """The last drawing."""
        return self._drawn

    def on_resize(self) -> None:
        """A new size needs a new drawing."""
        self._invalidate()

    def on_show(self, _: events.Show) -> None:
        """What changed while the chart was hidden is drawn now."""
        self._draw_when_due()

    def _invalidate(self) -> None:
        self._up_to_date = False
        self._draw_when_due()

    def _draw_when_due(self) -> None:
        if self._up_to_date or self._drawing or not self.size or not self.is_on_screen:
            return
        wait = self._drawn_at + REDRAW_SECONDS - time.monotonic()
        if wait <= 0 and output_pending():
            wait = REDRAW_SECONDS
        if wait > 0:
            if self._due is None:
                self._due = self.set_timer(wait, self._redraw_due)
            return
        self._up_to_date = self._drawing = True
        self._draw(self.plan, self.size.width, self.size.height)

    def _redraw_due(self) -> None:
        self._due = None
        self._draw_when_due()

    @work(thread=True, group="chart")
    def _draw(self, plan: ChartPlan, width: int, height: int) -> None:
        self.post_message(self.Drawn(draw(plan, width, height)))

    def on_chart_drawn(self, message: Drawn) -> None:
        """Put a finished drawing on the screen."""
        message.stop()
        self._drawing = False
        self._drawn_at = time.monotonic()
        self._drawn = message.content
        self.refresh()
        self._draw_when_due()
