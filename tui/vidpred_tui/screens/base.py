"""What all screens share: the app hands them news while they are current, and they say which runs they draw."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from vidpred_engine.store.registry import RunEntry
from vidpred_tui.messages import ScreenShown
from vidpred_tui.screens.steady import SteadyDrawing
from vidpred_tui.snapshot import RunSnapshot


class VidpredScreen(SteadyDrawing):
    """A screen that draws runs; it reads nothing itself."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back")]

    followed: tuple[str, ...] = ()
    """The runs whose snapshots this screen wants."""

    help_text: ClassVar[str] = ""
    """What the screen is for, for the help panel."""

    @property
    def clipping(self) -> str:
        """What is worth having on the clipboard: the ids of the screen's runs."""
        return " ".join(self.followed)

    @property
    def chosen(self) -> str:
        """The id of the one run that the screen is about, empty where there are several."""
        return self.followed[0] if len(self.followed) == 1 else ""

    is_ready = False
    """Whether the screen's widgets exist, so that it can be shown anything."""

    def on_screen_resume(self) -> None:
        """Ask for what happened while the screen was not current."""
        self.is_ready = True
        self.post_message(ScreenShown())

    def show_runs(self, entries: Sequence[RunEntry]) -> None:
        """The list of runs has changed, or this screen has just become current."""

    def show_run(self, snapshot: RunSnapshot) -> None:
        """A followed run has advanced, or this screen has just become current."""

    def action_leave(self) -> None:
        """Go back to the screen below."""
        self.app.pop_screen()
