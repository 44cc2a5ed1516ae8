"""A run's history as its log grows: at once, however long the log is, and complete as soon as all of it is read."""

from pathlib import Path

from vidpred_engine.store.damage import log_fault
from vidpred_engine.store.metric_log import MetricReader, sample
from vidpred_tui.history import History, HistoryBuilder

# Reading a record takes 2 us. Of a log with more than this before it (100,000 records), a sample is shown meanwhile.
AT_ONCE_BYTES = 32 << 20
# Between two pieces, each of some 10 ms, the reader looks at everything else; larger ones leave the processor's cache.
PIECE_BYTES = 2 << 20
# Some 6,000 records: a chart's column on the widest of screens is made of a dozen.
SAMPLED_PLACES, SAMPLED_BYTES = 512, 4096


class HistoryFollower:
    """Follows one log; what `history` returned before never changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader = MetricReader(path)
        self._builder = HistoryBuilder()
        self._sample: History | None = None

    @property
    def history(self) -> History:
        """All that is known of the run by now."""
        return self._sample or self._builder.snapshot()

    @property
    def is_behind(self) -> bool:
        """Whether there is more to read at once."""
        return self._sample is not None

    @property
    def fault(self) -> str:
        """What is wrong with the log, as far as it is read; empty where nothing is."""
        return log_fault(self._path.name, self._reader.damaged, self._reader.fault)

    def read_new(self) -> bool:
        """Read what was appended, or a piece of it where that is much; whether the history changed."""
        if self._sample is not None:
            if self._read_piece():
                return False
            self._sample = None
            return True
        if self._reader.unread() > AT_ONCE_BYTES:
            builder = HistoryBuilder()
            builder.extend(sample(self._path, SAMPLED_PLACES, SAMPLED_BYTES))
            self._sample = builder.snapshot(is_sample=True)
            return True
        changed = False
        while self._read_piece():
            changed = True
        return changed

    def _read_piece(self) -> bool:
        """Take in the next records; whether there were any, or the log was rewritten."""
        records = self._reader.read_new(PIECE_BYTES)
        if self._reader.replaced:
            self._builder = HistoryBuilder()
        self._builder.extend(records)
        return bool(records) or self._reader.replaced
