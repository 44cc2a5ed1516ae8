"""What a chart shows, as plain data made of whole histories; thinning and drawing come later."""

from dataclasses import dataclass

from vidpred_engine.curve import Curve
from vidpred_tui.theme import LineStyle


@dataclass(frozen=True)
class Line:
    """A curve; it bears its style's sign where it shares the chart with others."""

    label: str
    curve: Curve
    style: LineStyle


@dataclass(frozen=True)
class Level:
    """A horizontal line such as a baseline, drawn with its own character."""

    label: str
    value: float
    character: str


@dataclass(frozen=True)
class ChartPlan:
    """One chart; `bounds` is the least range its vertical axis shows, `note` a remark for its title.

    Values that are not finite are never drawn: drawing marks their steps, and `note` says what they are.
    """

    title: str
    lines: tuple[Line, ...] = ()
    levels: tuple[Level, ...] = ()
    bounds: tuple[float, float] | None = None
    x_label: str = "step"
    note: str = ""
    empty: str = "nothing logged yet"
