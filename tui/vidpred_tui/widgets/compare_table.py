"""A table with one column a run, or a group of runs."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.segment import Segment
from rich.text import Text
from textual import on
from textual.message import Message
from textual.strip import Strip
from textual.widgets import DataTable

from vidpred_engine.comparison.table import Row
from vidpred_tui.formatting import inert
from vidpred_tui.theme import LineStyle
from vidpred_tui.widgets.keyed_table import KeyedTable

LEAST_COLUMN = 10
Heads = Sequence[tuple[str, LineStyle]]


class CompareTable(KeyedTable):
    """Rows of values; a column's head bears its run's sign and colour, as the charts do."""

    DEFAULT_CSS = """
    CompareTable {
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1;
        & > .datatable--fixed { background: $background; color: $foreground-muted; }
    }
    """

    @dataclass
    class HeadClicked(Message):
        """Someone wants the others held against this column, counted from 0."""

        column: int

    def __init__(self, what: str, *, id: str) -> None:
        super().__init__(id=id, cursor_type="row", show_cursor=False, fixed_columns=1)
        self._what = what
        self._heads: list[tuple[str, str]] = []

    def show(self, heads: Heads, rows: Sequence[Row]) -> None:
        """Show cells by row and column."""
        written = [(f"{style.sign} {name}", style.hex) for name, style in heads]
        if written != self._heads:
            self._heads = written
            self.clear(columns=True)
            self.add_column(self._what, key="what")
            for index, (head, colour) in enumerate(written):
                text = Text(inert(head).rjust(LEAST_COLUMN), style=colour, justify="right")
                self.add_column(text, key=str(index))
        shown = {row.name: [cell.text for cell in row.cells] for row in rows}
        labels = {row.name: row.label for row in rows}
        self.show_rows({name: [Text(labels[name]), *map(_cell, texts)] for name, texts in shown.items()})

    @property
    def _starts(self) -> list[int]:
        """Where the runs' columns begin, as the table is scrolled to them."""
        widths = [column.get_render_width(self) for column in self.ordered_columns[1:]]
        return [0, *accumulate(widths[:-1])]

    @property
    def max_scroll_x(self) -> int:
        """As far as the first column from which on the last one is whole."""
        least = super().max_scroll_x
        return next((start for start in self._starts if start >= least), least)

    @property
    def _cut_at(self) -> int | None:
        """Where in sight the column begins that the right edge cuts; None where no other would be left."""
        if not self.ordered_columns:
            return None
        fixed, room = self.ordered_columns[0].get_render_width(self), self.scrollable_content_region.width
        widths = [column.get_render_width(self) for column in self.ordered_columns[1:]]
        begins = [fixed + start - self.scroll_offset.x for start in self._starts]
        cut = (begin for begin, width in zip(begins, widths, strict=True) if begin + width - self.cell_padding > room)
        return next((begin for begin in cut if fixed < begin < room), None)

    def render_line(self, y: int) -> Strip:
        """A row; of a column that is cut only the head is shown: a number cut at its right would be read as another."""
        strip, cut = super().render_line(y), self._cut_at
        if cut is None or y < self.header_height or cut >= strip.cell_length:
            return strip
        rest = strip.crop(cut)
        style = next((segment.style for segment in rest), None)
        is_row = y - self.header_height < self.row_count
        hidden = f"{' ' * self.cell_padding}…" if is_row else ""
        blank = Segment(hidden.ljust(rest.cell_length)[: rest.cell_length], style)
        return Strip.join([strip.crop(0, cut), Strip([blank])])

    def action_cursor_right(self) -> None:
        """Scroll by a whole column: a number cut at its left would be read as another."""
        self._scroll_columns(1)

    def action_cursor_left(self) -> None:
        """Scroll back by one."""
        self._scroll_columns(-1)

    def _scroll_columns(self, by: int) -> None:
        starts = self._starts
        place = bisect_right(starts, self.scroll_offset.x) - 1 + by
        self.scroll_to(x=starts[min(max(place, 0), len(starts) - 1)], animate=False)

    @on(DataTable.HeaderSelected)
    def _choose(self, message: DataTable.HeaderSelected) -> None:
        message.stop()
        if message.column_index > 0:
            self.post_message(self.HeadClicked(message.column_index - 1))


def _cell(text: str) -> Text:
    return Text(inert(text), justify="right")
