"""A comparison as text: CSV and JSON with every number, Markdown and LaTeX to read."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from vidpred_engine.comparison.compare import Comparison
from vidpred_engine.comparison.plots import Plot, PlotLine
from vidpred_engine.comparison.table import Cell, Row
from vidpred_engine.curve import Curve, thin
from vidpred_engine.inert import inert
from vidpred_engine.store.evaluations import Evaluation
from vidpred_engine.wording import metric

CSV_COLUMNS = ("part", "name", "x", "run", "label", "value", "sd", "n", "delta", "low", "high")
MARKDOWN_ROWS = 21
"""So many places of each chart stand in a Markdown table, evenly spaced."""
LATEX_SPANS = 100
"""A LaTeX curve keeps the least and the greatest value in so many spans: TeX reads few more in reasonable time."""
_PROVENANCE = ("split", "clip", "z_mode", "samples", "seed", "checkpoint", "step", "weights", "data_digest")


def comparison_values(comparison: Comparison) -> dict[str, Any]:
    """All that a comparison holds as plain values; what belongs to columns is listed in their order."""
    columns, tables = comparison.columns, [*comparison.settings, *comparison.figures]
    return {
        "view": asdict(comparison.view),
        "names": [column.label for column in columns],
        "run_ids": [column.runs[0].run_id for column in columns],
        "groups": [[run.run_id for run in column.runs] for column in columns],
        "reference": comparison.reference,
        "settings": {row.name: [cell.value for cell in row.cells] for row in comparison.settings},
        "figures": {row.name: [cell.value for cell in row.cells] for row in comparison.figures},
        "sd": _rows_with(comparison.figures, lambda cell: cell.sd),
        "deltas": _rows_with(comparison.figures, lambda cell: cell.delta),
        "written": {row.label: [cell.text for cell in row.cells] for row in tables},
        "provenance": {
            run.run_id: _provenance(run.evaluation) for column in columns for run in column.runs if run.evaluation
        },
        "curves": {plot.name: _plot_values(plot) for plot in comparison.plots},
    }


def _rows_with(rows: Sequence[Row], part: Callable[[Cell], float | None]) -> dict[str, list[float | None]]:
    found = {row.name: [part(cell) for cell in row.cells] for row in rows}
    return {name: values for name, values in found.items() if any(value is not None for value in values)}


def _provenance(evaluation: Evaluation) -> dict[str, Any]:
    return {name: getattr(evaluation, name) for name in _PROVENANCE}


def _plot_values(plot: Plot) -> dict[str, Any]:
    lines = [
        {
            "label": line.label,
            "runs": [run.run_id for run in line.column.runs] if line.column else [],
            "baseline": line.baseline,
            plot.x_label: line.curve.steps.tolist(),
            "values": line.curve.values.tolist(),
            "low": line.low.values.tolist() if line.low else None,
            "high": line.high.values.tolist() if line.high else None,
        }
        for line in plot.lines
    ]
    return {"title": plot.title, "note": plot.note, "lines": lines}


def comparison_csv(comparison: Comparison) -> str:
    """One value a row, so that any program can pick: settings, figures, then each point of each curve."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for part, rows in (("setting", comparison.settings), ("figure", comparison.figures)):
        for row in rows:
            for column, cell in zip(comparison.columns, row.cells, strict=True):
                ids = " ".join(run.run_id for run in column.runs)
                numbers = {"value": cell.value, "sd": cell.sd, "n": cell.n, "delta": cell.delta}
                writer.writerow({"part": part, "name": row.name, "run": ids, "label": column.label, **numbers})
    for plot in comparison.plots:
        for line in plot.lines:
            writer.writerows(_points(plot, line))
    return text.getvalue()


def _points(plot: Plot, line: PlotLine) -> list[dict[str, Any]]:
    ids = " ".join(run.run_id for run in line.column.runs) if line.column else line.baseline
    shared = {"part": "curve", "name": plot.name, "run": ids, "label": line.label}
    rows = [
        {**shared, "x": f"{x:.0f}", "value": value}
        for x, value in zip(line.curve.steps.tolist(), line.curve.values.tolist(), strict=True)
    ]
    if line.low is not None and line.high is not None:
        for row, low, high in zip(rows, line.low.values.tolist(), line.high.values.tolist(), strict=True):
            row |= {"low": low, "high": high}
    return rows


