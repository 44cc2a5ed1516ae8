"""A chart that is drawn in a worker thread, only while it is visible, and never more often than people can see."""

import asyncio
import os
import time
from dataclasses import dataclass

from textual import events, work
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from vidpred_tui.charts.drawing import Drawing, draw
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.terminal import output_pending
from vidpred_tui.widgets.pacer import Pacer, least_rest


class Chart(Widget):
    """Shows a chart plan; a new plan or size is drawn off the event loop, and of it is sent what differs.

    All charts of a screen that are due are drawn in one go and put on the screen together: that costs half of what one
    after the other does.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Chart { width: 1fr; height: 1fr; }
    """

    auto_links = False  # looking for them costs a tenth of what showing a drawing does
    _pacer = Pacer(least_rest(os.environ))

    @dataclass
    class Drawn(Message):
        """A worker has finished a drawing, which took so many seconds of a processor."""

        drawing: Drawing
        seconds: float

    def __init__(self, plan: ChartPlan, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.plan = plan
        self._drawn = Drawing()
        self._rows: tuple[Content, ...] = ()
        self._up_to_date = False
        self._drawing = False
        self._is_awaited = False
        self._due: asyncio.TimerHandle | None = None

    @property
    def text(self) -> str:
        """What the chart shows at this moment, without colours."""
        return "\n".join(row.plain for row in self._rows)

    def show(self, plan: ChartPlan, *, at_once: bool = False) -> None:
        """Show another plan as soon as that is worth while, or at once where someone waits for it."""
        if plan != self.plan:
            self.plan = plan
            self._is_awaited |= at_once
            self._invalidate()

    def render_line(self, y: int) -> Strip:
        """One row of what is shown."""
        row = self._rows[y] if y < len(self._rows) else Content("")
        return Visual.to_strips(self, row, self.size.width, 1, self.visual_style)[0]

    def on_mount(self) -> None:
        """Another theme needs a new drawing, too."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._invalidate())

    def on_resize(self) -> None:
        """A new size needs a new drawing, and until then shows a part of the old one."""
        self._is_awaited = True
        self._invalidate()

    def on_show(self, _: events.Show) -> None:
        """What changed while the chart was hidden is drawn now."""
        self._is_awaited = True
        self._draw_when_due()

    def _invalidate(self) -> None:
        self._up_to_date = False
        self._draw_when_due()

    @property
    def _is_outdated(self) -> bool:
        return not (self._up_to_date or self._drawing) and bool(self.size) and self.is_on_screen

    @property
    def _rest(self) -> float:
        """Seconds until it may be drawn: none where someone waits, as in front of an empty chart."""
        is_awaited = self._is_awaited or self._drawn.canvas is None
        rest = 0.0 if is_awaited else self._pacer.resting_until - time.monotonic()
        return self._pacer.least_rest if rest <= 0 and output_pending() else rest

    def _draw_when_due(self) -> None:
        if self._up_to_date or self._drawing:
            return
        if self._due is not None:
            self._due.cancel()
        # Not by set_timer: Textual's never fires where its time is over as it starts. And not now, where nothing is to
        # be waited for: what brings news to one chart is about to bring it to others.
        self._due = asyncio.get_running_loop().call_later(max(0.0, self._rest), self._draw_due)

    def _draw_due(self) -> None:
        """Draw all charts of the screen that are outdated and have rested."""
        if not self._is_outdated:
            return
        if self._rest > 0:
            self._draw_when_due()
            return
        others = [chart for chart in self.screen.query(Chart) if chart is not self]
        due = [self, *(chart for chart in others if chart._is_outdated and chart._rest <= 0)]
        for chart in due:
            chart._up_to_date = chart._drawing = True
            chart._is_awaited = False
        self._draw([(chart, chart.plan, chart.size) for chart in due])

    @work(thread=True, group="chart", description="draw charts")
    def _draw(self, due: "list[tuple[Chart, ChartPlan, Size]]") -> None:
        drawn = []
        for chart, plan, size in due:
            began = time.thread_time()
            drawing = draw(plan, size.width, size.height)
            drawn.append((chart, self.Drawn(drawing, time.thread_time() - began)))
        for chart, message in drawn:
            chart.post_message(message)

    def on_chart_drawn(self, message: Drawn) -> None:
        """Put a finished drawing on the screen."""
        message.stop()
        self._drawing = False
        self._drawn = message.drawing
        if message.drawing.canvas is not None:  # an empty chart costs next to nothing
            self._pacer.spend(time.monotonic(), message.seconds)
        self._refresh_rows()
        self._draw_when_due()

    def _rows_to_show(self) -> tuple[Content, ...]:
        """The last drawing."""
        return self._drawn.rows

    def _refresh_rows(self) -> None:
        """Send only the spans that changed: whole charts are 13 kB/s at one redraw a second."""
        before, self._rows = self._rows, self._rows_to_show()
        if [row.cell_length for row in before] != [row.cell_length for row in self._rows]:
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(before, self._rows, strict=True)):
            first, width = _differing(old, new)
            if width:
                self.refresh(Region(first, y, width, 1))


def _differing(old: Content, new: Content) -> tuple[int, int]:
    """First column and width of what differs, characters or styles, between two rows of the same length in cells."""
    if (old.plain, old.spans) == (new.plain, new.spans):
        return 0, 0
    if new.cell_length != len(old.plain) or new.cell_length != len(new.plain):  # characters two cells wide
        return 0, new.cell_length
    differing = [x for x, (before, after) in enumerate(zip(_cells(old), _cells(new), strict=True)) if before != after]
    return (differing[0], differing[-1] - differing[0] + 1) if differing else (0, 0)


def _cells(row: Content) -> list[tuple[object, ...]]:
    cells: list[tuple[object, ...]] = [(character,) for character in row.plain]
    for start, end, style in row.spans:
        for x in range(start, min(end, len(cells))):
            cells[x] += (style,)
    return cells
