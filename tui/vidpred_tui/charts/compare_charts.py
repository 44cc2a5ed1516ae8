"""The schedules of several runs laid over each other, to be read beside the losses that they led to."""

from collections.abc import Sequence

from vidpred_tui.charts.plan import ChartPlan, Line
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.theme import LineStyle

# The report's cyclical schedule rests at 1e-12, which weighs nothing and must not fill the chart.
LEAST_BETA_SHOWN = 1e-6


def forcing_overlay(snapshots: Sequence[RunSnapshot], styles: Sequence[LineStyle]) -> ChartPlan:
    """The teacher-forcing ratio of all runs over their steps."""
    return ChartPlan("TFR", _lines(snapshots, styles, "teacher_forcing"), bounds=(0.0, 1.0))


def beta_overlay(snapshots: Sequence[RunSnapshot], styles: Sequence[LineStyle]) -> ChartPlan:
    """Beta of all runs over their steps, from 0 up to the greatest: runs may keep it far below 1."""
    return ChartPlan("beta", _lines(snapshots, styles, "beta"), bounds=(0.0, LEAST_BETA_SHOWN))


def _lines(snapshots: Sequence[RunSnapshot], styles: Sequence[LineStyle], field: str) -> tuple[Line, ...]:
    return tuple(
        Line(snapshot.name, snapshot.history.curve("step", field), style)
        for snapshot, style in zip(snapshots, styles, strict=True)
    )
