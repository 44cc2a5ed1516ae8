"""Runs side by side: what differs in their settings, what came of it, and their curves on one chart."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static, Tab, Tabs

from vidpred_tui.charts.compare_charts import beta_overlay, forcing_overlay
from vidpred_tui.charts.plan import ChartPlan
from vidpred_tui.comparison import final_metrics, loss_overlay, psnr_overlay, settings_that_differ
from vidpred_tui.messages import FramesRequested
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.theme import run_style
from vidpred_tui.widgets.chart import Chart
from vidpred_tui.widgets.compare_table import CompareTable
from vidpred_tui.widgets.key_footer import KeyFooter
from vidpred_tui.widgets.title_bar import TitleBar

PANES = {
    "settings": "Settings",
    "metrics": "Metrics",
    "loss": "Loss",
    "tfr": "TFR",
    "beta": "beta",
    "psnr": "PSNR per frame",
}
TERMS = ("loss", "mse", "kl")


class CompareScreen(VidpredScreen):
    """Two or more runs; a large terminal shows all panes at once, a smaller one a tab at a time."""

    CSS_PATH = "compare.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual declares it on the instance
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]  # noqa: RUF012 - Textual declares it on the instance
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "turn_terms", "Loss, MSE, KL"),
        Binding("f", "frames", "Frames"),
        Binding("tab", "turn(1)", "Next", key_display="tab"),
        Binding("shift+tab", "turn(-1)", "Previous", show=False),
    ]
    help_text = (
        "Settings shows only what differs. Metrics are those of the last epoch; PSNR is the mean over the validation"
        " rollout. Each run has the same sign and colour in all tables and charts; f and m mark the two baselines,"
        " repeating the first frame and the mean training frame. t shows the terms of the loss: losses under different"
        " betas cannot be compared, their MSE can."
    )

    def __init__(self, run_ids: tuple[str, ...]) -> None:
        super().__init__()
        self.followed = run_ids
        self._styles = [run_style(index) for index in range(len(run_ids))]
        self._snapshots: dict[str, RunSnapshot] = {}
        self._term = TERMS[0]

    def compose(self) -> ComposeResult:
        """Tabs over the panes; a large terminal lays them out in two columns, what shares its steps at the right."""
        yield TitleBar("Compare")
        yield Tabs(*(Tab(label, id=f"tab-{name}") for name, label in PANES.items()), id="tabs")
        with Container(id="panes"):
            with Container(id="pane-settings"):
                yield CompareTable("setting", id="compare-settings")
                yield Static("All settings are the same.", id="no-difference")
            with Container(id="pane-loss"):
                yield Chart(ChartPlan("loss"), id="chart-compare-loss")
            with Container(id="pane-metrics"):
                yield CompareTable("metric", id="compare-metrics")
            with Container(id="pane-tfr"):
                yield Chart(ChartPlan("TFR"), id="chart-compare-tfr")
            with Container(id="pane-psnr"):
                yield Chart(ChartPlan("PSNR dB"), id="chart-compare-psnr")
            with Container(id="pane-beta"):
                yield Chart(ChartPlan("beta"), id="chart-compare-beta")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Say how many runs there are."""
        self.query_one(TitleBar).show(f"{len(self.followed)} runs")

    def show_run(self, snapshot: RunSnapshot) -> None:
        """Draw anew what the run takes part in, as soon as all runs have been read once."""
        self._snapshots[snapshot.run_id] = snapshot
        snapshots = self._in_order()
        if not snapshots:
            return
        names = [item.name for item in snapshots]
        different = settings_that_differ(snapshots)
        self.query_one("#compare-settings", CompareTable).show(names, self._styles, different)
        self.query_one("#no-difference").display = not different
        self.query_one("#compare-metrics", CompareTable).show(names, self._styles, final_metrics(snapshots))
        self.query_one("#chart-compare-loss", Chart).show(loss_overlay(snapshots, self._styles, self._term))
        self.query_one("#chart-compare-tfr", Chart).show(forcing_overlay(snapshots, self._styles))
        self.query_one("#chart-compare-beta", Chart).show(beta_overlay(snapshots, self._styles))
        self.query_one("#chart-compare-psnr", Chart).show(psnr_overlay(snapshots, self._styles))

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

    def action_turn_terms(self) -> None:
        """Show the next term of the loss."""
        self._term = TERMS[(TERMS.index(self._term) + 1) % len(TERMS)]
        if snapshots := self._in_order():
            self.query_one("#chart-compare-loss", Chart).show(loss_overlay(snapshots, self._styles, self._term))

    def _in_order(self) -> list[RunSnapshot]:
        """The runs' snapshots in the order of their styles, none while one is missing."""
        if self._snapshots.keys() < set(self.followed):
            return []
        return [self._snapshots[run_id] for run_id in self.followed]

    def action_frames(self) -> None:
        """Show what the runs predict, frame by frame."""
        self.post_message(FramesRequested(self.followed))
