"""A chart that draws itself in a worker thread, only while it is visible, and never more often than people can see."""

import asyncio
import os
import time
from dataclasses import dataclass

from textual import events, work
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget

from vidpred_tui.charts.drawing import Drawing, draw
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.terminal import output_pending
from vidpred_tui.widgets.pacer import Pacer, least_rest


class Chart(Widget):
    """Shows a chart plan; a new plan or size is drawn off the event loop."""

    DEFAULT_CSS = """
    Chart { width: 1fr; height: 1fr; }
    """

    _pacer = Pacer(least_rest(os.environ))

    @dataclass
    class Drawn(Message):
        """A worker has finished a drawing, which took so many seconds of a processor."""

        drawing: Drawing
        seconds: float

    def __init__(self, plan: ChartPlan, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.plan = plan
        self._drawn = Drawing(Content(""))
        self._up_to_date = False
        self._drawing = False
        self._resting_until = 0.0
        self._due: asyncio.TimerHandle | None = None

    @property
    def text(self) -> str:
        """What the chart shows at this moment, without colours."""
        return self.render().plain

    def show(self, plan: ChartPlan, *, at_once: bool = False) -> None:
        """Show another plan as soon as that is worth while, or at once where someone waits for it."""
        if plan != self.plan:
            self.plan = plan
            if at_once:
                self._resting_until = 0.0
                self._forget_due()
            self._invalidate()

    def render(self) -> Content:
        """The last drawing."""
        return self._drawn.content

    def on_mount(self) -> None:
        """Another theme needs a new drawing, too."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._invalidate())

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
        wait = self._resting_until - time.monotonic()
        if wait <= 0 and output_pending():
            wait = self._pacer.least_rest
        if wait > 0:
            if self._due is None:  # not by set_timer: Textual's never fires where its time is over as it starts
                self._due = asyncio.get_running_loop().call_later(wait, self._redraw_due)
            return
        self._up_to_date = self._drawing = True
        self._draw(self.plan, self.size.width, self.size.height)

    def _forget_due(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _redraw_due(self) -> None:
        self._due = None
        self._draw_when_due()

    @work(thread=True, group="chart", description="draw a chart")
    def _draw(self, plan: ChartPlan, width: int, height: int) -> None:
        began = time.thread_time()
        drawing = draw(plan, width, height)
        self.post_message(self.Drawn(drawing, time.thread_time() - began))

    def on_chart_drawn(self, message: Drawn) -> None:
        """Put a finished drawing on the screen."""
        message.stop()
        self._drawing = False
        rests = message.drawing.canvas is not None  # an empty chart costs next to nothing, and someone waits for more
        self._resting_until = self._pacer.rest_until(time.monotonic(), message.seconds) if rests else 0.0
        before, self._drawn = self.render(), message.drawing
        self._refresh_what_differs(before.split("\n"), self.render().split("\n"))
        self._draw_when_due()

    def _refresh_what_differs(self, before: list[Content], after: list[Content]) -> None:
        """Send only the spans that changed: whole charts are 13 kB/s at one redraw a second."""
        if [row.cell_length for row in before] != [row.cell_length for row in after]:
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, after, strict=True)):
            if old.plain != new.plain:
                differs = [x for x, (a, b) in enumerate(zip(old.plain, new.plain, strict=True)) if a != b]
                self.refresh(Region(differs[0], y, differs[-1] - differs[0] + 1, 1))
            elif old.spans != new.spans:
                self.refresh(Region(0, y, new.cell_length, 1))
