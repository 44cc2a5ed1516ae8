"""A one-row choice among a few words, all of them in sight."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class ChoiceRow(Widget, can_focus=True):
    """Shows ( ) and (•) before its choices; left and right move the dot, a click sets it.

    A dozen drop-down lists of eight widgets each made the settings open twice as slowly.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,enter", "move(1)", "Next choice", show=False),
        Binding("left", "move(-1)", "Previous choice", show=False),
    ]
    DEFAULT_CSS = """
    ChoiceRow { height: 1; background: $panel; &:focus { background: $block-cursor-background; } }
    """

    value: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        """Another choice was made."""

        value: str

    def __init__(self, choices: Sequence[str], value: str, *, id: str) -> None:
        super().__init__(id=id)
        self._choices = tuple(choices)
        self.set_reactive(ChoiceRow.value, value)

    def watch_value(self, value: str) -> None:
        """Announce the new choice."""
        self.post_message(self.Changed(value))

    def render(self) -> Content:
        """All choices, or the chosen one alone where they do not fit."""
        texts = [f"({'•' if choice == self.value else ' '}) {choice}" for choice in self._choices]
        row = "  ".join(texts)
        return Content(row if len(row) <= self.size.width else f"{self.value} ◂ ▸")

    def action_move(self, by: int) -> None:
        """Choose the next or the previous one, around the end."""
        self.value = self._choices[(self._choices.index(self.value) + by) % len(self._choices)]

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        end = 0
        for choice in self._choices:
            end += len(choice) + 6
            if event.x < end:
                self.value = choice
                return
