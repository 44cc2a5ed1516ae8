"""A one-row text field."""

from textual.keys import REPLACED_KEYS, key_to_character
from textual.widgets import Input


class TextControl(Input):
    """A text field whose cursor does not blink: blinking alone costs an SSH link 1.4 kB/s."""

    DEFAULT_CSS = """
    TextControl { background: $panel; &:focus { background: $block-cursor-background; } }
    """

    def __init__(self, value: str, *, id: str) -> None:
        super().__init__(value, id=id, compact=True)
        self.cursor_blink = False

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is typed, and so none of the screen's; Textual forgets those that it calls "plus" and such."""
        return super().check_consume_key(key, character or key_to_character(REPLACED_KEYS.get(key, key)))
