"""How every screen and dialogue draws: at sizes that are present, and no faster than the terminal takes it."""

import asyncio
from typing import Any

from textual.events import Resize
from textual.screen import Screen

from vidpred_tui.terminal import output_pending

SECONDS_BETWEEN_LOOKS = 0.02


class SteadyDrawing(Screen[Any]):
    """What is to be drawn while output waits for a slow connection is drawn once, as it is by then.

    Textual 8.2 draws a new screen five times until it is complete, 90 kB at 160x48, and lets two sizes that follow
    each other closely call each other back for ever.
    """

    _postponed: asyncio.TimerHandle | None = None

    def on_resize(self, event: Resize) -> None:
        """Keep an outdated size from being laid out."""
        if event.size != self.app.size:
            event.prevent_default()

    def _compositor_refresh(self) -> None:
        if not output_pending():
            # Those that became dirty while drawing was postponed, too, as Textual takes all of them as drawn. None that
            # awaits its layout: Textual would take it as laid out, and never tell it its size.
            self._compositor.update_widgets(self._dirty_widgets & self._compositor.visible_widgets.keys())
            super()._compositor_refresh()
        elif self._postponed is None:
            self._postpone()

    def _postpone(self) -> None:
        self._postponed = asyncio.get_running_loop().call_later(SECONDS_BETWEEN_LOOKS, self._draw_postponed)

    def _draw_postponed(self) -> None:
        self._postponed = None
        if self.is_running and self.app._batch_count:
            self._postpone()  # Textual would draw nothing amid a batch of changes, and take all as drawn
        elif self.is_running:
            self._compositor_refresh()
