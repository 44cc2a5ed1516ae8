"""The keys of the screen below, and a word on what it shows."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from vidpred_tui.screens.steady import SteadyDrawing


class HelpScreen(ModalScreen[None], SteadyDrawing):
    """Lists keys; any of the usual ones closes it."""

    CSS_PATH = "help.tcss"
    AUTO_FOCUS = "#help"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,f1,q,enter", "dismiss", "Close")]

    def __init__(self, text: str, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._text = text
        self._keys = keys

    def compose(self) -> ComposeResult:
        """The word, then the keys."""
        rows = [Content.assemble((f"{key:>9}", "bold $accent"), f"  {what}") for key, what in self._keys]
        with VerticalScroll(id="help"):
            if self._text:
                yield Static(self._text, id="help-text", markup=False)
            yield Static(Content("\n").join(rows), id="help-keys")
