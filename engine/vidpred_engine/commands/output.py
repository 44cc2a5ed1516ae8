"""Tables, lines and JSON on standard output; nothing in them can act on the terminal."""

import json
import math
import sys
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vidpred_engine.inert import inert, inert_lines
from vidpred_engine.store import codec


def print_json(value: Any) -> None:
    """Print a value as indented JSON; NaN and infinities as strings."""
    lines = codec.encode(value, indent=True).decode().split("\n")
    sys.stdout.write("\n".join(line if line.isprintable() else _escaped(line) for line in lines) + "\n")


def print_text(text: str) -> None:
    """Print lines of text."""
    sys.stdout.write(inert_lines(text) + "\n")


def _escaped(line: str) -> str:
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in line)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "", *, written: Sequence[str] = ()
) -> None:
    """Print rows under their columns; numbers to the right, missing values as a dash.

    `written` names columns of numbers that are already written out, to be shown to the right as well.

    Without a terminal the table is as wide as it needs to be, so that no value is cut in a pipe.
    """
    console = Console(width=None if sys.stdout.isatty() else 400, highlight=False)
    if title:
        console.print(Text(inert(title)))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, column in enumerate(columns):
        numeric = column in written or any(isinstance(row[index], int | float) for row in rows)
        table.add_column(Text(inert(column)), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(inert(shown(value))) for value in row))
    console.print(table)


def shown(value: Any) -> str:
    """A value as a person reads it."""
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) and abs(value) < 1 else f"{value:.2f}"
    return str(value)
