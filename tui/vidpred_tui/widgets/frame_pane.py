"""A picture under its label."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from vidpred_tui.pictures.palette import Pixels
from vidpred_tui.widgets.frame_view import FrameView


class FramePane(Vertical):
    """One row of label above a picture."""

    DEFAULT_CSS = """
    FramePane > Static { height: 1; color: $foreground-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._label = Static("", markup=False)
        self.view = FrameView()

    def compose(self) -> ComposeResult:
        """The label, then the picture."""
        yield self._label
        yield self.view

    def show(self, label: str, picture: Pixels) -> None:
        """Show a picture."""
        if str(self._label.content) != label:
            self._label.update(label, layout=False)
        self.view.show(picture)
