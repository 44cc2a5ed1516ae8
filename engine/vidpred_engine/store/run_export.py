"""A table of runs as a file: CSV for spreadsheets, JSON with all that the index knows."""

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from vidpred_engine.errors import UserError
from vidpred_engine.settings import describe_settings
from vidpred_engine.store import codec
from vidpred_engine.store.atomic import write_atomic
from vidpred_engine.store.comparison import FIGURES
from vidpred_engine.store.registry import RunEntry
from vidpred_engine.store.run_fields import setting_value
from vidpred_engine.typed_paths import check_new


def check_export(path: Path) -> None:
    """Raise UserError where a file cannot be meant: by its ending, its folder, or as it exists already."""
    check_new(path, "Runs are", (".csv", ".json"))


def write_runs(path: Path, entries: Sequence[RunEntry]) -> None:
    """Write runs in this order to a new file that ends in .csv or .json; raises UserError where that cannot be."""
    check_export(path)
    as_json = path.suffix.lower() == ".json"
    try:
        write_atomic(path, _json(entries) if as_json else _csv(entries))
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from None


def _json(entries: Sequence[RunEntry]) -> bytes:
    return codec.encode([asdict(entry) for entry in entries], indent=True)


def _csv(entries: Sequence[RunEntry]) -> bytes:
    """One row a run: what lists show, then each setting that is not at its default everywhere."""
    listed = ["run_id", "name", "state", "created", "epoch", "epochs", "step", "eta_seconds", *FIGURES]
    listed += ["starred", "tags", "note"]
    columns = {
        setting: f"setting_{setting.name}" if setting.name in listed else setting.name
        for setting in describe_settings()
        if setting.name not in ("name", "epochs") and any(setting.name in entry.changed for entry in entries)
    }
    rows = io.StringIO()
    writer = csv.DictWriter(rows, [*listed, *columns.values()], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for entry in entries:
        row = asdict(entry) | {name: entry.summary.get(name) for name in FIGURES}
        row |= {column: setting_value(entry, setting) for setting, column in columns.items()}
        row["created"] = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(entry.created))
        row["tags"] = " ".join(entry.tags)
        writer.writerow(row)
    return rows.getvalue().encode()
