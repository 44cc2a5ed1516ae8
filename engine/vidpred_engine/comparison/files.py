"""Writing a comparison to a file, whose ending says how."""

from pathlib import Path

from vidpred_engine.comparison.compare import Comparison
from vidpred_engine.comparison.documents import (
    comparison_csv,
    comparison_latex,
    comparison_markdown,
    comparison_values,
)
from vidpred_engine.errors import UserError
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.typed_paths import check_new

ENDINGS = (".csv", ".json", ".md", ".tex", ".png", ".svg")


def check_file(path: Path) -> None:
    """Raise UserError where a file cannot be meant: by its ending, or as it exists already."""
    check_new(path, "A comparison is", ENDINGS)


def write_comparison(path: Path, comparison: Comparison) -> None:
    """Write a comparison to a new file; raises UserError where that cannot be."""
    check_file(path)
    try:
        match path.suffix.lower():
            case ".csv":
                write_atomic(path, comparison_csv(comparison).encode())
            case ".json":
                write_atomic(path, codec.encode(comparison_values(comparison), indent=True))
            case ".md":
                write_atomic(path, comparison_markdown(comparison).encode())
            case ".tex":
                write_atomic(path, comparison_latex(comparison).encode())
            case _:
                from vidpred_engine.comparison.drawing import draw_comparison

                draw_comparison(path, comparison)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from None
