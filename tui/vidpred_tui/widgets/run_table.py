"""The table of runs: it draws the rows that can be seen and no others, so that ten thousand cost what forty cost."""

import time
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from vidpred_engine.store.registry import RunEntry
from vidpred_tui import formatting
from vidpred_tui.run_list import Order
from vidpred_tui.widgets.run_columns import GAP, NAME, Column, fitting

MARK = "▸"
STAR = "★"
UP, DOWN = "↑", "↓"
# A column for marks, one for stars and a space stand before the others.
LEAD = 3

Row = tuple[tuple[str, str], ...]
"""The text of each cell, padded to its width, and its colour."""


class RunTable(ScrollView, can_focus=True):
    """One row a run under a head that stays; marked rows bear a sign in front, and starred ones a star."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "run-table--head",
        "run-table--order",
        "run-table--cursor",
        "run-table--sign",
        "run-table--absent",
    }
    DEFAULT_CSS = """
    RunTable {
        scrollbar-size-vertical: 1; overflow-x: hidden; background: $background; color: $foreground;
        & > .run-table--head { color: $foreground-muted; }
        & > .run-table--order { color: $accent; text-style: bold; }
        & > .run-table--cursor {
            background: $block-cursor-background; color: $block-cursor-foreground; text-style: bold;
        }
        & > .run-table--sign { color: $accent; }
        & > .run-table--absent { color: $foreground-muted; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open"),
        Binding("space", "mark", "Mark"),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "move(-1_000_000_000)", "First", show=False),
        Binding("end", "move(1_000_000_000)", "Last", show=False),
    ]

    cursor = reactive(0, repaint=False)
    """The row under the cursor, counted from 0."""

    @dataclass
    class Highlighted(Message):
        """Another run is under the cursor."""

    @dataclass
    class Opened(Message):
        """Someone wants to look at the run."""

        run_id: str

    @dataclass
    class MarkToggled(Message):
        """Someone wants the run marked, or not any more."""

        run_id: str

    @dataclass
    class HeadClicked(Message):
        """Someone wants the runs sorted by this field."""

        field: str

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._rows: Sequence[RunEntry] = ()
        self._places: dict[str, int] = {}
        self._marked: Container[str] = ()
        self._order = Order()
        self._columns: list[tuple[Column, int]] = []
        self._fitted_width = 0
        self._now = time.time()
        self._drawn: dict[int, Row] = {}

    @property
    def current(self) -> RunEntry | None:
        """The run under the cursor."""
        return self._rows[self.cursor] if self.cursor < len(self._rows) else None

    @property
    def row_count(self) -> int:
        """How many runs there are to scroll through."""
        return len(self._rows)

    @property
    def columns(self) -> list[Column]:
        """The columns that are wide enough a terminal's to be shown."""
        return [column for column, _ in self._columns]

    def show(self, rows: Sequence[RunEntry], marked: Container[str], order: Order) -> None:
        """Show these runs; the cursor stays on the run it is on, and only lines that changed are drawn anew."""
        before, current = len(self._rows), self.current
        head_changed, self._order = order != self._order, order
        self._rows, self._marked, self._now = rows, marked, time.time()
        self._places = {entry.run_id: place for place, entry in enumerate(rows)}
        if before != len(rows):
            self.virtual_size = Size(self.scrollable_size.width, len(rows) + 1)
        place = self._places.get(current.run_id) if current else None
        self.cursor = self.cursor if place is None else place
        if head_changed or not rows or not before:
            self.refresh()
        else:
            self._refresh_changed()

    def move_to(self, run_id: str) -> None:
        """Put the cursor on a run, where it is shown."""
        self.cursor = self._places.get(run_id, self.cursor)

    def texts(self, place: int) -> list[str]:
        """What a row's cells say, for whoever cannot see: mark, star, then a text a column."""
        return [text.strip() for text, _ in self._row(place)]

    # Drawing.

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw, with the columns that fit now: a scrollbar may have taken one cell without any resizing."""
        if self._fitted_width != self.scrollable_size.width:
            self._fitted_width = self.scrollable_size.width
            self._columns = fitting(self.scrollable_size.width - LEAD)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """The head, or the run that scrolling has brought to this line."""
        width, plain = self.scrollable_size.width, self.rich_style
        if y == 0:
            return self._head().extend_cell_length(width, plain).crop(0, width)
        place = y - 1 + self.scroll_offset.y
        if place < len(self._rows):
            row = self._drawn[place] = self._row(place)
            strip = self._strip(row, is_current=place == self.cursor)
            return strip.extend_cell_length(width, self._cursor_style if place == self.cursor else plain).crop(0, width)
        return Strip.blank(width, plain)

    def _head(self) -> Strip:
        style = self.get_component_rich_style("run-table--head")
        ordered = self.get_component_rich_style("run-table--order")
        sign = DOWN if self._order.descending else UP
        by_star = self._order.field == "star"
        segments = [Segment(" ", style), Segment(sign if by_star else STAR, ordered if by_star else style)]
        segments.append(Segment(" ", style))
        for column, width in self._columns:
            is_ordered = column.field == self._order.field
            text = _fitted(column.head + (sign if is_ordered else ""), width, left=column.left)
            segments += [Segment(text, ordered if is_ordered else style), Segment(" " * GAP, style)]
        return Strip(segments)

    def _row(self, place: int) -> Row:
        entry = self._rows[place]
        cells = [(MARK if entry.run_id in self._marked else " ", "sign"), (STAR if entry.starred else " ", "sign")]
        for column, width in self._columns:
            text = column.text(entry, self._now)
            colour = "absent" if text.strip() == formatting.ABSENT else column.colour(entry)
            kept = width // 2 if column is NAME else 0
            cells.append((_fitted(text, width, left=column.left, kept=kept), colour))
        return tuple(cells)

    def _strip(self, row: Row, *, is_current: bool) -> Strip:
        base = self._cursor_style if is_current else self.rich_style
        segments = []
        for place, (text, colour) in enumerate(row):
            named = colour in ("sign", "absent")
            style = self.get_component_rich_style(f"run-table--{colour}") if named else Style.parse(colour)
            segments.append(Segment(text, base + Style(color=style.color) if colour and text.strip() else base))
            if place:
                segments.append(Segment(" " if place == 1 else " " * GAP, base))
        return Strip(segments).simplify()  # a third of the bytes: each change of style is some twenty

    @property
    def _cursor_style(self) -> Style:
        return self.get_component_rich_style("run-table--cursor")

    def _refresh_changed(self) -> None:
        top = self.scroll_offset.y
        for place in range(top, top + self.scrollable_size.height - 1):
            before = self._drawn.get(place)
            if (self._row(place) if place < len(self._rows) else None) != before:
                self._drawn.pop(place, None)
                self.refresh_line(place + 1)

    # Moving and pointing.

    def validate_cursor(self, cursor: int) -> int:
        """Stay within the table."""
        return max(0, min(cursor, len(self._rows) - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Draw the two rows anew and bring the cursor into sight."""
        for place in (before, after):
            self.refresh_line(place + 1)
        self._show_cursor()
        self.post_message(self.Highlighted())

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.virtual_size = Size(self.scrollable_size.width, len(self._rows) + 1)
        self._show_cursor()
        self.refresh()

    def _show_cursor(self) -> None:
        top, seen = self.scroll_offset.y, max(1, self.scrollable_size.height - 1)
        if not top <= self.cursor < top + seen:
            self.scroll_to(y=self.cursor if self.cursor < top else self.cursor - seen + 1, animate=False)

    def action_move(self, by: int) -> None:
        """Move the cursor by so many rows."""
        self.cursor += by

    def action_page(self, by: int) -> None:
        """Move the cursor by a screenful."""
        self.cursor += by * max(1, self.scrollable_size.height - 2)

    def action_open(self) -> None:
        """Look at the run under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self.current.run_id))

    def action_mark(self) -> None:
        """Mark the run under the cursor, or take its mark away, and go on to the next."""
        if self.current is not None:
            self.post_message(self.MarkToggled(self.current.run_id))
            self.cursor += 1

    def on_click(self, event: events.Click) -> None:
        """A head sorts, the space for marks marks, a row takes the cursor, and a double click opens."""
        place = event.y - 1 + self.scroll_offset.y
        if event.y == 0:
            if (field := self._field_at(event.x)) is not None:
                self.post_message(self.HeadClicked(field))
        elif place < len(self._rows):
            self.cursor = place
            if event.x < 1:
                self.post_message(self.MarkToggled(self._rows[place].run_id))
            elif event.chain == 2:
                self.action_open()

    def _field_at(self, x: int) -> str | None:
        left = LEAD
        if x < left:
            return "star"
        for column, width in self._columns:
            left += width + GAP
            if x < left:
                return column.field
        return None


def _fitted(text: str, width: int, *, left: bool, kept: int = 0) -> str:
    """The text cut or padded to a width in cells; wide characters take two, and none moves the terminal's cursor.

    So much of its end is kept: by that the runs of a sweep differ.
    """
    text = formatting.inert(text)
    length = cell_len(text)
    if length > width:
        end = set_cell_size(text[::-1], kept)[::-1]
        return set_cell_size(text, width - 1 - kept) + "…" + end
    return text + " " * (width - length) if left else " " * (width - length) + text
