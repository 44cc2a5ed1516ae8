"""The program's colours: one theme, and the signs and colours that tell curves and runs apart.

A terminal of 16 colours rounds each line colour to another hue: cyan, yellow, magenta, green, red, blue, white.
"""

from dataclasses import dataclass

from textual.theme import Theme

VIDPRED_THEME = Theme(
    name="vidpred",
    primary="#5fd7ff",
    secondary="#7a8fa6",
    accent="#ffd75f",
    warning="#ffaf5f",
    error="#ff6b6b",
    success="#7ee787",
    foreground="#dcdfe4",
    background="#14171c",
    surface="#1b1f26",
    panel="#232830",
    variables={
        "block-cursor-background": "#264f78",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#264f78",
        "footer-background": "#232830",
        "footer-key-foreground": "#ffd75f",
        "border": "#5fd7ff",
        "input-selection-background": "#264f78",
        "scrollbar": "#3c4654",
        "scrollbar-background": "#1b1f26",
        "scrollbar-corner-color": "#1b1f26",
    },
)

MUTED = "#9aa3ad"
STATE_COLOURS = {
    "created": MUTED,
    "queued": "#ffd75f",
    "starting": "#5fd7ff",
    "running": "#5fd7ff",
    "stalled": "#ffaf5f",
    "stopping": "#ffd75f",
    "finished": "#7ee787",
    "stopped": MUTED,
    "failed": "#ff8787",
    "lost": "#ff8787",
}


@dataclass(frozen=True)
class LineStyle:
    """What tells one run's curve from another's: a sign, so that none needs colour, and an RGB colour."""

    sign: str
    colour: tuple[int, int, int]

    @property
    def hex(self) -> str:
        """The colour as a stylesheet writes it."""
        return "#{:02x}{:02x}{:02x}".format(*self.colour)

    @property
    def edge(self) -> "LineStyle":
        """The style of a band's edge around the curve: no sign, and half as bright."""
        red, green, blue = self.colour
        return LineStyle("", (red // 2, green // 2, blue // 2))


RUN_STYLES = (
    LineStyle("●", (95, 215, 255)),
    LineStyle("▲", (255, 215, 95)),
    LineStyle("■", (255, 135, 255)),
    LineStyle("◆", (95, 255, 135)),
    LineStyle("✕", (255, 135, 135)),
    LineStyle("+", (85, 85, 255)),
    LineStyle("○", (215, 215, 215)),
)
BASELINE_STYLES = (LineStyle("f", (188, 188, 188)), LineStyle("m", (188, 188, 188)))
AXIS = (128, 128, 128)
BASELINE = (188, 188, 188)
FAULT = (255, 95, 95)


def run_style(index: int) -> LineStyle:
    """The style of the run at this place of a comparison; signs and colours pair differently after each round."""
    around, place = divmod(index, len(RUN_STYLES))
    return LineStyle(RUN_STYLES[place].sign, RUN_STYLES[(place + around) % len(RUN_STYLES)].colour)
