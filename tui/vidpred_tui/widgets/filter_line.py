"""One line to filter runs by, completed as one types, with what is wrong with it beneath."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from vidpred_engine.store.filter_completion import completed_filter
from vidpred_engine.store.registry import RunEntry
from vidpred_tui.widgets.text_control import TextControl

EXAMPLE = "state:running  lr<1e-3  tag:kl  best_psnr>30  age<2d  -word"


class _FilterSuggester(Suggester):
    def __init__(self, entries: Callable[[], Sequence[RunEntry]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._entries = entries

    async def get_suggestion(self, value: str) -> str | None:
        return completed_filter(value, self._entries())


class FilterInput(TextControl):
    """The text field; Tab takes what is suggested."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "cursor_right", "Complete"),
        Binding("enter", "leave", "Runs"),
        Binding("down", "leave", "Runs", show=False),
        Binding("escape", "clear", "All runs"),
    ]

    @dataclass
    class Left(Message):
        """Someone is done with typing."""

    def action_leave(self) -> None:
        """Go to the runs."""
        self.post_message(self.Left())

    def action_clear(self) -> None:
        """Show all runs again."""
        self.value = ""
        self.post_message(self.Left())


class FilterLine(Vertical):
    """The line and the sentence; both take a row only while they are needed."""

    DEFAULT_CSS = """
    FilterLine {
        height: auto; display: none;
        &.-used { display: block; }
        & > #filter-fault { height: auto; padding: 0 1; color: $text-error; }
    }
    """

    @dataclass
    class Typed(Message):
        """The filter reads differently now."""

        text: str

    def __init__(self, entries: Callable[[], Sequence[RunEntry]], *, id: str) -> None:
        super().__init__(id=id)
        self._input = FilterInput("", id="filter")
        self._input.placeholder = EXAMPLE
        self._input.suggester = _FilterSuggester(entries)
        self._fault = Static("", id="filter-fault", markup=False)
        self._fault.display = False

    def compose(self) -> ComposeResult:
        """The field above its fault."""
        yield self._input
        yield self._fault

    @property
    def text(self) -> str:
        """What stands in the field."""
        return self._input.value

    def open(self) -> None:
        """Let someone type."""
        self.add_class("-used")
        self._input.focus()

    def fill(self, text: str) -> None:
        """Show a filter that is in use already."""
        self.add_class("-used")
        with self.prevent(Input.Changed):
            self._input.value = text

    def clear(self) -> None:
        """Empty the field."""
        self._input.value = ""
        self.close_if_empty()

    def close_if_empty(self) -> None:
        """Give the row back where nothing is filtered."""
        self.set_class(bool(self.text.strip()), "-used")

    def say(self, fault: str) -> None:
        """Show what is wrong with the filter, or nothing."""
        self._fault.update(fault)
        self._fault.display = bool(fault)

    @on(Input.Changed)
    def _tell(self, message: Input.Changed) -> None:
        message.stop()
        self.post_message(self.Typed(message.value))
