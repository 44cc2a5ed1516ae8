"""Which charts are shown."""

from collections.abc import Collection, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from vidpred_tui.screens.steady import SteadyDrawing


class ChartChoiceScreen(ModalScreen[tuple[str, ...] | None], SteadyDrawing):
    """Lists charts by their titles to choose from; the names chosen, in the list's order, None where all stays.

    The last one cannot be taken away.
    """

    CSS_PATH = "chart_choice.tcss"
    AUTO_FOCUS = "OptionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "turn", "Add or remove"),
        Binding("enter", "choose", "Show these", priority=True),
        Binding("escape,a", "dismiss", "Leave it"),
    ]

    def __init__(self, titles: Mapping[str, str], shown: Collection[str]) -> None:
        super().__init__()
        self._titles = titles
        self._chosen = set(shown)

    def compose(self) -> ComposeResult:
        """The list and how it is used."""
        with Vertical(id="choice"):
            yield Static("Charts", id="choice-title")
            yield OptionList(*(Option(self._row(name), name) for name in self._titles), markup=False, compact=True)
            yield Static("Space adds or removes, Enter shows them, Esc leaves all as it is.", id="choice-hint")

    def _row(self, name: str) -> str:
        return f"{'✓' if name in self._chosen else ' '} {self._titles[name]}"

    def action_turn(self) -> None:
        """Add the chart under the cursor, or remove it."""
        listed = self.query_one(OptionList)
        name = list(self._titles)[listed.highlighted or 0]
        if self._chosen != {name}:
            self._chosen ^= {name}
            listed.replace_option_prompt(name, self._row(name))

    def action_choose(self) -> None:
        """Answer with what is chosen."""
        self.dismiss(tuple(name for name in self._titles if name in self._chosen))