def comparison_markdown(comparison: Comparison) -> str:
    """Both tables, then each chart at a few evenly spaced places."""
    labels = [column.label for column in comparison.columns]
    parts = ["# Comparison\n", f"{comparison.provenance} {_held_against(comparison)}\n"]
    for title, rows in (("Settings that differ", comparison.settings), ("Figures", comparison.figures)):
        table = _markdown_table(["", *labels], [[row.label, *(cell.text for cell in row.cells)] for row in rows])
        parts += [f"## {title}\n", table if rows else "All settings are the same.\n"]
    for plot in comparison.plots:
        if plot.lines:
            parts += [f"## {_one_line(plot.title)}\n", _markdown_curves(plot)]
            parts += [f"{plot.note.capitalize()}.\n"] if plot.note else []
    return "\n".join(parts)


def _held_against(comparison: Comparison) -> str:
    said = f"In brackets: the difference to {comparison.columns[comparison.reference].label}."
    grouped = any(len(column.runs) > 1 for column in comparison.columns)
    return f"{said} Groups: mean ± standard deviation over runs of different seeds." if grouped else said


def _markdown_curves(plot: Plot) -> str:
    places = sorted({x for line in plot.lines for x in line.curve.steps.tolist()})
    shown = [places[index * (len(places) - 1) // (MARKDOWN_ROWS - 1)] for index in range(MARKDOWN_ROWS)]
    found = [dict(zip(line.curve.steps.tolist(), line.curve.values.tolist(), strict=True)) for line in plot.lines]
    rows = [[f"{x:.0f}", *(metric(values.get(x)) for values in found)] for x in dict.fromkeys(shown)]
    return _markdown_table([plot.x_label, *(line.label for line in plot.lines)], rows)


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "".join("| " + " | ".join(map(_one_line, line)) + " |\n" for line in lines)


def _one_line(text: str) -> str:
    return inert(text).replace("\\", "\\\\").replace("|", "\\|")


def comparison_latex(comparison: Comparison) -> str:
    """Both tables and a pgfplots axis a chart, to be included in a document."""
    labels = [column.label for column in comparison.columns]
    parts = [
        "% In the preamble: \\usepackage{pgfplots} \\pgfplotsset{compat=1.15}",
        f"% {inert(comparison.provenance)} {inert(_held_against(comparison))}",
    ]
    for rows in (comparison.settings, comparison.figures):
        if rows:
            parts.append(_tabular(labels, rows))
    parts += [_axis(plot) for plot in comparison.plots if plot.lines]
    return "\n".join(parts) + "\n"


def _tabular(labels: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [["", *labels], *([row.label, *(cell.text for cell in row.cells)] for row in rows)]
    written = [" & ".join(map(_latex, line)) + " \\\\" for line in lines]
    body = "\n".join([written[0], "\\hline", *written[1:]])
    return f"\\begin{{tabular}}{{l{'r' * len(labels)}}}\n{body}\n\\end{{tabular}}\n"


def _axis(plot: Plot) -> str:
    labels = f"xlabel={{{plot.x_label}}}, ylabel={{{_latex(plot.title)}}}"
    head = f"{labels}, legend pos=outer north east, unbounded coords=jump"
    lines = [f"\\begin{{tikzpicture}}\n\\begin{{axis}}[{head}]"]
    for line in plot.lines:
        style = "dashed, gray, mark=none" if line.baseline else "mark=none"
        lines.append(f"\\addplot+[{style}] coordinates {{{_coordinates(line.curve)}}};")
        lines.append(f"\\addlegendentry{{{_latex(line.label)}}}")
    return "\n".join([*lines, "\\end{axis}\n\\end{tikzpicture}\n"])


def _coordinates(curve: Curve) -> str:
    thinned = thin(curve, LATEX_SPANS, float(curve.steps[0]), float(curve.steps[-1]))
    return " ".join(f"({x:.0f},{value:.6g})" for x, value in zip(thinned.steps, thinned.values, strict=True))


_ESCAPED = {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "±": "$\\pm$",
    "·": "--",
    "∞": "$\\infty$",
    "<": "$<$",
    ">": "$>$",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def _latex(text: str) -> str:
    """Text in which TeX reads nothing as a command; signs of states, which its fonts lack, are left out."""
    escaped = "".join(_ESCAPED.get(character, character) for character in inert(text))
    return "".join(character for character in escaped if character not in "○◌●‖✓■✗").strip()
