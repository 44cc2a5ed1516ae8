"""A run's folder, the truth about it: settings, metrics, status, checkpoints, evaluations, sample frames and log."""

import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

from vidpred_engine.errors import NewerFormatError, UserError
from vidpred_engine.settings import RunSettings, validate_settings
from vidpred_engine.settings_toml import parse_toml, to_toml
from vidpred_engine.store.atomic import file_stamp, write_atomic
from vidpred_engine.store.reading import read_whole, why_unreadable
from vidpred_engine.store.status import Status, observed, read_status, write_status

RUN_ID = re.compile(r"\d{8}-\d{6}-[\w.+=@-]+")


@dataclass(frozen=True)
class RunDirectory:
    """Names the files of one run; the folder's name is the run's id."""

    path: Path

    @property
    def run_id(self) -> str:
        """The run's id: start time, name and four random hex digits."""
        return self.path.name

    @property
    def settings_file(self) -> Path:
        """settings.toml: complete and resolved."""
        return self.path / "settings.toml"

    @property
    def metrics_file(self) -> Path:
        """metrics.jsonl, see `metric_log`."""
        return self.path / "metrics.jsonl"

    @property
    def status_file(self) -> Path:
        """status.json, see `status`."""
        return self.path / "status.json"

    @property
    def annotations_file(self) -> Path:
        """annotations.json, see `annotations`; there is none before anything is said of the run."""
        return self.path / "annotations.json"

    @property
    def log_file(self) -> Path:
        """log.txt: standard output and error of the process."""
        return self.path / "log.txt"

    @property
    def lock_file(self) -> Path:
        """Held by the one process that trains the run; the kernel frees it when that process ends."""
        return self.path / "train.lock"

    @property
    def checkpoints(self) -> Path:
        """Folder of last.pt and best.pt."""
        return self.path / "checkpoints"

    @property
    def evaluations(self) -> Path:
        """Folder of evaluation records, see `evaluations`."""
        return self.path / "evaluation"

    @property
    def frames(self) -> Path:
        """Folder of sample rollouts."""
        return self.path / "frames"

    def settings(self) -> RunSettings:
        """Read and validate the run's settings; raises UserError naming the file."""
        try:
            content = read_whole(self.settings_file)
            if not content.strip():  # without settings it would stand for all the defaults
                raise UserError(f"The settings file {self.settings_file} is empty.")
            return validate_settings(parse_toml(content, self.settings_file))
        except FileNotFoundError:
            why = f"There is no settings file {self.settings_file}."
        except OSError as error:
            why = f"The settings file {self.settings_file} cannot be read: {why_unreadable(error)}."
        except NewerFormatError as error:
            raise NewerFormatError(f"Run {self.run_id} has no usable settings: {error}") from None
        except UserError as error:
            why = str(error)
        raise UserError(f"Run {self.run_id} has no usable settings: {why}")

    def status(self) -> Status:
        """The run's status, corrected by what can be seen of its process."""
        return observed(read_status(self.status_file))

    def created(self) -> float:
        """When the run was made, Unix seconds, from its id; the folder's own time where the id does not tell."""
        try:
            return time.mktime(time.strptime(self.run_id[:15], "%Y%m%d-%H%M%S"))
        except (ValueError, OverflowError):
            found = file_stamp(self.path)
            return found[0] / 1e9 if found else 0.0

    def refuse_links(self) -> None:
        """Raise UserError where something in the run's folder is a link: what is written there could land anywhere."""
        with os.scandir(self.path) as found:
            links = sorted(item.name for item in found if item.is_symlink())
        if links:
            raise UserError(f"{self.path / links[0]} is a link; put what it leads to in its place, or remove it.")


def create_run(runs: Path, settings: RunSettings) -> RunDirectory:
    """Make a new run's folder below `runs` with its settings, never started: whole, or none that is a run's."""
    word = re.sub(r"[^\w.+=@-]+", "-", settings.name).strip("-.") or "run"
    run_id = f"{time.strftime('%Y%m%d-%H%M%S')}-{word}-{secrets.token_hex(2)}"
    run, hidden = RunDirectory(runs / run_id), RunDirectory(runs / f".{run_id}")
    try:
        hidden.path.mkdir(parents=True)
        for folder in (hidden.checkpoints, hidden.evaluations, hidden.frames):
            folder.mkdir()
        write_atomic(hidden.settings_file, to_toml(settings).encode())
        write_status(hidden.status_file, Status("created", epochs=settings.epochs))
        hidden.path.rename(run.path)
    except OSError as error:
        raise UserError(f"The run folder {run.path} cannot be made: {error.strerror}.") from None
    return run


def run_ids(runs: Path) -> list[str]:
    """The ids of all runs below `runs`, oldest first; other folders are passed over, and links, as they lead out."""
    if not runs.is_dir():
        return []
    with os.scandir(runs) as found:  # tells a folder from a file without asking the disk for each of 10,000
        return sorted(item.name for item in found if RUN_ID.fullmatch(item.name) and item.is_dir(follow_symlinks=False))


def run_directories(runs: Path) -> list[RunDirectory]:
    """The folders of all runs below `runs`, oldest first."""
    return [RunDirectory(runs / run_id) for run_id in run_ids(runs)]


def find_run(runs: Path, wanted: str) -> RunDirectory:
    """The run that `wanted` names: a folder, an id, a unique part of an id, or 'last'; raises UserError."""
    if file_stamp(Path(wanted) / "settings.toml") is not None:
        return RunDirectory(Path(wanted).resolve())
    known = run_directories(runs)
    if not known:
        raise UserError(f"There is no run in {runs} yet; start one with `vidpred-engine train`.")
    if wanted == "last":
        return known[-1]
    exact = [run for run in known if run.run_id == wanted]
    near = exact or [run for run in known if wanted and wanted in run.run_id]
    if len(near) == 1:
        return near[0]
    if near:
        names = ", ".join(run.run_id for run in near[:5])
        more = ", ..." if len(near) > 5 else ""
        raise UserError(f"'{wanted}' names {len(near)} runs ({names}{more}); give more of the id.")
    raise UserError(f"There is no run '{wanted}' in {runs}; `vidpred-engine runs list` shows all.")
