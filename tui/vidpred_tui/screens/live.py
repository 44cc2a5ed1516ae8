"""One run as it trains, or as it was: where it stands, its curves and the end of its log."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from vidpred_engine.store.status import LIVE_STATES
from vidpred_tui.charts.run_charts import RUN_CHARTS, run_charts
from vidpred_tui.messages import FramesRequested, NewRunRequested, ResumeRequested, StopRequested
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.screens.runs import RESUMABLE_STATES
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.widgets.chart_grid import ChartGrid
from vidpred_tui.widgets.key_footer import KeyFooter
from vidpred_tui.widgets.log_tail import LogTailView
from vidpred_tui.widgets.newest_strip import NewestStrip
from vidpred_tui.widgets.run_header import RunHeader
from vidpred_tui.widgets.title_bar import TitleBar


class LiveScreen(VidpredScreen):
    """Follows one run; leaving it, or quitting, leaves the run alone."""

    CSS_PATH = "live.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual declares it on the instance
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-medium"), (36, "-tall")]  # noqa: RUF012 - Textual declares it on the instance
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop"),
        Binding("r", "resume", "Resume"),
        Binding("d", "duplicate", "Copy"),
        Binding("f", "frames", "Frames"),
        Binding("right,tab", "turn(1)", "Charts", key_display="→"),
        Binding("left,shift+tab", "turn(-1)", "Charts back", show=False),
    ]
    help_text = (
        "The whole history of a run. A ✕ with a dotted line marks a step at which a value was not a number or infinite;"
        " the chart's title names the term. Lines across the PSNR chart are the two baselines. Left and right turn the"
        " pages of charts. A large terminal shows what the newest validation predicted; f plays all of it."
        " Leaving the screen, quitting or losing the connection never stops a run."
    )

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.followed = (run_id,)
        self._run_id = run_id
        self._snapshot: RunSnapshot | None = None

    def compose(self) -> ComposeResult:
        """Header, charts, log and, on a large terminal, the newest prediction."""
        yield TitleBar(self._run_id)
        yield RunHeader(id="run-header")
        yield ChartGrid(RUN_CHARTS)
        with Horizontal(id="below"):
            yield LogTailView(id="log")
            yield NewestStrip()
        yield KeyFooter()

    def show_run(self, snapshot: RunSnapshot) -> None:
        """Bring everything up to date."""
        before, self._snapshot = self._snapshot, snapshot
        self.query_one(RunHeader).show(snapshot)
        self.query_one(ChartGrid).show(run_charts(snapshot))
        self.query_one(LogTailView).show(snapshot.log)
        self.query_one(NewestStrip).show(snapshot.rollouts)
        if before is None or (before.status.state, before.name) != (snapshot.status.state, snapshot.name):
            self.query_one(TitleBar).rename(snapshot.name)
            self.refresh_bindings()

    @on(ChartGrid.Paged)
    def _show_page(self, message: ChartGrid.Paged) -> None:
        page = f"charts {message.page + 1}/{message.pages} · " if message.pages > 1 else ""
        self.query_one(TitleBar).show(f"{page}{self._run_id}")
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Grey out what the run's state rules out."""
        state = self._snapshot.status.state if self._snapshot else ""
        match action:
            case "stop":
                return state in LIVE_STATES or None
            case "resume":
                return state in RESUMABLE_STATES or None
            case "turn":
                return self.is_mounted and self.query_one(ChartGrid).pages > 1
            case _:
                return True

    def action_turn(self, by: int) -> None:
        """Show the next or the previous charts."""
        self.query_one(ChartGrid).turn(by)

    def action_stop(self) -> None:
        """Ask for the run to save and leave."""
        self.post_message(StopRequested((self._run_id,)))

    def action_resume(self) -> None:
        """Let the run go on."""
        self.post_message(ResumeRequested(self._run_id))

    def action_duplicate(self) -> None:
        """Edit the run's settings for a new one."""
        self.post_message(NewRunRequested(self._run_id))

    def action_frames(self) -> None:
        """Show what the run predicts, frame by frame."""
        self.post_message(FramesRequested((self._run_id,)))
