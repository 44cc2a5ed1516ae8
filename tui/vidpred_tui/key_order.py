"""Keys act one after the other: each where the one before it has led.

Textual 8.2 hands all keys that have arrived to what has the focus by then. Over a slow link several come at once, and
what is typed behind a key that opens a question went to the screen below it.
"""

import asyncio
from collections import deque

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

# A widget that is gone never says that it is done with a key.
LONGEST_SECONDS = 1.0


class OrderedKeys(App[None]):
    """Holds keys and pasted text back while a key is on its way through the widgets, or its screen is being built."""

    def __init__(self, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._held: deque[events.Event] = deque()
        self._acting: events.Event | None = None

    async def on_event(self, event: events.Event) -> None:
        """Take a key or pasted text in its turn."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._acting is not None:
            self._held.append(event)
        else:
            await self._act(event)

    async def _act(self, event: events.Event) -> None:
        self._acting = event
        asyncio.get_running_loop().call_later(LONGEST_SECONDS, self._has_acted, event)
        target = self.focused or self.screen
        await super().on_event(event)
        if not target.call_later(self._follow, target, event):
            self._has_acted(event)

    def _follow(self, node: MessagePump, event: events.Event) -> None:
        """Go from widget to widget behind a key, to the app, where its action is run; then wait for the screen."""
        above = node._parent
        if above is not None:
            is_on_its_way = above.call_later(self._follow, above, event)
        else:
            is_on_its_way = bool(self.screen_stack) and self.screen.call_later(self._has_acted, event)
        if not is_on_its_way:
            self._has_acted(event)

    def _has_acted(self, event: events.Event) -> None:
        self.call_later(self._take_next, event)  # in the app's own turn

    async def _take_next(self, after: events.Event) -> None:
        if after is self._acting:  # else that was done already
            self._acting = None
            if self._held:
                await self._act(self._held.popleft())
