"""Mending a run's damaged files: each is set aside under another name, and written anew where something tells how."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vidpred_engine.errors import UserError
from vidpred_engine.launch.lock import only_trainer
from vidpred_engine.settings import RunSettings, validate_settings
from vidpred_engine.settings_toml import to_toml
from vidpred_engine.store.annotations import Annotations, write_annotations
from vidpred_engine.store.atomic import free_name, set_aside, write_atomic
from vidpred_engine.store.codec import number
from vidpred_engine.store.damage import Damage, Kind, LoadCheckpoint
from vidpred_engine.store.metric_log import MetricReader, Record, drop_damaged_lines
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory
from vidpred_engine.store.status import State, Status, write_status

PLANS: dict[Kind, str] = {
    "settings": "set it aside and write it anew from a checkpoint",
    "status": "set it aside and write it anew from the metric log",
    "annotations": "set it aside and write it anew from the index",
    "evaluation": "set it aside; `vidpred-engine evaluate` measures it anew",
    "metrics": "keep a copy and leave the damaged lines out",
    "frames": "set it aside; `vidpred-engine predict` makes it anew",
    "checkpoint": "set it aside",
    "leftover": "remove it",
    "index": "set it aside and rebuild it from the run folders",
}
"""What mending does with a damaged file of a kind; what is not here can only be mended by hand."""

_STATES: dict[str, State] = {"finish": "finished", "stop": "stopped", "fail": "failed", "nan": "failed"}
_LOSSES, _FIGURES = ("loss", "mse", "kl"), ("psnr", "repeat_first", "mean_frame")


@dataclass(frozen=True)
class Outcome:
    """Whether a damaged file is mended, and what was done or why it was not."""

    mended: bool
    what: str


def mend_run(run: RunDirectory, damaged: Sequence[Damage], load_checkpoint: LoadCheckpoint) -> dict[Path, Outcome]:
    """Mend files of one run; what can only be mended by hand is not in the result.

    Nothing is deleted but temporary files that were never finished. A run that is being trained is left alone.
    """
    mendable = [item for item in damaged if item.kind in PLANS]
    try:
        with only_trainer(run):
            outcomes = {item.path: _attempted(run, item, load_checkpoint) for item in mendable}
            if any(outcome.mended for outcome in outcomes.values()):
                Registry(run.path.parent).index(run)
    except (OSError, UserError) as error:
        return {item.path: Outcome(False, f"left as it is: {error}") for item in mendable}
    return outcomes


def mend_folder(runs: Path, damaged: Sequence[Damage]) -> dict[Path, Outcome]:
    """Mend a folder of runs: rebuild its index where that is damaged, and remove what was never finished."""
    outcomes = {}
    if any(item.kind == "index" for item in damaged):
        Registry(runs).rebuild()
    for item in damaged:
        if item.kind == "index":
            outcomes[item.path] = Outcome(True, "set aside and rebuilt from the run folders")
        elif item.kind == "leftover":
            item.path.unlink(missing_ok=True)
            outcomes[item.path] = Outcome(True, "removed")
    return outcomes


def _attempted(run: RunDirectory, item: Damage, load_checkpoint: LoadCheckpoint) -> Outcome:
    try:
        return Outcome(True, _mend(run, item, load_checkpoint))
    except (OSError, UserError) as error:
        return Outcome(False, f"left as it is: {error}")


def _mend(run: RunDirectory, item: Damage, load_checkpoint: LoadCheckpoint) -> str:
    """Mend one file and say how; raises UserError where nothing tells what it held."""
    path = item.path
    match item.kind:
        case "settings":
            source, settings = _settings_of_checkpoint(run, load_checkpoint)
            if settings is None:
                raise UserError("no checkpoint tells what it held; mend it by hand")
            return _replaced(path, to_toml(settings).encode(), f"checkpoints/{source}")
        case "status":
            found = derived_status(run)
            kept = _set_aside(path)
            write_status(path, found)
            return f"{kept}written anew from the metric log: {found.state}"
        case "annotations":
            said = _indexed_annotations(run)
            kept = _set_aside(path)
            if said is None:
                return f"{kept}the index tells nothing of the run"
            write_annotations(run, said)
            return f"{kept}written anew from the index"
        case "metrics":
            kept = _copied(path, "damaged")
            drop_damaged_lines(path)
            return f"{kept}, and its damaged lines left out"
        case "checkpoint":
            kept = _set_aside(path)
            if path.name == "last.pt" and run.metrics_file.is_file():  # beginning anew will drop what is logged
                kept += f"the run can only begin anew, so its log was {_copied(run.metrics_file, 'kept')}"
            return kept.removesuffix("; ")
        case "leftover":
            path.unlink(missing_ok=True)
            return "removed"
    return _set_aside(path).removesuffix("; ")


def derived_status(run: RunDirectory) -> Status:
    """What a run's metric log tells of its status; a run that ended without a word is lost."""
    try:
        epochs = run.settings().epochs
    except UserError:
        epochs = 0
    records = MetricReader(run.metrics_file).read_new()
    ends, validations = _of_kind(records, "epoch"), _of_kind(records, "validation")
    best = max((value for item in validations if (value := number(item.get("psnr"))) is not None), default=None)
    state, cause = _outcome(records)
    return Status(
        state,
        heartbeat=max((number(record.get("time")) or 0.0 for record in records), default=0.0),
        epoch=max((record.get("epoch", -1) + 1 for record in ends), default=0),
        epochs=epochs,
        step=max((record.get("step", -1) + 1 for record in _of_kind(records, "step")), default=0),
        cause=cause,
        summary=_last(ends, _LOSSES) | _last(validations, _FIGURES) | ({} if best is None else {"best_psnr": best}),
    )


