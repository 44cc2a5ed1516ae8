"""One-row controls whose value can be read without colour."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Checkbox, Input, Select


class TextControl(Input):
    """A text field without a blinking cursor, which alone would cost an SSH link 1.4 kB/s."""

    DEFAULT_CSS = """
    TextControl { background: $panel; &:focus { background: $block-cursor-background; } }
    """

    def __init__(self, value: str, *, id: str) -> None:
        super().__init__(value, id=id, compact=True)
        self.cursor_blink = False


class Toggle(Checkbox):
    """A checkbox that says on or off."""

    DEFAULT_CSS = """
    Toggle {
        background: $panel; width: 100%;
        & > .toggle--button, &.-on > .toggle--button { background: transparent; color: $foreground; }
        &.-textual-compact:focus {
            border: none; background: $block-cursor-background;
            & > .toggle--label { background: transparent; color: $foreground; text-style: none; }
        }
    }
    """
    BUTTON_LEFT = ""
    BUTTON_RIGHT = ""

    def __init__(self, value: bool, *, id: str) -> None:
        super().__init__(value=value, id=id, compact=True)
        self._say(value)

    def watch_value(self) -> None:
        """Say the new value, then announce it."""
        self._say(self.value)
        super().watch_value()

    def _say(self, value: bool) -> None:
        self.BUTTON_INNER = "[x]" if value else "[ ]"
        self.label = "on" if value else "off"


class Choice(Select[str], inherit_bindings=False):
    """A choice among words; it opens with Enter or Space and leaves the arrow keys to the form."""

    DEFAULT_CSS = """
    Choice {
        &.-textual-compact > SelectCurrent { background: $panel; }
        &.-textual-compact:focus > SelectCurrent { background: $block-cursor-background; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "show_overlay", "Choose", show=False)]

    def __init__(self, options: list[tuple[str, str]], value: str, *, id: str) -> None:
        super().__init__(options, value=value, allow_blank=False, compact=True, id=id)
