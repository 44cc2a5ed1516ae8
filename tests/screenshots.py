"""Draw the README's pictures from the real program: `python tests/screenshots.py RUNS`, with finished runs in RUNS.

The newest finished run is shown alone, and beside the one before it where there are two.
"""

import os
import sys
import tempfile
from pathlib import Path

from picture import picture
from terminal import Terminal

HERE = Path(__file__).resolve().parent.parent
COLUMNS, ROWS = 160, 48
ENTER, ESCAPE, PAGE_DOWN = "\r", "\x1b", "\x1b[6~"


def main(runs: Path) -> None:
    """Go from screen to screen and keep what each shows."""
    os.environ |= {"COLORTERM": "truecolor", "XDG_STATE_HOME": tempfile.mkdtemp()}  # as nobody has ever used it
    with Terminal(runs, columns=COLUMNS, rows=ROWS) as terminal:

        def keep(name: str, *words: str) -> None:
            terminal.sees(*words)
            terminal.until_quiet()
            picture(terminal.screen).save(HERE / "tui" / f"{name}.png", optimize=True)
            print(f"tui/{name}.png")

        terminal.sees("finished", "Reverse")
        terminal.press("n")
        keep("settings", "New run", "Start from")
        terminal.press(ESCAPE)
        terminal.sees("finished", "Reverse")
        terminal.press(ENTER)
        keep("live", "PSNR", "TFR")
        terminal.press("f")
        terminal.sees("truth", "pose")
        terminal.press(*[PAGE_DOWN] * 6)
        keep("frames", "61/")
        terminal.press(ESCAPE, ESCAPE)
        terminal.sees("finished", "Reverse")
        terminal.press("A", "c")
        keep("compare", "Compare", "Metrics")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