def _outcome(records: Sequence[Record]) -> tuple[State, str]:
    """The state that the last event of a run's life tells of, and its cause."""
    if not records:
        return "created", ""
    life = [record for record in _of_kind(records, "event") if record.get("event") in (*_STATES, "start", "resume")]
    state = _STATES.get(life[-1]["event"], "lost") if life else "lost"
    return state, {"failed": life[-1].get("text", "") if life else "", "lost": "it ended without a word"}.get(state, "")


def _of_kind(records: Sequence[Record], kind: str) -> list[Record]:
    return [record for record in records if record["kind"] == kind]


def _last(records: Sequence[Record], names: Sequence[str]) -> dict[str, float | str | None]:
    """The fields of the last record that are numbers."""
    found = {name: number(records[-1].get(name)) for name in names} if records else {}
    return {name: value for name, value in found.items() if value is not None}


def _settings_of_checkpoint(run: RunDirectory, load_checkpoint: LoadCheckpoint) -> tuple[str, RunSettings | None]:
    for name in ("last.pt", "best.pt"):
        with suppress(ValueError, TypeError, KeyError):
            return name, validate_settings(load_checkpoint(run.checkpoints / name)["settings"])
    return "", None


def _indexed_annotations(run: RunDirectory) -> Annotations | None:
    entry = Registry(run.path.parent).indexed(run.run_id)
    if entry is None:
        return None
    own = "" if entry.name == entry.changed.get("name", "") else entry.name
    return Annotations(own, entry.tags, entry.note, entry.starred)


def _replaced(path: Path, content: bytes, source: str) -> str:
    kept = _set_aside(path)
    write_atomic(path, content)
    return f"{kept}written anew from {source}"


def _set_aside(path: Path) -> str:
    """Set a file aside where there is one, and say so."""
    return f"set aside as {set_aside(path).name}; " if path.exists() else ""


def _copied(path: Path, ending: str) -> str:
    copy = free_name(path, ending)
    shutil.copyfile(path, copy)
    return f"copied to {copy.name}"
