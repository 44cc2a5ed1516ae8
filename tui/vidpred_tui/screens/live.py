"""One run as it trains, or as it was: where it stands, its curves and the end of its log."""

from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from vidpred_engine.store.control import Request
from vidpred_engine.store.status import LIVE_STATES
from vidpred_tui.charts.planned_charts import Course, planned_course
from vidpred_tui.charts.run_charts import RUN_CHARTS, TITLES, run_charts
from vidpred_tui.charts.view import PAN, WHOLE, ZOOM, Span, View
from vidpred_tui.formatting import inert
from vidpred_tui.messages import (
    ControlRequested,
    FramesRequested,
    NewRunRequested,
    ResumeRequested,
    StopRequested,
    ViewChanged,
)
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.screens.chart_choice import ChartChoiceScreen
from vidpred_tui.screens.control import ControlScreen
from vidpred_tui.screens.runs import RESUMABLE_STATES
from vidpred_tui.snapshot import RunSnapshot
from vidpred_tui.widgets.chart_grid import ChartGrid
from vidpred_tui.widgets.cursor_chart import CursorChart
from vidpred_tui.widgets.find_line import FindInput, FindLine
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
        Binding("k", "control", "Ask"),
        Binding("right", "turn(1)", "Charts", key_display="→"),
        Binding("left", "turn(-1)", "Charts back", show=False),
        Binding("right", "move(1)", "Move", key_display="→"),
        Binding("left", "move(-1)", "Move back", show=False),
        Binding("z", "enlarge", "Large"),
        Binding("enter", "enlarge", "Large", show=False),
        Binding("v", "cursor", "Cursor"),
        Binding("plus", "zoom(1)", "Zoom", key_display="+"),
        Binding("equals_sign", "zoom(1)", "Zoom", show=False),
        Binding("slash", "search", "Find", key_display="/"),
        Binding("n", "match(1)", "Next"),
        Binding("N", "match(-1)", "Previous", key_display="N"),
        Binding("f", "frames", "Frames"),
        Binding("x", "axis", "X axis"),
        Binding("y", "log", "Log y"),
        Binding("m", "smooth(1)", "Smooth"),
        Binding("right_square_bracket", "smooth(1)", "Smooth", show=False),
        Binding("left_square_bracket", "smooth(-1)", "Smooth less", show=False),
        Binding("a", "choose", "Choose"),
        Binding("minus", "zoom(-1)", "Farther", key_display="-"),
        Binding("less_than_sign", "pan(-1)", "Earlier", key_display="<"),
        Binding("greater_than_sign", "pan(1)", "Later", key_display=">"),
        Binding("shift+left", "pan(-1)", "Earlier", show=False),
        Binding("shift+right", "pan(1)", "Later", show=False),
        Binding("0", "reset", "All steps"),
        Binding("d", "duplicate", "Copy"),
        Binding("tab", "select(1)", "Select a chart", show=False),
        Binding("shift+tab", "select(-1)", "Select a chart back", show=False),
    ]
    help_text = (
        "The whole history of a run; dots ahead of a curve are what is planned. A ✕ with a dotted line marks a step at"
        " which a value was not a number or infinite; the chart's title names the term. Lines across the PSNR chart are"
        " the two baselines. Left and right turn the pages of charts, or move the cursor while there is one: the titles"
        " tell the values there. Tab or a click selects a chart, which z shows alone; the wheel zooms. Smoothing ([ ]"
        " too) draws an average over ░, which goes from the least to the greatest value. k asks a run at work for a"
        " checkpoint, a validation or its end."
        " A large terminal shows what the newest validation predicted; f plays all of it."
        " Leaving the screen, quitting or losing the connection never stops a run."
    )

    def __init__(self, run_id: str, view: View = WHOLE) -> None:
        super().__init__()
        self.followed = (run_id,)
        self._run_id = run_id
        self._snapshot: RunSnapshot | None = None
        self._view = view.of_run(run_id)
        self._course = Course()
        self._course_of: tuple[object, ...] = ()
        self._pages = (0, 1)

    def compose(self) -> ComposeResult:
        """Header, charts, log and, on a large terminal, the newest prediction."""
        yield TitleBar(self._run_id)
        yield RunHeader(id="run-header")
        yield ChartGrid(TITLES, self._shown)
        yield FindLine()
        with Horizontal(id="below"):
            yield LogTailView(id="log")
            yield NewestStrip()
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin where the view was left."""
        self.query_one(ChartGrid).move(self._view.cursor)

    @property
    def _shown(self) -> tuple[str, ...]:
        """The names of the charts that are shown, in their order; names that nobody knows are passed over."""
        wanted = self._view.charts.split()
        return tuple(name for name in TITLES if name in wanted) or RUN_CHARTS

    def show_run(self, snapshot: RunSnapshot) -> None:
        """Bring everything up to date."""
        before, self._snapshot = self._snapshot, snapshot
        self.query_one(RunHeader).show(snapshot)
        self._draw_newest()
        self.query_one(LogTailView).show(snapshot.log)
        self.query_one(NewestStrip).show(snapshot.rollouts)
        if before is None or _shown_by_keys(before) != _shown_by_keys(snapshot):
            self.query_one(TitleBar).rename(snapshot.name)
            self.refresh_bindings()
        if before is not None and not before.history.is_sample:
            for answer in snapshot.history.answers[len(before.history.answers) :]:
                self.notify(inert(str(answer.get("text", ""))), markup=False)

    def _draw_newest(self) -> None:
        """Show what is new; a window that had the run's last step in sight moves on with it."""
        grid = self.query_one(ChartGrid)
        before = grid.logged
        self._draw()
        if before is not None and grid.logged is not None:
            self._look(self._view.followed(before[1], grid.logged[1]))

    def _draw(self, *, at_once: bool = False) -> None:
        """Show the charts as the view has them."""
        if self._snapshot is not None:
            charts = run_charts(self._snapshot, self._planned(self._snapshot), self._view)
            self.query_one(ChartGrid).show(charts, at_once=at_once)

    def _planned(self, snapshot: RunSnapshot) -> Course:
        """The planned course, worked out anew only where what it comes from has changed."""
        ends = snapshot.history.curve("epoch", "lr").steps
        first_end = float(ends[0]) + 1 if len(ends) else None
        comes_from = (id(snapshot.settings), snapshot.status.steps, first_end, snapshot.history.rate_factor)
        if snapshot.settings is not None and comes_from != self._course_of:
            self._course_of = comes_from
            self._course = planned_course(
                snapshot.settings, snapshot.status.steps, first_end, snapshot.history.rate_factor
            )
        return self._course

    @on(ChartGrid.Paged)
    def _note_page(self, message: ChartGrid.Paged) -> None:
        self._pages = (message.page, message.pages)
        self._tell_view()
        self.refresh_bindings()

    def _tell_view(self) -> None:
        page, pages = self._pages
        words = [f"charts {page + 1}/{pages}"] if pages > 1 else []
        self.query_one(TitleBar).show(" · ".join([*words, *self._view.words, self._run_id]))

    def _look(self, view: View) -> None:
        """Look at the run in another way."""
        if view == self._view:
            return
        before, self._view = self._view, view
        grid = self.query_one(ChartGrid)
        grid.choose(self._shown)
        grid.move(view.cursor)
        if replace(before, cursor=None) != replace(view, cursor=None):
            self._draw(at_once=True)
        self._tell_view()
        self.post_message(ViewChanged("live", view))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what the run's state rules out, and leave out what is of no use now."""
        state = self._snapshot.status.state if self._snapshot else ""
        is_gone = self._snapshot is not None and self._snapshot.is_gone
        match action:
            case "stop" | "control" | "resume" | "duplicate" | "frames" if is_gone:
                return None
            case "stop" | "control":
                return state in LIVE_STATES or None
            case "resume":
                return state in RESUMABLE_STATES or None
            case "turn":
                return self.is_mounted and self._view.cursor is None and self._pages[1] > 1
            case "move":
                return self.is_mounted and self._view.cursor is not None
            case "match":
                return self.is_mounted and self._is_searching
            case "pan" | "reset":
                return self._view.window is not None or None
            case "zoom" if parameters == (-1,):
                return self._view.window is not None or None
            case _:
                return True

    # The charts.

    def action_turn(self, by: int) -> None:
        """Show the next charts."""
        self.query_one(ChartGrid).turn(by)

    def action_move(self, by: int) -> None:
        """Move the cursor by a column."""
        grid = self.query_one(ChartGrid)
        if self._view.cursor is not None and (whole := grid.whole) is not None:
            first, last = self._view.window or whole
            moved = self._view.cursor + by * max(1.0, grid.current_chart.step_span)
            self._look(replace(self._view, cursor=float(round(min(max(moved, first), last)))))

    def action_cursor(self) -> None:
        """Put a cursor on the last step in sight that is logged, or take it away."""
        logged = self.query_one(ChartGrid).logged
        if self._view.cursor is not None:
            self._look_at(replace(self._view, cursor=None))
        elif logged is not None:
            first, last = self._view.window or logged
            self._look_at(replace(self._view, cursor=float(round(min(max(first, logged[1]), last)))))

    def action_zoom(self, by: int) -> None:
        """Look nearer about the cursor, else the middle; or from farther off."""
        self._zoom(by, self._view.cursor)

    @on(CursorChart.Wheeled)
    def _zoom_there(self, message: CursorChart.Wheeled) -> None:
        self._zoom(message.by, message.step)

    def _zoom(self, by: int, about: float | None) -> None:
        grid = self.query_one(ChartGrid)
        shown, whole = self._view.window or grid.logged, grid.whole
        if shown is not None and whole is not None:
            if self._view.window is None and about is not None:
                shown = min(shown[0], about), max(shown[1], about)
            self._look_at(self._view.zoomed(ZOOM**by, shown, whole, about))

    def action_pan(self, by: int) -> None:
        """Look at earlier or later steps."""
        whole: Span | None = self.query_one(ChartGrid).whole
        if self._view.window is not None and whole is not None:
            self._look_at(self._view.panned(by * PAN, self._view.window, whole))

    def action_reset(self) -> None:
        """Look at all steps."""
        self._look_at(replace(self._view, window=None))

    def _look_at(self, view: View) -> None:
        self._look(view)
        self.refresh_bindings()

    def action_axis(self) -> None:
        """Tell steps as epochs or times."""
        self._look(self._view.next_axis())

    def action_log(self) -> None:
        """Draw values by their powers of ten, or as they are."""
        self._look(replace(self._view, log=not self._view.log))

    def action_smooth(self, by: int) -> None:
        """Average more, or less."""
        self._look(self._view.smoothed(by))

    def action_select(self, by: int) -> None:
        """Select another chart."""
        self.query_one(ChartGrid).select_next(by)

    @on(CursorChart.Clicked)
    def _select_it(self, message: CursorChart.Clicked) -> None:
        self.query_one(ChartGrid).select((message.chart.id or "").removeprefix("chart-"))
        if self._view.cursor is not None and message.step is not None:
            self._look(replace(self._view, cursor=float(round(message.step))))

    def action_enlarge(self) -> None:
        """Show the selected chart alone, or all again."""
        grid = self.query_one(ChartGrid)
        grid.enlarge(not grid.is_single)

    def action_choose(self) -> None:
        """Add and remove charts."""

        def keep(names: tuple[str, ...] | None) -> None:
            if names:
                self._look(replace(self._view, charts="" if names == RUN_CHARTS else " ".join(names)))

        self.app.push_screen(ChartChoiceScreen(TITLES, self._shown), keep)

    def action_leave(self) -> None:
        """End the search, else show all charts again, else go back."""
        if self._is_searching:
            self._end_search()
        elif self.query_one(ChartGrid).is_single:
            self.query_one(ChartGrid).enlarge(False)
        else:
            super().action_leave()

    # The log.

    @property
    def _is_searching(self) -> bool:
        return self.has_class("-searching")

    def action_search(self) -> None:
        """Look for words in the log."""
        self.add_class("-searching")
        self.query_one(FindLine).open("in the log; Esc ends it")
        self.refresh_bindings()

    @on(FindLine.Typed)
    def _look_for(self, message: FindLine.Typed) -> None:
        if self._is_searching:  # someone who types fast has left it already
            self.query_one(LogTailView).look_for(message.words)
            self._tell_matches()

    @on(FindInput.Left)
    def _leave_search(self, message: FindInput.Left) -> None:
        self.set_focus(None)
        if not message.words:
            self._end_search()

    def action_match(self, by: int) -> None:
        """Go to another line with the words."""
        self.query_one(LogTailView).go(by)
        self._tell_matches()

    def _tell_matches(self) -> None:
        number, count = self.query_one(LogTailView).position
        self.query_one(FindLine).say(f"{number} of {count} lines: n N" if count else "in no line")

    def _end_search(self) -> None:
        self.remove_class("-searching")
        self.set_focus(None)
        self.query_one(FindLine).close()
        self.query_one(LogTailView).look_for("")
        self.refresh_bindings()

    # The run.

    def action_stop(self) -> None:
        """Ask for the run to save and leave."""
        self.post_message(StopRequested((self._run_id,)))

    def action_control(self) -> None:
        """Ask the run at work for something."""

        def ask(request: Request | None) -> None:
            if request is not None:
                self.post_message(ControlRequested(self._run_id, request))

        if self._snapshot is not None:
            self.app.push_screen(ControlScreen(self._snapshot.name, self._snapshot.history.answers), ask)

    def action_resume(self) -> None:
        """Let the run go on."""
        self.post_message(ResumeRequested(self._run_id))

    def action_duplicate(self) -> None:
        """Edit the run's settings for a new one."""
        self.post_message(NewRunRequested(self._run_id))

    def action_frames(self) -> None:
        """Show what the run predicts, frame by frame."""
        self.post_message(FramesRequested((self._run_id,)))


def _shown_by_keys(snapshot: RunSnapshot) -> tuple[object, ...]:
    return snapshot.status.state, snapshot.name, snapshot.is_gone
