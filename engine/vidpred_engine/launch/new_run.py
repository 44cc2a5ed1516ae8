"""Making a run, once its data are known to be usable."""

from pathlib import Path

from vidpred_engine.data.folder import scan_folder
from vidpred_engine.settings import SYNTHETIC, RunSettings
from vidpred_engine.store.run_directory import RunDirectory, create_run


def new_run(runs: Path, settings: RunSettings) -> RunDirectory:
    """Make a run's folder below `runs`, with the data folder as an absolute path, so that any process can resume it.

    Raises UserError, and leaves nothing behind, where the data folder cannot serve.
    """
    if settings.data != SYNTHETIC:
        folder = scan_folder(Path(settings.data))
        folder.require("train")
        folder.require("val")
        settings = settings.model_copy(update={"data": str(folder.root.resolve())})
    return create_run(runs, settings)
