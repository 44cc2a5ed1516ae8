"""Home: all runs of the folder, live."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container

from vidpred_engine.store.codec import number
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.status import LIVE_STATES
from vidpred_tui.messages import ComparisonRequested, NewRunRequested, ResumeRequested, RunOpened, StopRequested
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.widgets.empty_runs import EmptyRuns
from vidpred_tui.widgets.key_footer import KeyFooter
from vidpred_tui.widgets.run_detail import RunDetail
from vidpred_tui.widgets.run_table import RunTable
from vidpred_tui.widgets.title_bar import TitleBar

RESUMABLE_STATES = ("queued", "stopped", "failed", "lost")


class RunsScreen(VidpredScreen):
    """Lists runs, and starts, opens, stops, resumes and compares them."""

    CSS_PATH = "runs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New"),
        Binding("d", "duplicate", "Copy"),
        Binding("s", "stop", "Stop"),
        Binding("r", "resume", "Resume"),
        Binding("c", "compare", "Compare"),
    ]
    help_text = (
        "All runs of the folder, newest first. PSNR is the mean over the validation rollout in dB; base is the better"
        " of two baselines (repeat the first frame, repeat the mean training frame); ▲ and ▼ say whether the model"
        " beats it. Quitting never stops a run."
    )

    def __init__(self, runs: Path, demo_summary: str) -> None:
        super().__init__()
        self._runs = runs
        self._demo_summary = demo_summary
        self._entries: tuple[RunEntry, ...] = ()

    def compose(self) -> ComposeResult:
        """The table, hidden behind the offer of a demo while there is no run."""
        yield TitleBar("Runs")
        with Container(id="runs-body"):
            yield RunTable(id="runs")
            yield EmptyRuns(str(self._runs), self._demo_summary, id="empty")
        yield RunDetail(id="detail")
        yield KeyFooter()

    def show_runs(self, entries: Sequence[RunEntry]) -> None:
        """Bring the table up to date."""
        self._entries = tuple(entries)
        table, empty = self.query_one(RunTable), self.query_one(EmptyRuns)
        table.show(self._entries)
        table.display, empty.display = bool(entries), not entries
        self.query_one("#runs-body").set_class(not entries, "-empty")
        if self.focused is None or not self.focused.display:
            (table if entries else empty).focus()
        live = sum(entry.state in LIVE_STATES for entry in entries)
        training = f"{live} training · " if live else ""
        self.query_one(TitleBar).show(f"{training}{len(entries)} runs · {self._runs}")
        self._describe_current()

    @on(RunTable.RowHighlighted)
    def _describe_current(self) -> None:
        self.query_one(RunDetail).show(self.query_one(RunTable).current)
        self.refresh_bindings()

    @on(RunTable.RowSelected)
    def _open(self, message: RunTable.RowSelected) -> None:
        self.post_message(RunOpened(str(message.row_key.value)))

    @on(RunTable.Marked)
    def _count_marked(self) -> None:
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Grey out what makes no sense for the run under the cursor; nothing lies below home."""
        current = self.query_one(RunTable).current if self.is_mounted else None
        match action:
            case "stop":
                return (current is not None and current.state in LIVE_STATES) or None
            case "resume":
                return (current is not None and current.state in RESUMABLE_STATES) or None
            case "duplicate":
                return current is not None or None
            case "leave":
                return False
            case "compare":
                return len(self._compared()) > 1 or None
            case _:
                return True

    def action_new(self) -> None:
        """Edit the settings of a new run."""
        self.post_message(NewRunRequested())

    def action_duplicate(self) -> None:
        """Edit the settings of the run under the cursor for a new one."""
        if (current := self.query_one(RunTable).current) is not None:
            self.post_message(NewRunRequested(current.run_id))

    def action_stop(self) -> None:
        """Ask for the run under the cursor to save and leave."""
        if (current := self.query_one(RunTable).current) is not None:
            self.post_message(StopRequested(current.run_id))

    def action_resume(self) -> None:
        """Let the run under the cursor go on."""
        if (current := self.query_one(RunTable).current) is not None:
            self.post_message(ResumeRequested(current.run_id))

    def action_compare(self) -> None:
        """Compare the marked runs, or the one under the cursor with the best of the others."""
        self.post_message(ComparisonRequested(self._compared()))

    def _compared(self) -> tuple[str, ...]:
        table = self.query_one(RunTable)
        if len(table.marked) > 1 or table.current is None:
            return table.marked
        first = table.marked[0] if table.marked else table.current.run_id
        others = [entry for entry in self._entries if entry.run_id != first]
        best = max(others, key=_best_psnr, default=None)
        return (first,) if best is None else (first, best.run_id)


def _best_psnr(entry: RunEntry) -> float:
    psnr = number(entry.summary.get("best_psnr"))
    return psnr if psnr is not None and psnr == psnr else float("-inf")
