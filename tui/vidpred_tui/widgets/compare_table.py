"""A table with one column a run."""

from collections.abc import Mapping, Sequence

from rich.text import Text

from vidpred_tui.comparison import Row
from vidpred_tui.theme import LineStyle
from vidpred_tui.widgets.keyed_table import KeyedTable

LEAST_COLUMN = 10


class CompareTable(KeyedTable):
    """Rows of values; a column's head bears its run's sign and colour, as the charts do."""

    DEFAULT_CSS = """
    CompareTable {
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1;
        & > .datatable--fixed { background: $background; color: $foreground-muted; }
    }
    """

    def __init__(self, what: str, *, id: str) -> None:
        super().__init__(id=id, cursor_type="row", show_cursor=False, fixed_columns=1)
        self._what = what
        self._names: tuple[str, ...] = ()

    def show(self, names: Sequence[str], styles: Sequence[LineStyle], rows: Mapping[str, Row]) -> None:
        """Show values by row and run."""
        if tuple(names) != self._names:
            self._names = tuple(names)
            self.clear(columns=True)
            self.add_column(self._what, key="what")
            for index, (name, style) in enumerate(zip(names, styles, strict=True)):
                head = Text(f"{style.sign} {name}".rjust(LEAST_COLUMN), style=style.hex, justify="right")
                self.add_column(head, key=str(index))
        self.show_rows(
            {key: [Text(key), *(Text(value, justify="right") for value in values)] for key, values in rows.items()}
        )
