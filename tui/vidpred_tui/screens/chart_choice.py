"""Which charts are shown."""

from collections.abc import Collection, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import SelectionList, Static
from textual.widgets.selection_list import Selection


class ChartChoiceScreen(ModalScreen[tuple[str, ...] | None]):
    """Lists charts by their titles to choose from; the names chosen, in the list's order, None where all stays.

    The last one cannot be taken away.
    """

    CSS_PATH = "chart_choice.tcss"
    AUTO_FOCUS = "SelectionList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Show these", priority=True),
        Binding("escape,a", "dismiss", "Leave it"),
    ]

    def __init__(self, titles: Mapping[str, str], shown: Collection[str]) -> None:
        super().__init__()
        self._titles = titles
        self._shown = shown

    def compose(self) -> ComposeResult:
        """The list and how it is used."""
        choices = [Selection(title, name, name in self._shown) for name, title in self._titles.items()]
        with Vertical(id="choice"):
            yield Static("Charts", id="choice-title")
            yield SelectionList(*choices, compact=True)
            yield Static("Space adds or removes, Enter shows them, Esc leaves all as it is.", id="choice-hint")

    @on(SelectionList.SelectedChanged)
    def _keep_one(self, message: "SelectionList.SelectedChanged[str]") -> None:
        if not message.selection_list.selected:
            message.selection_list.select(next(iter(self._shown)))

    def action_choose(self) -> None:
        """Answer with what is chosen."""
        chosen = set(self.query_one(SelectionList).selected)
        self.dismiss(tuple(name for name in self._titles if name in chosen))
