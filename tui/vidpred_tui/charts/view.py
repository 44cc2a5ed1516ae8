"""How someone looks at a run's charts, as plain values that can be kept: what is shown, and how it is told."""

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

Axis = Literal["step", "epoch", "time"]
SMOOTHINGS = (0.0, 0.6, 0.9, 0.99)
ZOOM = 2.0
PAN = 0.25
STRIDE = 0.125  # of a window that follows a run: each move draws everything anew
SHORTEST_WINDOW = 4.0

Span = tuple[float, float]


@dataclass(frozen=True)
class View:
    """One for all charts; `window` and `cursor` are those of the run `run_id`, the rest is kept from run to run.

    `window` is the span of steps that is shown (None: all that there is), `smoothing` the share that an average keeps
    of its former value from one record to the next (0: none), `cursor` the step whose values the titles tell (None:
    the last values), `charts` has the names of those that are shown, with spaces between them (empty: the usual ones).
    """

    run_id: str = ""
    window: Span | None = None
    axis: Axis = "step"
    log: bool = False
    smoothing: float = 0.0
    cursor: float | None = None
    charts: str = ""

    @property
    def words(self) -> list[str]:
        """What is unusual about it."""
        words = [] if self.cursor is None else [f"cursor {self.cursor:,.0f}"]  # first, as it changes with each key
        words += [] if self.window is None else [f"steps {self.window[0]:,.0f}-{self.window[1]:,.0f}"]
        words += [] if self.axis == "step" else [f"{self.axis} axis"]
        words += ["log y"] if self.log else []
        return words + ([f"EMA {self.smoothing:g}"] if self.smoothing else [])

    def of_run(self, run_id: str) -> "View":
        """The same way to look at a run."""
        return self if run_id == self.run_id else replace(self, run_id=run_id, window=None, cursor=None)

    def next_axis(self) -> "View":
        """Told in another unit."""
        axes: tuple[Axis, ...] = get_args(Axis)
        return replace(self, axis=axes[(axes.index(self.axis) + 1) % len(axes)])

    def smoothed(self, by: int) -> "View":
        """Smoothed so many degrees more, or less, around the end."""
        index = SMOOTHINGS.index(self.smoothing) if self.smoothing in SMOOTHINGS else 0
        return replace(self, smoothing=SMOOTHINGS[(index + by) % len(SMOOTHINGS)])

    def zoomed(self, factor: float, shown: Span, whole: Span, about: float | None = None) -> "View":
        """`factor` times nearer (less than 1: farther off); the step `about` stays where it is, else the middle does.

        `shown` is the span now seen, `whole` that of all there is: whoever is as far off sees all again.
        """
        start, end = shown
        if end <= start:
            return self
        about = (start + end) / 2 if about is None else min(max(about, start), end)
        length = max(SHORTEST_WINDOW, (end - start) / factor)
        if length >= whole[1] - whole[0]:
            return replace(self, window=None)
        share = (about - start) / (end - start)
        return replace(self, window=_inside((about - share * length, about + (1 - share) * length), whole))

    def panned(self, by: float, shown: Span, whole: Span) -> "View":
        """Moved by a share of what is seen, as far as there is anything."""
        if self.window is None:
            return self
        length = shown[1] - shown[0]
        return replace(self, window=_inside((shown[0] + by * length, shown[1] + by * length), whole))

    def followed(self, last: float, newest: float) -> "View":
        """Moved on with a run whose `last` step was in sight when the `newest` came; else it stays where it is."""
        if self.window is None or not self.window[0] <= last <= self.window[1] < newest:
            return self
        start, end = self.window
        stride = (end - start) * STRIDE
        by = stride * math.ceil((newest - end) / stride)
        return replace(self, window=(start + by, end + by))


WHOLE = View()


def _inside(window: Span, whole: Span) -> Span:
    """The window, moved so that it leaves the whole on neither side."""
    length = window[1] - window[0]
    start = max(whole[0], min(window[0], whole[1] - length))
    return start, start + length
