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
LONGEST_SECONDS = 0.5


class OrderedKeys(App[None]):
    """Holds keys and pasted text back while a key is on its way through the widgets, or its screen is being built."""

    def __init__(self, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._held: deque[events.Event] = deque()
        self._acting = 0  # the number of the key on its way; 0 for none
        self._keys = 0

    async def on_event(self, event: events.Event) -> None:
        """Take a key or pasted text in its turn."""
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._acting:
            self._held.append(event)
        else:
            await self._act(event)

    async def _act(self, event: events.Event) -> None:
        self._keys += 1
        number = self._acting = self._keys
        asyncio.get_running_loop().call_later(LONGEST_SECONDS, self._has_acted, number)
        target = self.focused or self.screen
        await super().on_event(event)
        if not target.call_later(self._follow, target, number):
            self._follow(self, number)

    def _follow(self, node: MessagePump, number: int) -> None:
        """Go from widget to widget behind a key, to the app, where its action is run; then wait for the screen."""
        above = node._parent
        if above is not None:
            if not above.call_later(self._follow, above, number):
                self._has_acted(number)
        elif not self.screen_stack or not self.screen.call_later(self._has_acted, number):
            self._has_acted(number)

    def _has_acted(self, number: int) -> None:
        """Take the next key in the app's own turn, unless that was done already."""
        if number == self._acting:
            self._acting = self._keys = self._keys + 1  # whatever else comes of that key is too late
            self.call_later(self._next)

    async def _next(self) -> None:
        self._acting = 0
        if self._held:
            await self._act(self._held.popleft())
