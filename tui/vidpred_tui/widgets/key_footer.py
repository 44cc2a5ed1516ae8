"""The keys of the current screen, as many as fit."""

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer, Static
from textual.widgets._footer import FooterKey

MORE = "…"


class KeyFooter(Footer):
    """A compact footer: first the keys that work everywhere, help among them, then the screen's in their order."""

    DEFAULT_CSS = """
    KeyFooter { padding: 0 1; }
    #more-keys { width: auto; color: $footer-description-foreground; }
    """

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._shown: list[tuple[str, str, str, bool]] = []

    def compose(self) -> ComposeResult:
        """Whole keys only, as one cut in the middle says nothing; behind them whether there are more."""
        widths = [cell_len(f"{written} {description} ") for _, written, description, _ in self._shown]
        room = self.size.width + 1  # nothing follows the last one, unless there are more
        fits_all = sum(widths) <= room
        for (key, written, description, enabled), width in zip(self._shown, widths, strict=True):
            room -= width
            if room < (0 if fits_all else 1 + cell_len(MORE)):
                break
            yield FooterKey(key, written, description, "", disabled=not enabled).data_bind(compact=Footer.compact)
        if not fits_all:
            yield Static(MORE, id="more-keys")

    def on_resize(self) -> None:
        """Show more keys, or fewer."""
        self.call_after_refresh(self.recompose)

    def bindings_changed(self, screen: "Screen[object]") -> None:
        """Compose anew only where another key is to be shown: the focus moves far more often than the keys change.

        While the terminal is elsewhere nothing has the focus; what is shown stays until it is back.
        """
        if self._shown and not self.app.app_focus:
            return
        active = [item for item in screen.active_bindings.values() if item.binding.show]
        active.sort(key=lambda item: item.node is not self.app)
        keys = [
            (item.binding.key, self.app.get_key_display(item.binding), item.binding.description, item.enabled)
            for item in active
        ]
        if keys != self._shown:
            self._shown = keys
            self.call_after_refresh(self.recompose)
