"""A one-row choice among a few words, all of them in sight."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from vidpred_engine.sweep import SEPARATOR, several


class ChoiceRow(Widget, can_focus=True):
    """Shows ( ) and (•) before its choices; left and right move the dot, a click sets it.

    | keeps the choice under the dot, shown as (+), while the dot moves on to another: a sweep tries both.
    A dozen drop-down lists of eight widgets each made the settings open twice as slowly.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,space,enter", "move(1)", "Next choice", show=False),
        Binding("left", "move(-1)", "Previous choice", show=False),
        Binding("vertical_line", "keep", "Keep this choice too", show=False),
    ]
    DEFAULT_CSS = """
    ChoiceRow { height: 1; background: $panel; &:focus { background: $block-cursor-background; } }
    """

    @dataclass
    class Changed(Message):
        """Another choice was made."""

        value: str

    def __init__(self, choices: Sequence[str], value: str, *, id: str) -> None:
        super().__init__(id=id)
        self._choices = tuple(choices)
        self._dot, self._kept = self._read(value)

    @property
    def value(self) -> str:
        """The choice, or several as a sweep writes them."""
        return f" {SEPARATOR} ".join(each for each in self._choices if each == self._dot or each in self._kept)

    @value.setter
    def value(self, value: str) -> None:
        self._become(*self._read(value))

    def _read(self, value: str) -> tuple[str, frozenset[str]]:
        named = [each for each in several(value) or (value,) if each in self._choices]
        return (named or self._choices)[0], frozenset(named[1:])

    def _become(self, dot: str, kept: frozenset[str]) -> None:
        if (dot, kept) != (self._dot, self._kept):
            self._dot, self._kept = dot, kept
            self.refresh()
            self.post_message(self.Changed(self.value))

    def render(self) -> Content:
        """All choices, or the chosen ones alone where they do not fit."""
        row = "  ".join(f"({self._sign(choice)}) {choice}" for choice in self._choices)
        return Content(row if len(row) <= self.size.width else f"{self.value} ◂ ▸")

    def _sign(self, choice: str) -> str:
        return "•" if choice == self._dot else "+" if choice in self._kept else " "

    def action_move(self, by: int) -> None:
        """Choose the next or the previous one, around the end."""
        dot = self._choices[(self._choices.index(self._dot) + by) % len(self._choices)]
        self._become(dot, self._kept)

    def action_keep(self) -> None:
        """Keep the choice under the dot while the dot moves on, or let it go again."""
        self._become(self._dot, self._kept ^ {self._dot})
        self.action_move(1)

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        end = 0
        for choice in self._choices:
            end += len(choice) + 6
            if event.x < end:
                self._become(choice, self._kept)
                return
