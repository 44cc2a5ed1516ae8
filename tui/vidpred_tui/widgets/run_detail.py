"""Two lines on the run under the cursor: its id, tags and cause, then its note and what differs from the defaults."""

from textual.content import Content
from textual.widgets import Static

from vidpred_engine.store.registry import RunEntry
from vidpred_tui import formatting


class RunDetail(Static):
    """What the table has no column for, or no room."""

    DEFAULT_CSS = """
    RunDetail { height: 2; padding: 0 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, entry: RunEntry | None) -> None:
        """Describe a run, or nothing."""
        if entry is None:
            self.update("", layout=False)
            return
        changed = ", ".join(
            f"{name} {formatting.setting(value)}" for name, value in entry.changed.items() if name != "name"
        )
        above = [
            Content.styled(entry.run_id, "$foreground-muted"),
            Content.styled(" ".join(entry.tags), "$accent"),
            Content.styled(formatting.inert(entry.cause), "$text-warning"),
        ]
        below = [Content.styled(entry.note, "italic"), Content(changed or "all defaults")]
        lines = [Content("  ").join(part for part in parts if part) for parts in (above, below)]
        self.update(Content("\n").join(lines), layout=False)
