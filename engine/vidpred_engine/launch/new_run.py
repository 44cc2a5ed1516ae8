"""Making runs, once their data are known to be usable."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from vidpred_engine.data.folder import scan_folder
from vidpred_engine.launch import queue
from vidpred_engine.settings import SYNTHETIC, RunSettings
from vidpred_engine.store.annotations import checked_tags
from vidpred_engine.store.registry import Registry
from vidpred_engine.store.run_directory import RunDirectory, create_run
from vidpred_engine.sweep import Sweep


def new_run(runs: Path, settings: RunSettings) -> RunDirectory:
    """Make a new run's folder below `runs`.

    Raises UserError, and leaves nothing behind, where the data folder cannot serve.
    """
    return create_run(runs, with_usable_data(settings))


def queue_new_runs(runs: Path, sweep: Sweep) -> list[RunDirectory]:
    """Make the folders of the runs of a sweep, tag them and put them into the queue in their order.

    Raises UserError, and leaves nothing behind, where a data folder cannot serve.
    """
    root = cache(_usable_root)
    usable = [settings.model_copy(update={"data": root(settings.data)}) for settings in sweep.runs]
    made = [create_run(runs, settings) for settings in usable]
    if sweep.tag:
        Registry(runs).annotate(made, lambda said: replace(said, tags=checked_tags([*said.tags, sweep.tag])))
    queue.add(runs, made)
    return made


def with_usable_data(settings: RunSettings) -> RunSettings:
    """The settings with the data folder as an absolute path, so that any process can resume the run.

    Raises UserError where the data folder cannot serve.
    """
    return settings.model_copy(update={"data": _usable_root(settings.data)})


def _usable_root(data: str) -> str:
    if data == SYNTHETIC:
        return data
    folder = scan_folder(Path(data))
    folder.require("train")
    folder.require("val")
    return str(folder.root.resolve())
