"""Which runs a list shows, in which order, and which are marked; it knows no widget."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_fields import named_fields, sorted_by
from vidpred_engine.store.run_filter import FilterError, parse_filter


@dataclass(frozen=True)
class Order:
    """By which field of the filter language runs are sorted, and whether the greatest stands first."""

    field: str = "age"
    descending: bool = False


@dataclass(frozen=True)
class RunsLook:
    """How the list is looked at, to be remembered: sorted by which field, and through which filter."""

    field: str = "age"
    descending: bool = False
    filter: str = ""


class RunList:
    """All runs, newest first, and what is made of them."""

    def __init__(self) -> None:
        self.entries: tuple[RunEntry, ...] = ()
        self.shown: list[RunEntry] = []
        self.marked: dict[str, None] = {}
        self.order = Order()
        self.filter = ""
        self._matches = parse_filter("")

    def load(self, entries: Iterable[RunEntry]) -> None:
        """Take these runs; marks of those that are gone go with them."""
        self.entries = tuple(entries)
        if self.marked:
            known = {entry.run_id for entry in self.entries}
            self.marked = {run_id: None for run_id in self.marked if run_id in known}
        self.renew()

    def renew(self) -> None:
        """Filter and sort anew: ages change by themselves."""
        now = time.time()
        (field, *_) = named_fields(self.order.field)
        meant = (entry for entry in self.entries if self._matches(entry, now))
        self.shown = sorted_by(meant, field, now, descending=self.order.descending)

    def use_filter(self, text: str) -> None:
        """Show what the filter means; raises FilterError, and goes on showing what it does."""
        self._matches = parse_filter(text)
        self.filter = text.strip()
        self.renew()

    def sort_by(self, name: str) -> None:
        """Sort by a field, what people look for first standing first; by the same field again, the other way."""
        (field, *_) = named_fields(name)
        again = name == self.order.field
        self.order = Order(name, not self.order.descending if again else field.descends)
        self.renew()

    @property
    def look(self) -> RunsLook:
        """How the list is looked at."""
        return RunsLook(self.order.field, self.order.descending, self.filter)

    def use_look(self, look: RunsLook) -> None:
        """Look at the list as before; a field or filter that is not understood any more is left out."""
        if named_fields(look.field):
            self.order = Order(look.field, look.descending)
        with suppress(FilterError):
            self.use_filter(look.filter)

    @property
    def hidden_marks(self) -> int:
        """How many of the marked runs the filter hides."""
        return len(self.marked.keys() - {entry.run_id for entry in self.shown}) if self.marked else 0

    def toggle_mark(self, run_id: str) -> None:
        """Mark a run, or take its mark away."""
        if run_id in self.marked:
            del self.marked[run_id]
        else:
            self.marked[run_id] = None

    def toggle_all(self) -> None:
        """Mark all that are shown, or, where all are, take their marks away."""
        shown = {entry.run_id: None for entry in self.shown}
        if shown.keys() <= self.marked.keys():
            self.marked = {run_id: None for run_id in self.marked if run_id not in shown}
        else:
            self.marked |= shown
