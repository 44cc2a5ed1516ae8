"""`vidpred-engine doctor` and `vidpred-engine registry rebuild`: what is wrong in the runs folder, and mending it."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidpred_engine.commands.options import Subparsers, add_command, add_json, add_runs_folder
from vidpred_engine.commands.output import print_json, print_table, print_text
from vidpred_engine.errors import UserError
from vidpred_engine.inert import inert
from vidpred_engine.progress import Progress
from vidpred_engine.store.damage import Damage, folder_damage, run_damage
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.repair import PLANS, Outcome, mend_folder, mend_run
from vidpred_engine.store.run_directory import find_run, run_directories

EXIT_DAMAGED = 1
BY_HAND = "nothing: this is to be mended by hand"
DETAILS = """Looks at every file of the runs: settings, status, metric log, annotations, checkpoints (loaded
weights-only), evaluations, rollouts and the index, and at what killed processes left behind. A damaged file hides only
itself.

--repair sets damaged files aside as NAME.damaged, deletes none, and writes anew what the other files tell. The exit
code is 0 where nothing is wrong or all is mended, else 1."""


@dataclass(frozen=True)
class _Finding:
    """Damage, and what was done or is to be done about it; `run` is empty for the folder of runs itself."""

    run: str
    damage: Damage
    outcome: Outcome


def add(commands: Subparsers) -> None:
    """Declare the commands."""
    doctor = add_command(commands, "doctor", "Say what is wrong with the files of runs, and mend them.", DETAILS)
    doctor.add_argument("run", metavar="RUN", nargs="*", help="only these runs: ids, parts of ids, folders, or 'last'")
    doctor.add_argument("--repair", action="store_true", help="set damaged files aside and write anew what can be")
    add_runs_folder(doctor)
    add_json(doctor)
    doctor.set_defaults(call=_doctor)

    registry = add_command(commands, "registry", "The index of all runs.")
    inner = registry.add_subparsers(title="commands", required=True, metavar="COMMAND")
    rebuild = add_command(
        inner, "rebuild", "Make the index anew from the run folders, which hold everything; the old one is kept."
    )
    add_runs_folder(rebuild)
    rebuild.set_defaults(call=_rebuild)


def _rebuild(arguments: argparse.Namespace) -> int:
    _require_folder(arguments.runs)
    count = Registry(arguments.runs).rebuild()
    print_text(f"The index of {arguments.runs} is rebuilt from {count} run folder{'s' * (count != 1)}.")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    _require_folder(arguments.runs)
    runs = [find_run(arguments.runs, word) for word in arguments.run] or run_directories(arguments.runs)
    findings: list[_Finding] = []
    if not arguments.run:  # first: runs are indexed once they are mended
        damaged = folder_damage(arguments.runs)
        findings += _findings("", damaged, mend_folder(arguments.runs, damaged) if arguments.repair else {})
    with Progress().bar("looking", len(runs), unit="run") as bar:
        for run in runs:
            damaged = run_damage(run, _load_checkpoint)
            mended = mend_run(run, damaged, _load_checkpoint) if arguments.repair and damaged else {}
            findings += _findings(run.run_id, damaged, mended)
            bar.update()
    _print(findings, len(runs), arguments)
    return 0 if all(finding.outcome.mended for finding in findings) else EXIT_DAMAGED


def _findings(run: str, damaged: list[Damage], outcomes: Mapping[Path, Outcome]) -> list[_Finding]:
    """What was done about each damaged file; where nothing was, what repairing would do."""
    plans = {item.path: Outcome(False, PLANS.get(item.kind, BY_HAND)) for item in damaged}
    return [_Finding(run, item, outcomes.get(item.path, plans[item.path])) for item in damaged]


def _load_checkpoint(path: Path) -> Mapping[str, Any]:
    from vidpred_engine.training.checkpoint import load_checkpoint  # torch, only where there is a checkpoint

    return load_checkpoint(path)


def _print(findings: list[_Finding], runs: int, arguments: argparse.Namespace) -> None:
    if arguments.json:
        documents = [
            {
                "run": finding.run or None,
                "file": inert(str(finding.damage.path)),
                "kind": finding.damage.kind,
                "fault": finding.damage.fault,
                "mended": finding.outcome.mended,
                "remedy": finding.outcome.what,
            }
            for finding in findings
        ]
        print_json({"runs": runs, "damage": documents})
    elif not findings:
        print_text(f"Nothing is wrong with {runs} run{'s' * (runs != 1)} in {arguments.runs}.")
    else:
        head = "done" if arguments.repair else "with --repair"
        rows = [[finding.run or arguments.runs, finding.damage.fault, finding.outcome.what] for finding in findings]
        print_table(["run", "what is wrong", head], rows)


def _require_folder(runs: Path) -> None:
    if not runs.is_dir():
        raise UserError(f"There is no folder {runs}; name the one that holds the runs with --runs.")
