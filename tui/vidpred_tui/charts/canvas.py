"""Which part of its curves a chart shows, and where on the drawing that is."""

import math
from dataclasses import dataclass

import numpy as np

from vidpred_engine.curve import EMPTY_CURVE, Curve, Floats, within
from vidpred_tui.charts.braille import Integers
from vidpred_tui.charts.plan import ChartPlan, Line
from vidpred_tui.charts.ruler import Ruler
from vidpred_tui.charts.ticks import log_labels, log_ticks, round_ticks, tick_labels

LABEL_WIDTH = 6
SMALLEST_WIDTH, SMALLEST_HEIGHT = 16, 4
AXIS_ROWS = 2
LARGEST_VALUE, LEAST_POSITIVE = 1e100, 1e-100
# The horizontal axis ends at a multiple of a 16th to a 32nd of its length.
AXIS_PARTS = 16


@dataclass(frozen=True)
class Canvas:
    """Where the curves are, in cells, and what is shown: places [start, end] of a ruler, values [low, high].

    Under `log`, `low` and `high` are powers of ten.
    """

    ruler: Ruler
    start: float
    end: float
    low: float
    high: float
    log: bool
    left: int
    top: int
    columns: int
    rows: int

    @property
    def borders(self) -> Floats:
        """The steps between which each column is, rising."""
        return self.ruler.steps(np.linspace(self.start, self.end, self.columns + 1))

    def x(self, steps: Floats) -> list[float]:
        """Steps as shares of the width."""
        return self.across(self.ruler.places(steps))

    def across(self, places: Floats) -> list[float]:
        """Places of the ruler as shares of the width."""
        return ((places - self.start) / (self.end - self.start)).tolist()  # type: ignore[no-any-return]

    def y(self, values: Floats) -> list[float]:
        """Values, positive ones under `log`, as shares of the height."""
        return ((scaled(values, log=self.log) - self.low) / (self.high - self.low)).tolist()  # type: ignore[no-any-return]

    def shares(self, columns: Integers, rows: Integers) -> tuple[list[float], list[float]]:
        """Cells, counted from the lower left, as shares of the width and the height."""
        return (columns / max(self.columns - 1, 1)).tolist(), (rows / max(self.rows - 1, 1)).tolist()

    def column(self, step: float) -> int | None:
        """The drawing's column in which a step is; None beyond what is shown."""
        share = self.x(np.array([step]))[0]
        return self.left + round(share * (self.columns - 1)) if -1e-9 <= share <= 1 + 1e-9 else None

    def step(self, column: int) -> float:
        """The step in the midst of a drawing's column."""
        share = min(max((column - self.left) / max(1, self.columns - 1), 0.0), 1.0)
        return float(self.ruler.steps(np.array([self.start + share * (self.end - self.start)]))[0])

    @property
    def ticks(self) -> tuple[list[float], list[str]]:
        """Round values on the vertical axis, and how they are written."""
        return _ticks(self.low, self.high, self.rows, log=self.log)


def canvas_of(plan: ChartPlan, width: int, height: int, top: int) -> Canvas | None:
    """The canvas below `top` rows; None where there is no room for one, or nothing to draw."""
    rows = height - top - AXIS_ROWS
    if width < SMALLEST_WIDTH or rows + AXIS_ROWS < SMALLEST_HEIGHT or (span := plan.span) is None:
        return None
    log = plan.view.log
    start, end = _places(plan, *span)
    first, last = plan.view.window or (span[0], math.inf)
    values = [_extremes(part) for line in plan.lines for part in shown_parts(plan, line, first, last)]
    is_faulty = any(len(_faults(line, first, last)) for line in plan.lines)
    if not (any(map(len, values)) or (is_faulty and not log)):
        return None
    kept = [level.value for level in plan.levels] + [*(plan.bounds or ())]
    low, high = _range(np.array([*kept, *(value for pair in values for value in pair)]), plan.bounds, log=log)
    left = 1 + max(map(len, _ticks(low, high, rows, log=log)[1]))
    return Canvas(plan.ruler, start, end, low, high, log, left, top, max(1, width - left), rows)


