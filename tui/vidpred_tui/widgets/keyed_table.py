"""A table whose rows have keys: news of it touches only the cells that differ."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from rich.text import Text
from textual.widgets import DataTable

Cells = Sequence[Text]


class _FirstCell(Text):
    """The first cell of a row, which knows the row's key: DataTable sorts by cells alone."""

    def __init__(self, text: Text, key: str) -> None:
        super().__init__(justify=text.justify, no_wrap=True, overflow="ellipsis")
        self.append_text(text)
        self.row_key = key


class KeyedTable(DataTable[Text]):
    """Shows rows by key in a given order; adds, removes, updates and reorders what changed, and rebuilds nothing."""

    DEFAULT_CSS = """
    KeyedTable, KeyedTable:focus {
        background: $background; background-tint: transparent;
        & > .datatable--header {
            background: $background; background-tint: transparent; color: $foreground-muted; text-style: none;
        }
    }
    """

    def __init__(self, *, id: str, **options: Any) -> None:
        super().__init__(id=id, **options)
        self._shown: dict[str, Cells] = {}

    def show_rows(self, rows: Mapping[str, Cells]) -> None:
        """Show exactly these rows in this order; the cursor stays on the row it is on.

        A row whose cells are the very object that was shown last is taken as unchanged.
        """
        current, before = self.current_key, self._shown
        self._shown = dict(rows)
        for gone in before.keys() - rows.keys():
            self.remove_row(gone)
        for key, cells in rows.items():
            if key not in before:
                self.add_row(_FirstCell(cells[0], key), *cells[1:], key=key)
            elif cells is not before[key]:
                self._update_row(key, cells)
        if [row.key.value for row in self.ordered_rows] != list(rows):
            places = {key: place for place, key in enumerate(rows)}
            self.sort(self.ordered_columns[0].key, key=lambda cell: places[cell.row_key])
        if current in rows and current != self.current_key:
            self.move_cursor(row=self.get_row_index(str(current)))

    def _update_row(self, key: str, cells: Cells) -> None:
        for column, cell in zip(self.ordered_columns, [_FirstCell(cells[0], key), *cells[1:]], strict=True):
            if self.get_cell(key, column.key) != cell:
                self.update_cell(key, column.key, cell)

    def clear(self, columns: bool = False) -> Self:
        """Empty the table."""
        self._shown = {}
        return super().clear(columns)

    @property
    def current_key(self) -> str | None:
        """The key of the row under the cursor."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        return self.ordered_rows[self.cursor_row].key.value
