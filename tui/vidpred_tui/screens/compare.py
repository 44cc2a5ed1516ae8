"""Runs side by side: what differs in their settings, what came of it, and their curves on one chart."""

import asyncio
import shlex
import time
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static, Tab, Tabs

from vidpred_engine.comparison.compare import Comparison, compare
from vidpred_engine.comparison.view import SCORES, TERMS, View
from vidpred_tui import prompts
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.comparison import column_heads, column_style, compared_run, comparison_charts
from vidpred_tui.keeping import comparison_command
from vidpred_tui.messages import FramesRequested, ViewChanged
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.screens.prompt import PromptScreen
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.compare_table import CompareTable
from vidpred_tui.widgets.key_footer import KeyFooter
from vidpred_tui.widgets.title_bar import TitleBar

PANES = {
    "settings": "Settings",
    "metrics": "Metrics",
    "frames": "Per frame",
    "course": "Loss",
    "tfr": "TFR",
    "beta": "beta",
}
CHARTS = ("frames", "course", "tfr", "beta")
FEWEST = 2
# Comparing anew takes some milliseconds a run, and every run that trains has news five times a second.
LEAST_REST_SECONDS = 0.2
# Comparing a hundred runs takes a tenth of a second; keys must not wait for it all the time.
REST = 5


