"""What stands on a terminal on which nothing else has room."""

from textual.app import ComposeResult
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static

from vidpred_tui.screens.steady import SteadyDrawing

LEAST = Size(40, 12)


def is_too_small(size: Size) -> bool:
    """Whether screens have no room."""
    return size.width < LEAST.width or size.height < LEAST.height


class SmallScreen(ModalScreen[None], SteadyDrawing):
    """Says how large the terminal must be; it goes by itself as soon as it is."""

    CSS = """
    SmallScreen { align: center middle; background: $background; }
    SmallScreen > Static { width: auto; max-width: 100%; height: auto; text-align: center; }
    """

    def compose(self) -> ComposeResult:
        """One sentence."""
        yield Static("", id="too-small")

    def on_mount(self) -> None:
        """Say how large the terminal is now."""
        self.show(self.app.size)

    def on_screen_resume(self) -> None:
        """Go where there is room again by now, as another screen may have been above."""
        if not is_too_small(self.app.size):
            self.dismiss()

    def show(self, size: Size) -> None:
        """Say how large the terminal is."""
        sentence = f"vidpred needs {LEAST.width}x{LEAST.height};\nthis is {size.width}x{size.height}.\nq quits."
        self.query_one(Static).update(sentence)
