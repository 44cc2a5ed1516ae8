"""Pictures side by side, as many as fit, and the rest on further pages."""

from collections.abc import Sequence

from textual.containers import Container

from vidpred_tui.pictures.film import Track
from vidpred_tui.pictures.scaling import fitting
from vidpred_tui.widgets.frame_pane import FramePane

# Cells of the lab's 64x32 pixels, with a label above: what a pane needs, whatever the pictures' size.
PANE_COLUMNS, PANE_ROWS = 64, 17
GUTTER = 2


class FrameGrid(Container):
    """Shows tracks at one frame; each pane is as large as the pictures are in it, so that they stand close."""

    DEFAULT_CSS = f"""
    FrameGrid {{ layout: grid; grid-gutter: 0 {GUTTER}; height: auto; padding: 0 1; }}
    """

    def __init__(self) -> None:
        super().__init__()
        self._tracks: Sequence[Track] = ()
        self._panes: list[FramePane] = []
        self._page = 0
        self._shown = 1
        self._index = 0

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return -(-len(self._tracks) // self._shown) if self._tracks else 1

    @property
    def in_sight(self) -> Sequence[Track]:
        """The tracks on the page."""
        return self._tracks[self._page * self._shown : (self._page + 1) * self._shown]

    def fit(self, tracks: Sequence[Track], index: int, columns: int, rows: int) -> int:
        """Show these tracks at an index within so many cells; returns the rows that they take."""
        self._tracks = tracks
        columns -= 2
        across, down = _best_grid(len(tracks), columns, rows)
        self._shown = min(len(tracks), across * down)
        self._page = min(self._page, self.pages - 1)
        room = max(1, (columns - GUTTER * (across - 1)) // across), max(1, rows // down - 1)
        high, wide = fitting(tracks[0].picture(index).shape, *room)
        self.styles.grid_size_columns, self.styles.grid_size_rows = across, down
        self.styles.grid_columns, self.styles.grid_rows = f"{wide}", f"{high // 2 + 1}"
        new = [FramePane() for _ in range(self._shown - len(self._panes))]
        self._panes += new
        if new:
            self.mount(*new)
        self.show(index)
        taken = down * (high // 2 + 1)
        self.styles.height = taken
        return taken

    def show(self, index: int) -> None:
        """Show the pictures at an index."""
        self._index = index
        shown = self.in_sight
        for place, pane in enumerate(self._panes):
            pane.display = place < len(shown)
            if place < len(shown):
                pane.show(shown[place].label, shown[place].picture(index))

    def turn(self, by: int) -> None:
        """Turn the pages, around the end."""
        self._page = (self._page + by) % self.pages
        self.show(self._index)


def _best_grid(count: int, columns: int, rows: int) -> tuple[int, int]:
    """Panes across and down: all that have room at PANE_COLUMNS and PANE_ROWS, then as large as they can be."""
    most_across, most_down = max(1, (columns + GUTTER) // (PANE_COLUMNS + GUTTER)), max(1, rows // PANE_ROWS)
    grids = [(across, down) for across in range(1, most_across + 1) for down in range(1, most_down + 1)]

    def merit(grid: tuple[int, int]) -> tuple[int, float]:
        across, down = grid
        return min(count, across * down), min(columns / across / PANE_COLUMNS, rows / down / PANE_ROWS)

    return max(grids, key=merit)
