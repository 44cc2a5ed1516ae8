"""Writing figures to files, without a display; matplotlib is imported here alone, as it takes half a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vidpred_engine.store.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GREY = "0.4"
BASELINE_DASHES = ("--", ":")
"""How the two baselines are drawn: repeat the first frame, repeat the mean training frame."""
DOTS_PER_INCH = 150
# What would make two files of the same figure differ, by the ending of their names.
_NAMELESS: dict[str, dict[str, Any]] = {".png": {"Software": None}, ".svg": {"Date": None}}


def save_figure(path: Path, title: str, inches: tuple[float, float], draw: Callable[[Figure], None]) -> None:
    """Draw into a file that ends in .png or .svg, which is replaced whole.

    It is drawn with matplotlib's own defaults whatever the user's are, and without metadata: same numbers, same bytes.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    ending = path.suffix.lower()
    with matplotlib.rc_context(matplotlib.rcParamsDefault), replacing(path) as temporary:
        matplotlib.rcParams["svg.hashsalt"] = "vidpred"
        canvas = Figure(figsize=inches, dpi=DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(canvas)
        canvas.suptitle(title)
        draw(canvas)
        canvas.savefig(temporary, format=ending[1:], metadata=_NAMELESS[ending])
