"""Where packed frames are kept between runs."""

import os
from pathlib import Path

from vidpred_engine.typed_paths import typed_path


def default_cache() -> Path:
    """Packed frames lie in `$VIDPRED_CACHE/packed`, else in `$XDG_CACHE_HOME` or `~/.cache` under `vidpred/packed`."""
    if own := os.environ.get("VIDPRED_CACHE"):
        return typed_path(own) / "packed"
    shared = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(shared) if Path(shared).is_absolute() else Path.home() / ".cache"
    return base / "vidpred" / "packed"
