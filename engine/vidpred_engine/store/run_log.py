"""log.txt at a bounded size: it begins anew where it has grown too large, and what was before is kept once."""

import os
import shutil
from contextlib import suppress

from vidpred_engine.store.atomic import replacing
from vidpred_engine.store.reading import open_regular
from vidpred_engine.store.run_directory import RunDirectory

OLD = "log.old.txt"


def bound_log(run: RunDirectory, most: int) -> None:
    """Move what a log larger than `most` bytes holds to log.old.txt, over what that held; raises OSError.

    The file itself stays, as processes hold it open to append to it.
    """
    with suppress(FileNotFoundError), open_regular(run.log_file) as log:  # a run in a terminal has none
        if os.fstat(log.fileno()).st_size <= most:
            return
        with replacing(run.path / OLD) as temporary, temporary.open("wb") as old:
            shutil.copyfileobj(log, old)
        os.truncate(run.log_file, 0)