def shown_parts(plan: ChartPlan, line: Line, first: float, last: float) -> tuple[Curve, Curve]:
    """The drawable parts of a line between two steps: what is logged, and what is planned beyond."""
    log, planned = plan.view.log, line.planned
    curve = within(drawable(line.curve, log=log), first, last)
    if not len(planned) or not plan.ruler.foresees:
        return curve, EMPTY_CURVE
    ahead = planned.steps > (line.curve.steps[-1] if len(line.curve) else -math.inf)
    return curve, within(drawable(Curve(planned.steps[ahead], planned.values[ahead]), log=log), first, last)


def drawable(curve: Curve, *, log: bool) -> Curve:
    """The values that can be drawn: finite ones, under `log` positive ones."""
    return curve.positive if log else curve.finite


def left_out(plan: ChartPlan) -> int:
    """How many values of what is shown a logarithmic axis has no place for."""
    if not plan.view.log:
        return 0
    first, last = plan.view.window or (-math.inf, math.inf)
    steps = [part.steps for line in plan.lines for part in (line.curve.finite, line.curve.positive)]
    lengths = [int(np.searchsorted(at, last, "right") - np.searchsorted(at, first)) for at in steps]
    return sum(lengths[::2]) - sum(lengths[1::2])


def scaled(values: Floats, *, log: bool) -> Floats:
    """Values as far as they can be drawn; their powers of ten under `log`."""
    bounded = np.clip(values, -LARGEST_VALUE, LARGEST_VALUE)
    return np.log10(np.maximum(bounded, LEAST_POSITIVE)) if log else bounded


def _faults(line: Line, first: float, last: float) -> Floats:
    faults = line.curve.faults
    return faults[(faults >= first) & (faults <= last)]


def _ticks(low: float, high: float, rows: int, *, log: bool) -> tuple[list[float], list[str]]:
    most = max(2, rows // 3)
    ticks = log_ticks(10.0**low, 10.0**high, most) if log else round_ticks(low, high, most)
    return ticks, [label.rjust(LABEL_WIDTH) for label in (log_labels(ticks) if log else tick_labels(ticks))]


def _extremes(curve: Curve) -> list[float]:
    return [float(curve.values.min()), float(curve.values.max())] if len(curve) else []


def _places(plan: ChartPlan, first: float, last: float) -> tuple[float, float]:
    """The window; without one, to a little beyond the last step that is logged or to the last that is planned.

    An axis that moved with each step would redraw everything.
    """
    window = plan.view.window or (first, last)
    start, end = map(float, plan.ruler.places(np.array(window)))
    if plan.view.window is not None:
        return start, end if end > start else start + 1.0
    if any(len(line.planned) and line.planned.steps[-1] >= last for line in plan.lines) and end > start:
        return start, end
    length = end - start if end > start else 1.0
    unit = 2.0 ** math.floor(math.log2(length)) / AXIS_PARTS
    return start, start + math.ceil(length / unit) * unit


def _range(values: Floats, bounds: tuple[float, float] | None, *, log: bool) -> tuple[float, float]:
    """A range that holds all finite values, under `log` all positive ones, with a margin; never of zero length."""
    kept = values[np.isfinite(values) & (values > 0 if log else True)]
    kept = scaled(kept, log=log)
    low, high = (float(kept.min()), float(kept.max())) if len(kept) else (0.0, 1.0)
    largest = max(abs(low), abs(high))
    if log:
        margin = 0.04 * (high - low) if high - low > 1e-3 else 0.5
    elif high - low <= 1e-9 * largest or largest < LEAST_POSITIVE:
        margin = largest / 2 if largest >= LEAST_POSITIVE else 1.0
    else:
        margin = 0.0 if bounds == (low, high) else 0.04 * (high - low)
    return low - margin, high + margin