class CompareScreen(VidpredScreen):
    """Two or more runs; a large terminal shows all panes at once, a smaller one a tab at a time."""

    CSS_PATH = "compare.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual declares it on the instance
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]  # noqa: RUF012 - Textual declares it on the instance
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "refer(1)", "Reference"),
        Binding("R", "refer(-1)", "Reference back", key_display="R", show=False),
        Binding("g", "group", "Seeds"),
        Binding("m", "turn_score", "PSNR, SSIM"),
        Binding("d", "difference", "Difference"),
        Binding("t", "turn_terms", "Loss, MSE, KL"),
        Binding("x", "export", "Export"),
        Binding("f", "frames", "Frames"),
        Binding("tab", "turn(1)", "Next", key_display="tab"),
        Binding("shift+tab", "turn(-1)", "Previous", show=False),
    ]
    help_text = (
        "Settings shows only what differs. Metrics are those of the last epoch, in brackets the difference to the"
        " reference, which r or a click on a head chooses. PSNR and SSIM are means over the validation rollout;"
        " 'below ... from frame 37' is the first frame below that baseline behind which no mean over 10 frames reaches"
        " it again.\n\n"
        "g makes one column of runs that differ in their seeds alone: mean ± standard deviation, and curves as the"
        " mean between the least and the greatest. m turns between PSNR and SSIM frame by frame, d shows it as the"
        " difference to the reference. Each run has the same sign and colour in all tables and charts; f and m mark"
        " the two baselines, repeating the first frame and the mean training frame. t shows the terms of the loss:"
        " losses under different betas cannot be compared, their MSE can.\n\n"
        "x writes this view as .csv, .json, .md, .tex, .png or .svg, as `vidpred-engine runs compare --out` does."
    )

    def __init__(self, runs: Path, run_ids: tuple[str, ...], view: View) -> None:
        super().__init__()
        self._runs = runs
        self.followed = run_ids
        self.view = view
        self.comparison: Comparison | None = None
        self._snapshots: dict[str, RunSnapshot] = {}
        self._rests_until = 0.0
        self._due: asyncio.TimerHandle | None = None

    def compose(self) -> ComposeResult:
        """Tabs over the panes; a large terminal lays them out in two columns, what shares its steps at the right."""
        yield TitleBar("Compare")
        yield Tabs(*(Tab(label, id=f"tab-{name}") for name, label in PANES.items()), id="tabs")
        with Container(id="panes"):
            with Container(id="pane-settings"):
                yield CompareTable("setting", id="compare-settings")
                yield Static("All settings are the same.", id="no-difference")
            with Container(id="pane-course"):
                yield Chart(ChartPlan("loss"), id="chart-course")
            with Container(id="pane-metrics"):
                yield CompareTable("metric", id="compare-metrics")
            with Container(id="pane-tfr"):
                yield Chart(ChartPlan("TFR"), id="chart-tfr")
            with Container(id="pane-frames"):
                yield Chart(ChartPlan("PSNR dB"), id="chart-frames")
            with Container(id="pane-beta"):
                yield Chart(ChartPlan("beta"), id="chart-beta")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Say how many runs there are."""
        self.query_one(TitleBar).show(f"{len(self.followed)} runs")

    def show_run(self, snapshot: RunSnapshot) -> None:
        """Compare anew, as soon as all runs have been read once, and no more with one that was deleted."""
        if snapshot.is_gone and snapshot.run_id in self.followed:
            self._leave_out(snapshot)
        self._snapshots[snapshot.run_id] = snapshot
        if self._due is None and self._snapshots.keys() >= set(self.followed):
            wait = max(0.0, self._rests_until - time.monotonic())
            self._due = asyncio.get_running_loop().call_later(wait, self._compare)

    def _leave_out(self, gone: RunSnapshot) -> None:
        self.followed = tuple(run_id for run_id in self.followed if run_id != gone.run_id)
        if self.view.reference == gone.run_id:
            self.view = replace(self.view, reference="")
        self.notify(f"{gone.name} was deleted and is compared no more.", severity="warning", markup=False)
        if len(self.followed) < FEWEST and self.is_current:
            self.action_leave()

    def _compare(self, *, at_once: bool = False) -> None:
        self._due = None
        if not self.is_attached or len(self.followed) < FEWEST or not self._snapshots.keys() >= set(self.followed):
            return
        began = time.monotonic()
        compared = compare([compared_run(self._snapshots[run_id]) for run_id in self.followed], self.view)
        self.comparison = compared
        heads = column_heads(compared)
        self.query_one("#compare-settings", CompareTable).show(heads, compared.settings)
        self.query_one("#no-difference").display = not compared.settings
        self.query_one("#compare-metrics", CompareTable).show(heads, compared.figures)
        for name, plan in comparison_charts(compared, self._snapshots).items():
            self.query_one(f"#chart-{name}", Chart).show(plan, at_once=at_once)
        self.query_one(TitleBar).show(self._described(compared))
        ended = time.monotonic()
        self._rests_until = ended + max(LEAST_REST_SECONDS, REST * (ended - began))

    def _described(self, compared: Comparison) -> str:
        reference = compared.columns[compared.reference]
        unfair = [plot.note for plot in compared.plots if plot.name in SCORES and plot.note]
        facts = [*unfair, f"{len(self.followed)} runs", f"reference {column_style(reference).sign} {reference.label}"]
        return " · ".join([*facts, "grouped over seeds"] if self.view.group_seeds else facts)

    @property
    def clipping(self) -> str:
        """The command that prints this view."""
        return shlex.join(["vidpred-engine", *comparison_command(self._runs, self.followed, self.view)])

    def _look(self, view: View) -> None:
        """Show another view of the same runs."""
        self.view = view
        self.post_message(ViewChanged("compare", replace(view, reference="")))
        self._compare(at_once=True)

    @on(Tabs.TabActivated)
    def _show_pane(self, message: Tabs.TabActivated) -> None:
        for name in PANES:
            self.query_one(f"#pane-{name}").set_class(message.tab.id == f"tab-{name}", "-active")
        table = {"tab-settings": "#compare-settings", "tab-metrics": "#compare-metrics"}.get(message.tab.id or "")
        self.set_focus(self.query_one(table) if table else None)

    def action_turn(self, by: int) -> None:
        """Show the next or the previous pane."""
        tabs = self.query_one(Tabs)
        if by > 0:
            tabs.action_next_tab()
        else:
            tabs.action_previous_tab()

    @on(CompareTable.HeadClicked)
    def _refer_to(self, message: CompareTable.HeadClicked) -> None:
        if self.comparison is not None:
            self._look(replace(self.view, reference=self.comparison.columns[message.column].runs[0].run_id))

    def action_refer(self, by: int) -> None:
        """Hold the runs against the next column, or the one before."""
        if self.comparison is not None:
            columns = self.comparison.columns
            chosen = columns[(self.comparison.reference + by) % len(columns)]
            self._look(replace(self.view, reference=chosen.runs[0].run_id))

    def action_group(self) -> None:
        """Make one column of runs that differ in their seeds alone, or show each again."""
        self._look(replace(self.view, group_seeds=not self.view.group_seeds))

    def action_turn_score(self) -> None:
        """Show SSIM frame by frame, or PSNR again."""
        self._look(replace(self.view, score=SCORES[(SCORES.index(self.view.score) + 1) % len(SCORES)]))

    def action_difference(self) -> None:
        """Show the difference to the reference frame by frame, or the scores again."""
        self._look(replace(self.view, difference=not self.view.difference))

    def action_turn_terms(self) -> None:
        """Show the next term of the loss."""
        self._look(replace(self.view, term=TERMS[(TERMS.index(self.view.term) + 1) % len(TERMS)]))

    def action_export(self) -> None:
        """Write this view to a file."""
        prompt = prompts.export_comparison(self.followed, self.view)

        def answered(answer: str | None) -> None:
            if answer is not None:
                self.post_message(prompt.wish(answer))

        self.app.push_screen(PromptScreen(prompt), answered)

    def action_frames(self) -> None:
        """Show what the runs predict, frame by frame."""
        self.post_message(FramesRequested(self.followed))
