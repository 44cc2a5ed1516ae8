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
        self.label = ""
        self._label = Static(self.label, markup=False)
        self.view = FrameView()

    def compose(self) -> ComposeResult:
        """The label, then the picture."""
        yield self._label
        yield self.view

    def show(self, label: str, picture: Pixels) -> None:
        """Show a picture."""
        if label != self.label:
            self.label = label
            self._label.update(label, layout=False)
        self.view.show(picture)
