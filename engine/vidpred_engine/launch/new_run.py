"""Making a run, once its data are known to be usable."""

from pathlib import Path

from vidpred_engine.data.folder import scan_folder
from vidpred_engine.settings import SYNTHETIC, RunSettings
from vidpred_engine.store.run_directory import RunDirectory, create_run


def new_run(runs: Path, settings: RunSettings) -> RunDirectory:
    """Make a new run's folder below `runs`.

    Raises UserError, and leaves nothing behind, where the data folder cannot serve.
    """
    return create_run(runs, with_usable_data(settings))


def with_usable_data(settings: RunSettings) -> RunSettings:
    """The settings with the data folder as an absolute path, so that any process can resume the run.

    Raises UserError where the data folder cannot serve.
    """
    if settings.data == SYNTHETIC:
        return settings
    folder = scan_folder(Path(settings.data))
    folder.require("train")
    folder.require("val")
    return settings.model_copy(update={"data": str(folder.root.resolve())})
