"""The program's colours: its themes, and under each the signs and colours that tell curves, runs and states apart.

A terminal of 16 colours rounds each line colour of the first theme to another hue: cyan, yellow, magenta, green, red,
blue, white.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from textual.theme import Theme

from vidpred_engine.comparison.telling_apart import PLACES

Colour = tuple[int, int, int]


def _variables(
    cursor: str, cursor_text: str, panel: str, accent: str, border: str, scroll: str, behind: str
) -> dict[str, str]:
    return {
        "block-cursor-background": cursor,
        "block-cursor-foreground": cursor_text,
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": cursor,
        "footer-background": panel,
        "footer-key-foreground": accent,
        "border": border,
        "input-selection-background": cursor,
        "scrollbar": scroll,
        "scrollbar-background": behind,
        "scrollbar-corner-color": behind,
    }


# Surfaces are greys, though not quite: in the 256 colours that SSH users have, bluish ones turn navy and lilac.
_DARK = Theme(
    name="vidpred",
    primary="#5fd7ff",
    secondary="#7a8fa6",
    accent="#ffd75f",
    warning="#ffaf5f",
    error="#ff6b6b",
    success="#7ee787",
    foreground="#dcdfe4",
    background="#16181b",
    surface="#1d2024",
    panel="#282b30",
    variables=_variables("#264f78", "#ffffff", "#282b30", "#ffd75f", "#5fd7ff", "#3c4654", "#1d2024"),
)
_LIGHT = Theme(
    name="vidpred-light",
    primary="#005f9e",
    secondary="#5b6b7c",
    accent="#8a5200",
    warning="#9a5200",
    error="#b3261e",
    success="#1a7032",
    foreground="#1f2328",
    background="#fafafa",
    surface="#f3f4f5",
    panel="#e7e9eb",
    dark=False,
    variables=_variables("#b6d7f2", "#101418", "#e7e9eb", "#8a5200", "#005f9e", "#a9b4c0", "#e7e9eb"),
)
# Okabe and Ito's colours: no two that matter differ in red and green alone.
_COLOUR_BLIND = replace(
    _DARK,
    name="vidpred-colour-blind",
    primary="#56b4e9",
    accent="#f0e442",
    warning="#e69f00",
    error="#e8762d",
    success="#56b4e9",
    variables=_variables("#0b4a75", "#ffffff", "#282b30", "#f0e442", "#56b4e9", "#3c4654", "#1d2024"),
)
THEMES = (_DARK, _LIGHT, _COLOUR_BLIND)
DEFAULT_THEME = _DARK.name


@dataclass(frozen=True)
class Colours:
    """What is drawn outside stylesheets: `runs` for curves in turn, the others by what they are for."""

    runs: tuple[Colour, ...]
    states: Mapping[str, str]
    baseline: Colour
    axis: Colour
    fault: Colour
    background: Colour


def _states(live: str, held: str, stalled: str, done: str, bad: str, idle: str) -> Mapping[str, str]:
    of_kinds = {
        "created": idle,
        "queued": idle,
        "starting": live,
        "running": live,
        "stalled": stalled,
        "stopping": held,
    }
    return MappingProxyType({**of_kinds, "finished": done, "stopped": idle, "failed": bad, "lost": bad})


_ON_DARK = Colours(
    runs=(
        (95, 215, 255),
        (255, 215, 95),
        (255, 135, 255),
        (95, 255, 135),
        (255, 135, 135),
        (85, 85, 255),
        (215, 215, 215),
    ),
    states=_states("#5fd7ff", "#ffd75f", "#ffaf5f", "#7ee787", "#ff8787", "#9aa3ad"),
    baseline=(188, 188, 188),
    axis=(128, 128, 128),
    fault=(255, 95, 95),
    background=(22, 24, 27),
)
_ON_LIGHT = Colours(
    runs=(
        (0, 110, 180),
        (158, 96, 0),
        (170, 0, 150),
        (0, 122, 60),
        (198, 40, 40),
        (70, 60, 220),
        (90, 90, 90),
    ),
    states=_states("#005f9e", "#8a5200", "#9a5200", "#1a7032", "#b3261e", "#5b6b7c"),
    baseline=(100, 100, 100),
    axis=(120, 120, 120),
    fault=(200, 0, 0),
    background=(250, 250, 250),
)
_FOR_COLOUR_BLIND = replace(
    _ON_DARK,
    runs=(
        (86, 180, 233),
        (240, 228, 66),
        (204, 121, 167),
        (0, 158, 115),
        (213, 94, 0),
        (0, 114, 178),
        (230, 159, 0),
    ),
    states=_states("#56b4e9", "#f0e442", "#e69f00", "#56b4e9", "#e8762d", "#9aa3ad"),
    fault=(230, 159, 0),
)
_COLOURS = {_LIGHT.name: _ON_LIGHT, _COLOUR_BLIND.name: _FOR_COLOUR_BLIND}
_active = _ON_DARK


def use_theme(theme: Theme) -> None:
    """Draw in a theme's colours from now on; one that is not vidpred's own is drawn on as dark or as light."""
    global _active  # a terminal has one theme at a time, and styles are made far from the app
    _active = _COLOURS.get(theme.name, _ON_DARK if theme.dark else _ON_LIGHT)


def colours() -> Colours:
    """The colours of the theme in use."""
    return _active


def state_colour(state: str) -> str:
    """The colour of a state as a stylesheet writes it, empty for one that is unknown."""
    return _active.states.get(state, "")


BASELINE = -1


@dataclass(frozen=True)
class LineStyle:
    """What tells one run's curve from another's: a sign, so that none needs colour, and a place among the colours."""

    sign: str
    hue: int
    is_edge: bool = False

    @property
    def colour(self) -> Colour:
        """Red, green and blue under the theme in use; the edge of a band is halfway to the background."""
        colour = _active.baseline if self.hue == BASELINE else _active.runs[self.hue]
        if not self.is_edge:
            return colour
        red, green, blue = ((part + behind) // 2 for part, behind in zip(colour, _active.background, strict=True))
        return red, green, blue

    @property
    def hex(self) -> str:
        """The colour as a stylesheet writes it."""
        return "#{:02x}{:02x}{:02x}".format(*self.colour)

    @property
    def edge(self) -> "LineStyle":
        """The style of a band's edge around the curve, which has no sign."""
        return LineStyle("", self.hue, is_edge=True)


RUN_STYLES = tuple(LineStyle(sign, hue) for hue, sign in enumerate("●▲■◆*+○"))
assert len(RUN_STYLES) == PLACES
BASELINE_STYLES = (LineStyle("f", BASELINE), LineStyle("m", BASELINE))


def run_style(place: int) -> LineStyle:
    """The style of the run at this place among signs and colours, which pair differently after each round."""
    around, index = divmod(place, PLACES)
    return LineStyle(RUN_STYLES[index].sign, (index + around) % PLACES)
