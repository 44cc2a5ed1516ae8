"""The table of runs: each change of the list touches only the cells that differ."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import DataTable

from vidpred_engine.store.codec import number
from vidpred_engine.store.registry import RunEntry
from vidpred_tui import formatting
from vidpred_tui.theme import MUTED, STATE_COLOURS

MARK = "▸"
_STATE, _NAME, _EPOCH, _ETA, _LOSS, _PSNR, _BASELINE, _AGE = COLUMNS = (
    "state",
    "name",
    "epoch",
    "ETA",
    "loss",
    "PSNR",
    "base",
    "age",
)
_WIDTHS = {_STATE: 12, _EPOCH: 7, _ETA: 7, _LOSS: 7, _PSNR: 6, _BASELINE: 5, _AGE: 4}
_LEFT = (_STATE, _NAME)
_NARROWEST_NAME = 12
AGE_SECONDS = 20.0


class RunTable(DataTable[Text]):
    """One row a run, newest first, keyed by run id; marked rows bear a sign in front of their state."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open"),
        Binding("space", "mark", "Mark"),
    ]

    @dataclass
    class Marked(Message):
        """The set of marked runs changed."""

        run_ids: tuple[str, ...]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, cursor_type="row", cell_padding=1, cursor_foreground_priority="renderable")
        self._entries: dict[str, RunEntry] = {}
        self._marked: dict[str, None] = {}

    def on_mount(self) -> None:
        """Lay out the columns; ages grow without any news of a run."""
        for name in COLUMNS:
            label = Text("  state" if name == _STATE else name, justify="left" if name in _LEFT else "right")
            self.add_column(label, width=_WIDTHS.get(name, _NARROWEST_NAME), key=name)
        self.set_interval(AGE_SECONDS, self._refresh_ages)

    def on_resize(self) -> None:
        """The name takes what the other columns leave."""
        others = sum(_WIDTHS.values()) + 2 * self.cell_padding * len(COLUMNS) + self.styles.scrollbar_size_vertical
        column = next(column for key, column in self.columns.items() if key == _NAME)
        width = max(_NARROWEST_NAME, self.size.width - others)
        if column.width != width:
            column.width = width
            self._require_update_dimensions = True
            self._clear_caches()
            self.refresh(layout=True)

    @property
    def marked(self) -> tuple[str, ...]:
        """The marked runs in the order they were marked."""
        return tuple(self._marked)

    @property
    def current(self) -> RunEntry | None:
        """The run under the cursor."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        return self._entries.get(str(self.ordered_rows[self.cursor_row].key.value))

    def show(self, entries: Sequence[RunEntry]) -> None:
        """Show these runs in this order, keeping the cursor on the run it is on."""
        before, current = self._entries, self.current
        self._entries = {entry.run_id: entry for entry in entries}
        self._marked = {run_id: None for run_id in self._marked if run_id in self._entries}
        for run_id in before.keys() - self._entries.keys():
            self.remove_row(run_id)
        for run_id, entry in self._entries.items():
            if run_id not in before:
                self.add_row(*(self._cell(entry, column) for column in COLUMNS), key=run_id)
            elif before[run_id] != entry:
                self._update_row(entry)
        self._put_in_order()
        if current is not None and current.run_id in self._entries:
            self.move_cursor(row=self.get_row_index(current.run_id))

    def _put_in_order(self) -> None:
        wanted = list(self._entries)
        if [row.key.value for row in self.ordered_rows] == wanted:
            return
        places = {run_id: place for place, run_id in enumerate(wanted)}
        self.sort(_NAME, key=lambda cell: places[cell.run_id])

    def _update_row(self, entry: RunEntry) -> None:
        for column in COLUMNS:
            cell = self._cell(entry, column)
            if self.get_cell(entry.run_id, column) != cell:
                self.update_cell(entry.run_id, column, cell)

    def _refresh_ages(self) -> None:
        for entry in self._entries.values():
            cell = self._cell(entry, _AGE)
            if self.get_cell(entry.run_id, _AGE) != cell:
                self.update_cell(entry.run_id, _AGE, cell)

    def action_mark(self) -> None:
        """Mark the run under the cursor, or take its mark away."""
        entry = self.current
        if entry is None:
            return
        if entry.run_id in self._marked:
            del self._marked[entry.run_id]
        else:
            self._marked[entry.run_id] = None
        self._update_row(entry)
        self.post_message(self.Marked(self.marked))
        self.action_cursor_down()

    def _cell(self, entry: RunEntry, column: str) -> Text:
        summary = {name: number(value) for name, value in entry.summary.items()}
        baseline = formatting.better_baseline(summary.get("repeat_first"), summary.get("mean_frame"))
        psnr = summary.get("psnr")
        match column:
            case "state":
                mark = MARK if entry.run_id in self._marked else " "
                return Text.assemble(mark, (formatting.state_text(entry.state), STATE_COLOURS.get(entry.state, "")))
            case "name":
                return _NameCell(entry)
            case "epoch":
                text = f"{entry.epoch}/{entry.epochs}" if entry.epochs else formatting.ABSENT
            case "ETA":
                text = formatting.duration(entry.eta_seconds)
            case "loss":
                text = formatting.metric(summary.get("loss"))
            case "PSNR":
                text = formatting.decibel(psnr) + _standing(psnr, baseline)
            case "base":
                text = formatting.decibel(baseline)
            case _:
                text = formatting.age(time.time() - entry.created)
        return Text(text, justify="right", style=MUTED if text == formatting.ABSENT else "")


class _NameCell(Text):
    """A run's name that knows its run, which is what rows are ordered by."""

    def __init__(self, entry: RunEntry) -> None:
        super().__init__(entry.name or entry.run_id, no_wrap=True, overflow="ellipsis")
        self.run_id = entry.run_id


def _standing(psnr: float | None, baseline: float | None) -> str:
    """Whether a model beats its baselines, as a sign of fixed width."""
    if psnr is None or baseline is None:
        return "  "
    return " ▲" if psnr > baseline else " ▼"
