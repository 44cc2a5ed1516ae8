"""The keys of the current screen, packed to fit 80 columns."""

from textual.widgets import Footer


class KeyFooter(Footer):
    """A compact footer."""

    DEFAULT_CSS = """
    KeyFooter { padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
