"""What someone has typed into the form of a new run and not started yet; it outlives the form and the program."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Draft:
    """The fields that differ from the preset `chosen`, as typed, in a form based on the run `origin` (empty: none)."""

    origin: str = ""
    chosen: str = ""
    values: dict[str, str] = field(default_factory=dict)
