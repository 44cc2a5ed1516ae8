"""Two lines on the run under the cursor: its id and cause, and what differs from the defaults."""

from textual.content import Content
from textual.widgets import Static

from vidpred_engine.store.registry import RunEntry
from vidpred_tui import formatting


class RunDetail(Static):
    """What the table has no column for."""

    DEFAULT_CSS = """
    RunDetail { height: 2; padding: 0 1; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def show(self, entry: RunEntry | None) -> None:
        """Describe a run, or nothing."""
        if entry is None:
            self.update("", layout=False)
            return
        cause = Content.styled(f"  {entry.cause}", "$text-warning") if entry.cause else Content("")
        changed = ", ".join(
            f"{name} {formatting.setting(value)}" for name, value in entry.changed.items() if name != "name"
        )
        self.update(
            Content.styled(entry.run_id, "$foreground-muted")
            + cause
            + Content("\n")
            + Content(changed or "all defaults"),
            layout=False,
        )
