"""Home: all runs of the folder, live."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static

from vidpred_engine.store.codec import number
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_filter import FilterError
from vidpred_engine.store.status import LIVE_STATES
from vidpred_tui import prompts, queue_keys
from vidpred_tui.messages import (
    ComparisonRequested,
    DeletionRequested,
    FramesRequested,
    NewRunRequested,
    RestorationRequested,
    ResumeRequested,
    RunOpened,
    StopRequested,
    ViewChanged,
)
from vidpred_tui.prompts import Prompt
from vidpred_tui.run_list import RunList, RunsLook
from vidpred_tui.screens.base import VidpredScreen
from vidpred_tui.screens.prompt import PromptScreen
from vidpred_tui.widgets.empty_runs import EmptyRuns
from vidpred_tui.widgets.filter_line import FilterInput, FilterLine
from vidpred_tui.widgets.key_footer import KeyFooter
from vidpred_tui.widgets.run_detail import RunDetail
from vidpred_tui.widgets.run_table import RunTable
from vidpred_tui.widgets.title_bar import TitleBar

RESUMABLE_STATES = ("created", "queued", "stopped", "failed", "lost")
# Ages grow, and filters by age mean other runs, without any news of a run.
AGE_SECONDS = 20.0


class RunsScreen(VidpredScreen):
    """Lists, filters and sorts runs, and starts, opens, stops, resumes, compares, annotates and deletes them."""

    CSS_PATH = "runs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("n", "new", "New"),
        Binding("s", "stop", "Stop"),
        Binding("r", "resume", "Resume"),
        Binding("l", "queue", "Queue"),
        Binding("plus", "move_in_queue(-1)", "Earlier", key_display="+"),
        Binding("minus", "move_in_queue(1)", "Later", key_display="-"),
        Binding("c", "compare", "Compare"),
        Binding("f", "frames", "Frames"),
        Binding("d", "duplicate", "Copy"),
        Binding("o", "sort", "Sort"),
        Binding("O", "reverse", "Reverse", key_display="O"),
        Binding("t", "tags", "Tags"),
        Binding("asterisk", "star", "Star", key_display="*"),
        Binding("e", "note", "Note"),
        Binding("f2", "rename", "Rename"),
        Binding("A", "mark_all", "Mark all", key_display="A"),
        Binding("delete", "delete", "Delete", key_display="del"),
        Binding("u", "undo", "Undo"),
        Binding("x", "export", "Export"),
        Binding("escape", "show_all", "All runs"),
    ]
    help_text = (
        "All runs of the folder, newest first. best is the best PSNR, a mean over the validation rollout in dB; base is"
        " the better of two baselines (repeat the first frame, repeat the mean training frame); ▲ and ▼ say whether the"
        " model beats it. Quitting never stops a run.\n\n"
        "The terms of a filter must all hold: a word (in id, name, tags or note), state:running, lr<1e-3, epochs>=10,"
        " tag:kl, best_psnr>30, age<2d, name:word; - turns one around, a|b is either. Every setting and figure has its"
        " name. Sort goes to the next column and Reverse turns it around; so do clicks on the heads.\n\n"
        "A run that is created waits for you; one that is queued waits for its turn, ETA says as which. Queue puts runs"
        " there or takes them out, + and - move one.\n\n"
        "Star, Tags, Stop, Queue and Delete act on the marked runs, also those out of sight, or else on the one under"
        " the cursor; Escape shows all runs, then takes all marks away. Export writes the marked ones, or else all that"
        " are shown. i copies the run's id, I the command that lets it go on."
    )

    def __init__(self, runs: Path, demo_summary: str, look: RunsLook) -> None:
        super().__init__()
        self._runs = runs
        self._demo_summary = demo_summary
        self._list = RunList()
        self._list.use_look(look)
        self._pointed_at = ""

    def compose(self) -> ComposeResult:
        """The table under its filter, hidden behind the offer of a demo while there is no run."""
        yield TitleBar("Runs")
        yield FilterLine(lambda: self._list.entries, id="filter-line")
        with Container(id="runs-body"):
            yield RunTable(id="runs")
            yield Static("Reading the runs ...", id="no-row")
            yield EmptyRuns(str(self._runs), self._demo_summary, id="empty")
        yield RunDetail(id="detail")
        yield KeyFooter()

    def on_mount(self) -> None:
        """Let ages grow, and show the filter that was left."""
        if self._list.filter:
            self.query_one(FilterLine).fill(self._list.filter)
        self.set_interval(AGE_SECONDS, self._grow_older)

    def show_runs(self, entries: Sequence[RunEntry]) -> None:
        """Bring the table up to date."""
        self._list.load(entries)
        self._show()
        table, empty = self.query_one(RunTable), self.query_one(EmptyRuns)
        table.display, empty.display = bool(entries), not entries
        self.query_one("#runs-body").set_class(not entries, "-empty")
        if self.focused is None or not self.focused.display:
            (table if entries else empty).focus()

    def point_at(self, run_id: str) -> None:
        """Put the cursor on a run as soon as it is listed: on coming back keys are about what was looked at."""
        self._pointed_at = run_id

    def _show(self) -> None:
        runs = self._list
        table = self.query_one(RunTable)
        table.show(runs.shown, runs.marked, runs.order)
        if self._pointed_at and any(entry.run_id == self._pointed_at for entry in runs.entries):
            table.move_to(self._pointed_at)
            self._pointed_at = ""
        no_row = self.query_one("#no-row", Static)
        no_row.update("No run is meant by this filter.")
        no_row.display = bool(runs.entries) and not runs.shown
        live = sum(entry.state in LIVE_STATES for entry in runs.entries)
        facts = [f"{live} training"] if live else []
        if queued := sum(entry.state == "queued" for entry in runs.entries):
            facts.append(f"{queued} queued")
        shown = f"{len(runs.shown):,} of " if runs.filter else ""
        facts.append(f"{shown}{len(runs.entries):,} run{'s' if len(runs.entries) != 1 else ''}")
        if runs.marked:
            hidden = runs.hidden_marks
            facts.append(f"{len(runs.marked):,} marked" + (f", {hidden:,} out of sight" if hidden else ""))
        self.query_one(TitleBar).show(" · ".join([*facts, str(self._runs)]))
        self._describe_current()

    def _look_anew(self) -> None:
        """Show what is looked at in another way, which is worth remembering."""
        self.post_message(ViewChanged("runs", self._list.look))
        self._show()

    def _grow_older(self) -> None:
        if self.app.screen is self:  # else Textual would draw the whole screen above anew, 23 kB
            self._list.renew()
            self._show()

    @on(RunTable.Highlighted)
    def _describe_current(self) -> None:
        self.query_one(RunDetail).show(self._current)
        self.refresh_bindings()

    @on(RunTable.Opened)
    def _open(self, message: RunTable.Opened) -> None:
        self.post_message(RunOpened(message.run_id))

    @on(RunTable.MarkToggled)
    def _mark(self, message: RunTable.MarkToggled) -> None:
        self._list.toggle_mark(message.run_id)
        self._show()

    @on(RunTable.HeadClicked)
    def _sort_by(self, message: RunTable.HeadClicked) -> None:
        self._list.sort_by(message.field)
        self._look_anew()

    @on(FilterLine.Typed)
    def _use_filter(self, message: FilterLine.Typed) -> None:
        fault = ""
        try:
            self._list.use_filter(message.text)
        except FilterError as error:
            fault = str(error)
            self._list.use_filter("")  # not what the first half of it means, as which it was typed
        self.query_one(FilterLine).say(fault)
        self._look_anew()

    @on(FilterInput.Left)
    def _leave_filter(self) -> None:
        self.query_one(FilterLine).close_if_empty()
        self.query_one(RunTable).focus()

    @property
    def _current(self) -> RunEntry | None:
        return self.query_one(RunTable).current if self.is_mounted else None

    @property
    def clipping(self) -> str:
        """The ids of the marked runs, or else of the one under the cursor."""
        return " ".join(entry.run_id for entry in self._targets)

    @property
    def chosen(self) -> str:
        """The run under the cursor."""
        return self._current.run_id if self._current is not None else ""

    @property
    def _targets(self) -> list[RunEntry]:
        """The marked runs, also those that the filter hides, or else the one under the cursor."""
        if self._list.marked:
            return [entry for entry in self._list.entries if entry.run_id in self._list.marked]
        return [self._current] if self._current is not None else []

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Grey out what makes no sense for the runs it would act on; nothing lies below home."""
        current = self._current
        match action:
            case "stop":
                return any(entry.state in (*LIVE_STATES, "queued") for entry in self._targets) or None
            case "queue":
                return queue_keys.toggle(self._targets) is not None or None
            case "move_in_queue":
                return current is not None and current.state == "queued"
            case "delete":
                return any(entry.state not in LIVE_STATES for entry in self._targets) or None
            case "resume":
                return (current is not None and current.state in RESUMABLE_STATES) or None
            case "duplicate" | "note" | "rename":
                return current is not None or None
            case "tags" | "star" | "frames":
                return bool(self._targets) or None
            case "compare":
                return len(self._compared()) > 1 or None
            case "filter" | "sort" | "reverse":
                return bool(self._list.entries) or None
            case "mark_all" | "export":
                return bool(self._list.shown) or None
            case "show_all":
                return bool(self._list.filter or self._list.marked)
            case "leave":
                return False
            case _:
                return True

    def action_new(self) -> None:
        """Edit the settings of a new run."""
        self.post_message(NewRunRequested())

    def action_duplicate(self) -> None:
        """Edit the settings of the run under the cursor for a new one."""
        if self._current is not None:
            self.post_message(NewRunRequested(self._current.run_id))

    def action_stop(self) -> None:
        """Ask for runs to save and leave."""
        live = tuple(entry.run_id for entry in self._targets if entry.state in LIVE_STATES)
        if live:
            self.post_message(StopRequested(live))
        if (wish := queue_keys.take_out(self._targets)) is not None:
            self.post_message(wish)

    def action_queue(self) -> None:
        """Put runs into the queue, or take them out of it."""
        if (wish := queue_keys.toggle(self._targets)) is not None:
            self.post_message(wish)

    def action_move_in_queue(self, by: int) -> None:
        """Let the run under the cursor have its turn earlier or later."""
        if self._current is not None:
            self.post_message(queue_keys.move(self._current, by))

    def action_resume(self) -> None:
        """Let the run under the cursor go on."""
        if self._current is not None:
            self.post_message(ResumeRequested(self._current.run_id))

    def action_compare(self) -> None:
        """Compare the marked runs, a single one with that under the cursor, or that with the best of the others."""
        self.post_message(ComparisonRequested(self._compared()))

    def action_frames(self) -> None:
        """Show what the marked runs, or the one under the cursor, predict frame by frame."""
        self.post_message(FramesRequested(tuple(entry.run_id for entry in self._targets)))

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterLine).open()

    def action_show_all(self) -> None:
        """Filter no more, then mark no more."""
        if self._list.filter:
            self.query_one(FilterLine).clear()
        else:
            self._list.marked.clear()
            self._show()

    def action_sort(self) -> None:
        """Sort by the next column."""
        fields = ["star", *(column.field for column in self.query_one(RunTable).columns)]
        order = self._list.order.field
        after = fields.index(order) + 1 if order in fields else 0
        self._list.sort_by(fields[after % len(fields)])
        self._look_anew()

    def action_reverse(self) -> None:
        """Sort the other way."""
        self._list.sort_by(self._list.order.field)
        self._look_anew()

    def action_mark_all(self) -> None:
        """Mark all runs that are shown, or take all their marks away."""
        self._list.toggle_all()
        self._show()

    def action_delete(self) -> None:
        """Ask for runs to be moved to the trash."""
        idle = tuple(entry.run_id for entry in self._targets if entry.state not in LIVE_STATES)
        hidden, busy = self._list.hidden_marks, len(self._targets) - len(idle)
        remark = f"{hidden:,} of the marked runs {'is' if hidden == 1 else 'are'} out of sight. " if hidden else ""
        remark += f"{busy:,} that train{'s' if busy == 1 else ''} stay{'s' if busy == 1 else ''}. " if busy else ""
        self.post_message(DeletionRequested(idle, remark))

    def action_undo(self) -> None:
        """Bring back what was deleted last."""
        self.post_message(RestorationRequested())

    def action_star(self) -> None:
        """Give runs a star, or take it away where all have one."""
        self.post_message(prompts.star(self._targets))

    def action_rename(self) -> None:
        """Give the run under the cursor another name to be shown by."""
        if self._current is not None:
            self._ask(prompts.rename(self._current))

    def action_note(self) -> None:
        """Write a note on the run under the cursor."""
        if self._current is not None:
            self._ask(prompts.note(self._current))

    def action_tags(self) -> None:
        """Edit the tags that all marked runs share, or those of the run under the cursor."""
        known = sorted({tag for entry in self._list.entries for tag in entry.tags})
        self._ask(prompts.tags(self._targets, known))

    def action_export(self) -> None:
        """Write the marked runs, or else all that are shown, to a file."""
        self._ask(prompts.export(self._targets if self._list.marked else self._list.shown))

    def _ask(self, prompt: Prompt) -> None:
        def answered(answer: str | None) -> None:
            if answer is not None:
                self.post_message(prompt.wish(answer))

        self.app.push_screen(PromptScreen(prompt), answered)

    def _compared(self) -> tuple[str, ...]:
        marked, current = tuple(self._list.marked), self._current
        if len(marked) > 1 or current is None:
            return marked
        if marked and marked[0] != current.run_id:
            return (*marked, current.run_id)
        first = current.run_id
        others = [entry for entry in self._list.entries if entry.run_id != first]
        best = max(others, key=_best_psnr, default=None)
        return (first,) if best is None else (first, best.run_id)


def _best_psnr(entry: RunEntry) -> float:
    psnr = number(entry.summary.get("best_psnr"))
    return psnr if psnr is not None and psnr == psnr else float("-inf")
