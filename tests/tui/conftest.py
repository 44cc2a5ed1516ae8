"""An app over an empty folder of runs, with a launcher that records."""

from pathlib import Path

import pytest

from tui.fake_runs import Launcher
from vidpred_tui.app import VidpredApp


@pytest.fixture
def launcher() -> Launcher:
    """A launcher that records."""
    return Launcher()


@pytest.fixture
def app(runs: Path, launcher: Launcher) -> VidpredApp:
    """The app over the runs."""
    return VidpredApp(runs, start=launcher.start, stop=launcher.stop, work_on_queue=launcher.work_on_queue)
