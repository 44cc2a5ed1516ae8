"""A picture as half blocks, which sends the terminal only what differs from the picture before."""

from rich import get_console
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from vidpred_tui.pictures.half_blocks import HalfBlocks
from vidpred_tui.pictures.palette import Palette, Pixels, palette
from vidpred_tui.pictures.scaling import fitting, scale


class FrameView(Widget):
    """Shows one picture after the other, as large as fits.

    Its rows bypass Rich's styles: a style for each of a thousand cells costs half a core at 10 pictures a second, rows
    that are encoded at once a twentieth of one.
    """

    DEFAULT_CSS = """
    FrameView { width: 1fr; height: 1fr; }
    """
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self.picture: Pixels | None = None
        self._blocks: HalfBlocks | None = None

    def show(self, picture: Pixels) -> None:
        """Show a picture (H, W, 3)."""
        self.picture = picture
        self._encode()

    def on_resize(self) -> None:
        """Another size needs another encoding."""
        self._encode()

    def _encode(self) -> None:
        if self.picture is None or not self.size:
            return
        height, width = fitting(self.picture.shape, *self.size)
        before, self._blocks = self._blocks, HalfBlocks(scale(self.picture, height, width), self._palette)
        if before is None or (before.rows, before.columns) != (self._blocks.rows, self._blocks.columns):
            self.refresh()
        elif changes := self._blocks.changes(before):
            self.refresh(*(Region(first, y, end - first, 1) for y, first, end in changes))

    @property
    def _palette(self) -> Palette:
        return palette(self.app.console.color_system, no_colour=self.app.no_color)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows of the picture; where another screen dims this one, rows of styles that can be dimmed."""
        blocks, style = self._blocks, self.visual_style.rich_style
        if blocks is None:
            return [Strip.blank(crop.width, style)] * crop.height
        rows = [PictureRow(blocks, y, crop.x, crop.right, style) for y in crop.line_range]
        is_dimmed = self.app.screen is not self.screen
        return [row.styled(self.app.console) if is_dimmed else row for row in rows]


class PictureRow(Strip):
    """Cells `start` to `end` of a row that is encoded already, and blanks where the picture has no more cells."""

    __slots__ = ("_blocks", "_end", "_row", "_start", "_style")

    def __init__(self, blocks: HalfBlocks, row: int, start: int, end: int, style: Style) -> None:
        super().__init__([Segment(" " * (end - start), style)], end - start)
        self._blocks, self._row, self._start, self._end, self._style = blocks, row, start, end, style

    def crop(self, start: int, end: int | None = None) -> "PictureRow":
        """Some of the cells."""
        end = self.cell_length if end is None else min(end, self.cell_length)
        start = min(max(0, start), end)
        return PictureRow(self._blocks, self._row, self._start + start, self._start + end, self._style)

    def divide(self, cuts: "list[int]") -> list[Strip]:  # type: ignore[override]
        """The cells up to the first cut, those from there up to the second, and so on."""
        cuts = [cut for cut in cuts if cut <= self.cell_length]
        return [self.crop(start, end) for start, end in zip([0, *cuts], cuts, strict=False)]

    @property
    def _segments(self) -> list[Segment]:
        """The cells with their styles, for what draws no escape codes: a picture of the screen."""
        return list(self.styled(get_console()))

    @_segments.setter
    def _segments(self, _: list[Segment]) -> None:
        """What the base class is given are blanks of the same length."""

    def render(self, console: Console) -> str:
        """The escape codes."""
        blanks = self._end - max(self._start, self._blocks.columns)
        if self._row >= self._blocks.rows:
            text, blanks = "", self._end - self._start
        else:
            text = self._blocks.row(self._row, self._start, self._end)
        return text + (Strip([Segment(" " * blanks, self._style)]).render(console) if blanks > 0 else "")

    def styled(self, console: Console) -> Strip:
        """The same as segments with styles."""
        return Strip(Text.from_ansi(self.render(console)).render(console), self.cell_length)
