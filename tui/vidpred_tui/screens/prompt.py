"""A line of text that someone is asked for."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from vidpred_engine.errors import UserError
from vidpred_tui.prompts import Prompt
from vidpred_tui.screens.steady import SteadyDrawing
from vidpred_tui.widgets.text_control import TextControl


class _WordSuggester(Suggester):
    """Completes the last word from a list."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        begun = value.split(" ")[-1]
        return next((value + word[len(begun) :] for word in self._words if begun and word.startswith(begun)), None)


class PromptScreen(ModalScreen[str | None], SteadyDrawing):
    """Asks for a line that passes a check; None where someone thinks better of it."""

    CSS_PATH = "prompt.tcss"
    AUTO_FOCUS = "#answer"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Leave it", show=False),
        Binding("tab", "complete", "Complete", show=False, priority=True),
    ]

    def __init__(self, prompt: Prompt) -> None:
        super().__init__()
        self._prompt = prompt
        self._input = TextControl(prompt.text, id="answer")
        self._input.suggester = _WordSuggester(prompt.words)
        self._input.select_on_focus = not prompt.adds

    def compose(self) -> ComposeResult:
        """Question, field, and the hint, whose place a fault takes."""
        with Vertical(id="prompt"):
            yield Static(self._prompt.question, id="question", markup=False)
            yield self._input
            yield Static(self._prompt.hint, id="hint", markup=False)

    @on(Input.Changed)
    def _judge(self, message: Input.Changed) -> None:
        self._fault_of(message.value)

    @on(Input.Submitted)
    def _answer(self, message: Input.Submitted) -> None:
        if not self._fault_of(message.value):
            self.dismiss(message.value)

    def _fault_of(self, text: str) -> str:
        fault = ""
        try:
            self._prompt.check(text)
        except UserError as error:
            fault = str(error)
        hint = self.query_one("#hint", Static)
        hint.update(fault or self._prompt.hint)
        hint.set_class(bool(fault), "-fault")
        return fault

    def action_complete(self) -> None:
        """Take what is suggested."""
        self._input.action_cursor_right()
