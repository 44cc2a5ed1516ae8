"""The keys of the current screen, packed to fit 80 columns."""

from textual.screen import Screen
from textual.widgets import Footer


class KeyFooter(Footer):
    """A compact footer."""

    DEFAULT_CSS = """
    KeyFooter { padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._shown: list[tuple[str, str, bool]] = []

    def bindings_changed(self, screen: "Screen[object]") -> None:
        """Compose anew only where another key is to be shown: the focus moves far more often than the keys change."""
        active = screen.active_bindings.values()
        shown = [(item.binding.key, item.binding.description, item.enabled) for item in active if item.binding.show]
        if shown != self._shown:
            self._shown = shown
            super().bindings_changed(screen)
