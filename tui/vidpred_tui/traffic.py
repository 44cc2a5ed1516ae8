"""What the program writes to its terminal, counted while someone wants to know: over SSH each byte is one to send."""

import time
from collections.abc import Callable

from textual.driver import Driver


class Traffic:
    """Counts the bytes that pass a driver; `clock` gives seconds."""

    def __init__(self, driver: Driver, clock: Callable[[], float] = time.monotonic) -> None:
        self._driver, self._clock = driver, clock
        self._write = driver.write
        self._bytes, self._since = 0, clock()
        driver.write = self._count  # type: ignore[method-assign]

    def _count(self, data: str) -> None:
        self._bytes += len(data.encode("utf-8", "surrogatepass"))
        self._write(data)

    def rate(self) -> float:
        """Bytes a second since this was last asked."""
        now = self._clock()
        passed, count = max(now - self._since, 1e-9), self._bytes
        self._bytes, self._since = 0, now
        return count / passed

    def end(self) -> None:
        """Count no more."""
        self._driver.write = self._write  # type: ignore[method-assign]


def written(rate: float) -> str:
    """A rate, coarse enough that telling it (some 50 bytes) does not keep it above nothing."""
    return f"{rate / 1024:.1f} KiB/s" if rate >= 52 else "0 KiB/s"
