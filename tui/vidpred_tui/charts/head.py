"""The rows above a chart: its title with the value, what is wrong with it, and what its signs mean."""

from textual.content import Content

from vidpred_engine.curve import Curve
from vidpred_tui.charts.plan import ChartPlan


def head(plan: ChartPlan, width: int, cursor: float | None = None, remark: str = "") -> list[Content]:
    """The title row with note and remark, and the legend on the same row where it fits, else on rows below.

    The values are those logged nearest to the cursor, or the last ones without it.
    """

    def valued(name: str, curve: Curve) -> str:
        written = plan.figure(curve.at(cursor)) if plan.figure and len(curve) else ""
        return f"{name} {written}".strip()

    is_alone = bool(plan.lines) and not plan.lines[0].label
    title = Content.styled(valued(plan.title, plan.lines[0].curve) if is_alone else plan.title, "bold")
    if plan.note:
        title = title + Content.styled(f"  {plan.note}", "bold $text-error")
    if remark:
        title = title + Content.styled(f"  {remark}", "$text-warning")
    labelled = [line for line in plan.lines if line.label]
    entries = [_entry(line.style.sign, valued(line.label, line.curve), line.style.hex) for line in labelled]
    entries += [_entry(level.character, level.label, "$foreground-muted") for level in plan.levels]
    rows = [title]
    for index, entry in enumerate(entries):
        gap = Content("  " if index == 0 else " ")
        if rows[-1].cell_length + gap.cell_length + entry.cell_length <= width:
            rows[-1] = rows[-1] + gap + entry
        else:
            rows.append(entry)
    return [row.truncate(width, ellipsis=True) for row in rows]


def _entry(sign: str, label: str, colour: str) -> Content:
    return Content.styled(sign, colour) + Content(f" {label}")
