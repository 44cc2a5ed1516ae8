"""What a chart shows, as plain data made of whole histories; thinning and drawing come later."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from vidpred_engine.curve import EMPTY_CURVE, Curve
from vidpred_tui.charts.ruler import STEPS, Ruler
from vidpred_tui.charts.view import WHOLE, Span, View
from vidpred_tui.theme import LineStyle


@dataclass(frozen=True)
class Line:
    """A curve; it bears its style's sign where it shares the chart with others.

    `planned` is the course that it is going to take; what is beyond the curve's last step is drawn ahead of it.
    """

    label: str
    curve: Curve
    style: LineStyle
    planned: Curve = EMPTY_CURVE


@dataclass(frozen=True)
class Level:
    """A horizontal line such as a baseline, drawn with its own character."""

    label: str
    value: float
    character: str


@dataclass(frozen=True)
class ChartPlan:
    """One chart; `bounds` is the least range its vertical axis shows, `note` a remark for its title.

    `figure` writes a line's value at the cursor, or its last one, behind the line's name. Values that are not finite
    are never drawn: drawing marks their steps, and `note` says what they are.
    """

    title: str
    lines: tuple[Line, ...] = ()
    levels: tuple[Level, ...] = ()
    bounds: tuple[float, float] | None = None
    x_label: str = "step"
    note: str = ""
    empty: str = "nothing logged yet"
    figure: Callable[[float | None], str] | None = None
    view: View = WHOLE
    ruler: Ruler = STEPS

    @property
    def logged(self) -> Span | None:
        """From the first to the last step that is logged; None where nothing is."""
        curves = [line.curve.steps for line in self.lines if len(line.curve)]
        if not curves:
            return None
        return min(float(steps[0]) for steps in curves), max(float(steps[-1]) for steps in curves)

    @property
    def span(self) -> Span | None:
        """The same, to the last step that is planned where the ruler has a place for it."""
        planned = [float(line.planned.steps[-1]) for line in self.lines if len(line.planned) and self.ruler.foresees]
        return (self.logged[0], max(self.logged[1], *planned)) if self.logged and planned else self.logged


def seen(plan: ChartPlan, view: View, ruler: Ruler) -> ChartPlan:
    """The chart as someone looks at it, all but the cursor, which is laid over the drawing."""
    return replace(plan, view=replace(view, cursor=None, charts=""), ruler=ruler)
