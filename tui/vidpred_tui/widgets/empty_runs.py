"""What the home screen shows while there is no run: the quickest way to see one train."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from vidpred_tui.messages import DemoRequested


class EmptyRuns(Static, can_focus=True):
    """An offer to start the demo run by pressing Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "demo", "Start the demo")]

    DEFAULT_CSS = """
    EmptyRuns {
        width: 64; max-width: 100%; height: auto; padding: 1 3; border: round $panel-lighten-2;
        &:focus { border: round $primary; }
    }
    """

    def __init__(self, folder: str, demo: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.update(
            Content.assemble(
                ("No run yet", "bold"),
                f" in {folder}.\n\n",
                ("Enter", "bold $accent"),
                f"  trains the demo. {demo}\n\n",
                ("n", "bold $accent"),
                "      edits the settings of a run of your own.",
            )
        )

    def action_demo(self) -> None:
        """Ask for the demo run."""
        self.post_message(DemoRequested())

    def on_click(self) -> None:
        """The mouse may press it too."""
        self.action_demo()
