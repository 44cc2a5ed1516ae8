"""A line to find something by, a field or a line of the log; it takes a row only while someone types into it."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from vidpred_tui.widgets.text_control import TextControl


class FindInput(TextControl):
    """The text field; Enter and down go to what was found."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "leave(True)", "Go there"),
        Binding("down", "leave(True)", "Go there", show=False),
        Binding("escape", "leave(False)", "End the search"),
    ]

    @dataclass
    class Left(Message):
        """Someone is done with typing, and wants to go to what is meant by the words; by none, back."""

        words: str

    def action_leave(self, goes: bool) -> None:
        """Be done with typing."""
        self.post_message(self.Left(self.value if goes else ""))


class FindLine(Horizontal):
    """The field beside the number of what was found."""

    DEFAULT_CSS = """
    FindLine {
        height: 1; display: none; padding: 0 1;
        & > #find-label { width: 12; color: $text-muted; }
        & > #find { width: 1fr; max-width: 40; }
        & > #found { width: auto; max-width: 1fr; padding-left: 2; color: $text-muted; }
    }
    """

    @dataclass
    class Typed(Message):
        """What is looked for reads differently now."""

        words: str

    def compose(self) -> ComposeResult:
        """Label, field and number."""
        yield Static("Find", id="find-label")
        yield FindInput("", id="find")
        yield Static("", id="found", markup=False)

    def open(self, hint: str) -> None:
        """Let someone type."""
        self.query_one(FindInput).value = ""
        self.say(hint)
        self.display = True
        self.screen.set_focus(self.query_one(FindInput))  # now: what is typed next is looked for

    def close(self) -> None:
        """Give the row back."""
        self.display = False

    def say(self, found: str) -> None:
        """Say what was found."""
        self.query_one("#found", Static).update(found, layout=False)

    @on(Input.Changed)
    def _tell(self, message: Input.Changed) -> None:
        message.stop()
        self.post_message(self.Typed(message.value))
