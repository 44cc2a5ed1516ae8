"""One row over the whole clip: PSNR of its frames as bars, and the frame that is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from textual import events
from textual.content import Content, Span
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget

BARS = "▁▂▃▄▅▆▇█"
CURSOR = "┃"


class ScrubBar(Widget):
    """A column's bar is the worst of its frames; a click or a drag asks for the frame under the mouse."""

    DEFAULT_CSS = """
    ScrubBar { height: 1; margin: 0 1; color: $primary 60%; }
    """
    ALLOW_SELECT = False

    @dataclass
    class Sought(Message):
        """Someone points at a frame."""

        frame: int

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._psnr: Sequence[float] = ()
        self._frame = 1

    def show(self, psnr: Sequence[float]) -> None:
        """Show a clip by the PSNR of its frames 1 to T."""
        self._psnr = psnr
        self.refresh()

    def move(self, frame: int) -> None:
        """Show where a frame is."""
        before, self._frame = self._columns(self._frame), frame
        if (now := self._columns(frame)) != before:
            self.refresh(*(Region(first, 0, end - first, 1) for first, end in (before, now)))

    def frame_at(self, column: int) -> int:
        """The frame of a column."""
        return 1 + min(max(column, 0), self.size.width - 1) * len(self._psnr) // self.size.width

    def _columns(self, frame: int) -> tuple[int, int]:
        """The first column of a frame and the one behind its last: a frame of a short clip has several."""
        frames, width = max(1, len(self._psnr)), self.size.width
        last = (frame * width - 1) // frames
        return min(last, -(-(frame - 1) * width // frames)), last + 1

    def render(self) -> Content:
        """Bars from the worst frame to the best, and a stroke for the frame shown."""
        if not self._psnr or not self.size.width:
            return Content("")
        text = bars(self._psnr, self.size.width)
        first, end = self._columns(self._frame)
        return Content(text[:first] + CURSOR * (end - first) + text[end:], [Span(first, end, "$accent bold")])

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go where the mouse is, and follow it while its button is down."""
        self.capture_mouse()
        self._seek(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse."""
        if event.button:
            self._seek(event)

    def on_mouse_up(self) -> None:
        """Follow it no more."""
        self.release_mouse()

    def _seek(self, event: events.MouseEvent) -> None:
        if self._psnr:
            self.post_message(self.Sought(self.frame_at(event.x)))


def bars(values: Sequence[float], width: int) -> str:
    """A bar a column, from the lowest finite value to the highest; a column of several values shows its lowest."""
    found = np.asarray(values, dtype=float)
    found = np.where(np.isfinite(found), found, np.nanmin(found, initial=np.inf, where=np.isfinite(found)))
    starts = np.arange(width) * len(found) // width
    lowest = np.minimum.reduceat(found, starts)
    low, high = lowest.min(), lowest.max()
    if not high > low:
        return BARS[-1] * width
    return "".join(BARS[level] for level in np.rint((lowest - low) / (high - low) * (len(BARS) - 1)).astype(int))
