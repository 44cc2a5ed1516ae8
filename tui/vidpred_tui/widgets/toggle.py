"""A one-row switch."""

from textual.widgets import Checkbox


class Toggle(Checkbox):
    """A checkbox that says on or off, so that it can be read without colour."""

    DEFAULT_CSS = """
    Toggle {
        background: $panel;
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
