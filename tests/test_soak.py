"""A soak scaled down; `python tests/soak.py` is the whole one."""

from pathlib import Path

import pytest

from soak import is_growing, soak


@pytest.mark.slow
def test_many_runs_are_made_trained_killed_and_deleted_beside_a_program_that_watches_and_none_is_lost(
    tmp_path: Path,
) -> None:
    watched = soak(tmp_path, 80, 1)
    assert len(watched.seen) == 5
    assert not is_growing(watched)
