"""A comparison as screens draw it: the engine's tables and curves, with the signs and colours of runs."""

from collections.abc import Mapping, Sequence

from vidpred_engine.comparison.compare import Comparison
from vidpred_engine.comparison.plots import MEAN_FRAME, REPEAT_FIRST, Plot
from vidpred_engine.comparison.runs import COURSES, ComparedRun
from vidpred_engine.comparison.view import TERMS, Column
from vidpred_tui.charts.plan import ChartPlan, Level, Line
from vidpred_tui.charts.run_charts import fault_note
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.theme import BASELINE_STYLES, LineStyle, run_style

_BASELINES = {REPEAT_FIRST: BASELINE_STYLES[0], MEAN_FRAME: BASELINE_STYLES[1]}
# The report's cyclical schedule rests at 1e-12, which weighs nothing and must not fill the chart.
LEAST_BETA_SHOWN = 1e-6
_EMPTY = {"psnr": "no run has been evaluated yet", "ssim": "no evaluation has SSIM"}


def compared_run(snapshot: RunSnapshot) -> ComparedRun:
    """What is compared of a run that is followed."""
    status = snapshot.status
    return ComparedRun(
        run_id=snapshot.run_id,
        name=snapshot.name,
        state=status.state,
        epoch=status.epoch,
        epochs=status.epochs,
        step=status.step,
        settings=snapshot.settings,
        summary=status.summary,
        evaluation=snapshot.evaluation,
        gap=snapshot.gap,
        courses={name: snapshot.history.curve("step", name) for name in COURSES},
    )


def column_style(column: Column) -> LineStyle:
    """The sign and colour of a column: those of its first run, whatever else is shown."""
    return run_style(column.place)


def comparison_charts(comparison: Comparison, snapshots: Mapping[str, RunSnapshot]) -> dict[str, ChartPlan]:
    """A chart a plot, by `frames`, `course`, `tfr` and `beta`."""
    frames, course, forcing, beta = comparison.plots
    held = comparison.columns[comparison.reference].label
    if comparison.view.difference:
        per_frame = _chart(frames, levels=(Level(held, 0.0, "─"),), empty=_why_no_difference(comparison, held))
    else:
        per_frame = _chart(frames, empty=_EMPTY[frames.name])
    return {
        "frames": per_frame,
        "course": _chart(course, note=_faults(course, snapshots)),
        "tfr": _chart(forcing, bounds=(0.0, 1.0)),
        "beta": _chart(beta, bounds=(0.0, LEAST_BETA_SHOWN)),
    }


def _why_no_difference(comparison: Comparison, held: str) -> str:
    score = comparison.view.score
    scored = [any(getattr(run.evaluation, score, None) for run in column.runs) for column in comparison.columns]
    if not any(scored):
        return _EMPTY[score]
    return f"only {held} has these scores" if scored[comparison.reference] else f"{held} has no such scores"


def _chart(
    plot: Plot,
    *,
    bounds: tuple[float, float] | None = None,
    levels: tuple[Level, ...] = (),
    note: str = "",
    empty: str = ChartPlan.empty,
) -> ChartPlan:
    edges, lines = [], []
    for line in plot.lines:
        style = column_style(line.column) if line.column else _BASELINES[line.baseline]
        lines.append(Line(line.label, line.curve, style))
        edges += [Line("", edge, style.edge) for edge in (line.low, line.high) if edge is not None]
    return ChartPlan(plot.title, (*edges, *lines), levels, bounds, plot.x_label, note or plot.note, empty)


def _faults(plot: Plot, snapshots: Mapping[str, RunSnapshot]) -> str:
    """Where which run's loss first stopped being finite; of a group, its first run's."""
    assert plot.name in TERMS
    notes = []
    for line in plot.lines:
        if line.column is not None:
            history = snapshots[line.column.runs[0].run_id].history
            if note := fault_note(history, history.curve("step", plot.name)):
                notes.append(f"{column_style(line.column).sign} {note}")
    return "  ".join(notes)


def column_heads(comparison: Comparison) -> Sequence[tuple[str, LineStyle]]:
    """What to call each column, and its style; the reference is said to be it."""
    return [
        (f"{column.label} (ref)" if index == comparison.reference else column.label, column_style(column))
        for index, column in enumerate(comparison.columns)
    ]
