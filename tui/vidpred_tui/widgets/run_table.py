"""The table of runs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message

from vidpred_engine.store.codec import number
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.status import LIVE_STATES
from vidpred_tui import formatting
from vidpred_tui.theme import MUTED, STATE_COLOURS
from vidpred_tui.widgets.keyed_table import KeyedTable

MARK = "▸"
NAME = "name"
WIDTHS = {"state": 12, NAME: 12, "epoch": 7, "ETA": 7, "loss": 7, "PSNR": 6, "base": 5, "age": 4}
_LEFT_ALIGNED = ("state", NAME)
AGE_SECONDS = 20.0


class RunTable(KeyedTable):
    """One row a run, newest first, keyed by run id; marked rows bear a sign in front of their state."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open"),
        Binding("space", "mark", "Mark"),
    ]

    @dataclass
    class Marked(Message):
        """The set of marked runs changed."""

        run_ids: tuple[str, ...]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id, cursor_type="row", cursor_foreground_priority="renderable")
        self._entries: dict[str, RunEntry] = {}
        self._cells: dict[str, list[Text]] = {}
        self._marked: dict[str, None] = {}

    def on_mount(self) -> None:
        """Lay out the columns; ages grow without any news of a run."""
        for name, width in WIDTHS.items():
            label = Text("  state") if name == "state" else Text(name)
            label.justify = "left" if name in _LEFT_ALIGNED else "right"
            self.add_column(label, width=width, key=name)
        self.set_interval(AGE_SECONDS, self._refresh_ages)

    def on_resize(self) -> None:
        """The name takes what the other columns leave."""
        others = sum(WIDTHS.values()) - WIDTHS[NAME] + 2 * self.cell_padding * len(WIDTHS)
        width = max(WIDTHS[NAME], self.size.width - others - self.styles.scrollbar_size_vertical)
        column = next(column for key, column in self.columns.items() if key == NAME)
        if column.width != width:
            column.width = width
            self._clear_caches()
            self._require_update_dimensions = True
            self.refresh(layout=True)

    @property
    def marked(self) -> tuple[str, ...]:
        """The marked runs in the order they were marked."""
        return tuple(self._marked)

    @property
    def current(self) -> RunEntry | None:
        """The run under the cursor."""
        return self._entries.get(self.current_key or "")

    def show(self, entries: Sequence[RunEntry]) -> None:
        """Show these runs in this order."""
        before, self._entries = self._entries, {entry.run_id: entry for entry in entries}
        self._marked = {run_id: None for run_id in self._marked if run_id in self._entries}
        known = self._cells
        self._cells = {
            run_id: known[run_id] if run_id in known and before[run_id] == entry else self._make_cells(entry)
            for run_id, entry in self._entries.items()
        }
        self.show_rows(self._cells)

    def _refresh_ages(self) -> None:
        self._cells = {run_id: self._make_cells(entry) for run_id, entry in self._entries.items()}
        self.show_rows(self._cells)

    def action_mark(self) -> None:
        """Mark the run under the cursor, or take its mark away, and go on to the next."""
        if (entry := self.current) is None:
            return
        if entry.run_id in self._marked:
            del self._marked[entry.run_id]
        else:
            self._marked[entry.run_id] = None
        self._cells = {**self._cells, entry.run_id: self._make_cells(entry)}
        self.show_rows(self._cells)
        self.post_message(self.Marked(self.marked))
        self.action_cursor_down()

    def _make_cells(self, entry: RunEntry) -> list[Text]:
        summary = {name: number(value) for name, value in entry.summary.items()}
        baseline = formatting.better_baseline(summary.get("repeat_first"), summary.get("mean_frame"))
        mark = MARK if entry.run_id in self._marked else " "
        return [
            Text.assemble(mark, (formatting.state_text(entry.state), STATE_COLOURS.get(entry.state, ""))),
            Text(entry.name or entry.run_id, no_wrap=True, overflow="ellipsis"),
            _right(f"{entry.epoch}/{entry.epochs}" if entry.epochs else formatting.ABSENT),
            _right(formatting.duration(entry.eta_seconds if entry.state in LIVE_STATES else None)),
            _right(formatting.metric(summary.get("loss"))),
            _right(formatting.decibel(summary.get("psnr")) + _standing(summary.get("psnr"), baseline)),
            _right(formatting.decibel(baseline)),
            _right(formatting.age(time.time() - entry.created)),
        ]


def _right(text: str) -> Text:
    return Text(text, justify="right", style=MUTED if text.strip() == formatting.ABSENT else "")


def _standing(psnr: float | None, baseline: float | None) -> str:
    """Whether a model beats its baselines, as a sign of fixed width."""
    if psnr is None or baseline is None:
        return "  "
    return " ▲" if psnr > baseline else " ▼"
