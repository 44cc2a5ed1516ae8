"""A comparison whole: tables and curves of runs in one view."""

from collections.abc import Sequence
from dataclasses import dataclass

from vidpred_engine.comparison.plots import Plot, plots_of
from vidpred_engine.comparison.runs import ComparedRun
from vidpred_engine.comparison.table import Row, figure_rows, settings_rows
from vidpred_engine.comparison.view import Column, View, columns_of, reference_of


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a view shows of runs; `reference` is the place of its column."""

    view: View
    columns: list[Column]
    reference: int
    settings: list[Row]
    figures: list[Row]
    plots: list[Plot]

    @property
    def provenance(self) -> str:
        """Where the scores come from, in one line; what several runs share stands once."""
        evaluated = [run.evaluation for column in self.columns for run in column.runs if run.evaluation is not None]
        if not evaluated:
            return "No run has been evaluated yet."
        facts = [f"{item.split} clip {item.clip}" for item in evaluated] + [f"z {item.z_mode}" for item in evaluated]
        facts += [f"{item.checkpoint} checkpoint" for item in evaluated]
        facts += [f"{len(item.psnr)} frames" for item in evaluated]
        return "Per frame: " + ", ".join(dict.fromkeys(facts)) + "."


def compare(runs: Sequence[ComparedRun], view: View) -> Comparison:
    """Compare runs; raises UserError where the reference is none of them."""
    columns = columns_of(runs, group_seeds=view.group_seeds)
    reference = reference_of(columns, view.reference)
    return Comparison(
        view,
        columns,
        reference,
        settings_rows(columns),
        figure_rows(columns, reference, view.score),
        plots_of(columns, reference, view),
    )
