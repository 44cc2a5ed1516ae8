"""Doing at once what a control's keys mean."""

from textual import events
from textual.widget import Widget


async def act_at_once(widget: Widget, event: events.Key) -> None:
    """Run the widget's own binding of a key now, from its `on_key`.

    Textual looks a key up only once it has passed all widgets above, while letters act at once: typed fast, or on a
    busy machine, Home and what is typed behind it change places, and a key acts on whatever has the focus by then.
    """
    for binding in widget._bindings.key_to_bindings.get(event.key, ()):
        if await widget.app.run_action(binding.action, widget):
            event.stop()
            event.prevent_default()
            return
