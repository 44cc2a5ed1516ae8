"""The command palette: all that the keys of the screen do, and what has no key."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from textual.app import App, SystemCommand
from textual.screen import Screen


def key_commands(app: App[Any], screen: "Screen[Any]") -> Iterator[SystemCommand]:
    """A command for each thing that a key does here and now, hidden keys among them; widgets' own movements are not."""
    told = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        is_meant = binding.show or active.node in (screen, app)
        if binding.description and is_meant and active.enabled and binding.description not in told:
            told.add(binding.description)
            run: Callable[[], Any] = partial(app.run_action, binding.action, active.node)
            yield SystemCommand(binding.description, f"Key {app.get_key_display(binding)}", run)
