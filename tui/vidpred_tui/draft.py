"""What someone has typed into the form of a new run and not started yet; it outlives the form and the program."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Draft:
    """The fields that differ from the preset `chosen`, as typed, in a form based on the run `origin` (empty: none)."""

    origin: str = ""
    chosen: str = ""
    values: dict[str, str] = field(default_factory=dict)


def draft_of(origin: str) -> str:
    """The name under which a draft is remembered: a copy's leaves alone that of a form that began with a preset."""
    return "draft-copy" if origin else "draft"
