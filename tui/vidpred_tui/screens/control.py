"""What a run at work can be asked for, and what it has answered."""

import time
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from vidpred_engine.store.codec import number
from vidpred_engine.store.control import REQUESTS, Request
from vidpred_engine.store.metric_log import Record
from vidpred_tui.formatting import inert
from vidpred_tui.screens.steady import SteadyDrawing

ANSWERS_SHOWN = 4
KEYS: dict[str, Request] = {"c": "checkpoint", "v": "validate", "e": "stop-after-epoch", "s": "stop"}


class ControlScreen(ModalScreen[Request | None], SteadyDrawing):
    """Asks which; None where someone thinks better of it."""

    CSS_PATH = "control.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"ask('{request}')", REQUESTS[request]) for key, request in KEYS.items()),
        Binding("escape,k,q", "dismiss", "Leave it"),
    ]

    def __init__(self, name: str, answers: Sequence[Record]) -> None:
        super().__init__()
        self._name = name
        self._answers = answers

    def compose(self) -> ComposeResult:
        """The keys, then the answers."""
        rows = [Content.assemble((f"  {key}  ", "bold $accent"), REQUESTS[request]) for key, request in KEYS.items()]
        with Vertical(id="control"):
            yield Static(f"Ask {self._name} to", id="control-title", markup=False)
            yield Static(Content("\n").join(rows), id="control-keys")
            yield Static(Content("\n").join(map(_told, self._answers[-ANSWERS_SHOWN:])), id="control-answers")

    def action_ask(self, request: Request) -> None:
        """Ask for this."""
        self.dismiss(request)


def _told(answer: Record) -> Content:
    at = number(answer.get("time")) or 0.0
    written = time.strftime("%H:%M:%S", time.localtime(min(max(at, 0.0), 1e11)))
    return Content.styled(f"{written}  ", "$foreground-muted") + Content(inert(str(answer.get("text", ""))))
