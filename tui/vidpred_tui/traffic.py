"""What the program writes to its terminal, shortened where that can be, and counted: over SSH each byte is sent."""

import time
from collections.abc import Callable

from textual.driver import Driver


class Traffic:
    """Stands between all that writes and a driver; `shorten` says the same in fewer bytes, `clock` gives seconds."""

    def __init__(
        self, driver: Driver, shorten: Callable[[str], str] = str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shorten, self._clock = shorten, clock
        self._write = driver.write
        self._bytes, self._since = 0, clock()
        driver.write = self._pass  # type: ignore[method-assign]

    def _pass(self, data: str) -> None:
        data = self._shorten(data)
        self._bytes += len(data.encode("utf-8", "surrogatepass"))
        self._write(data)

    def rate(self) -> float:
        """Bytes a second since this was last asked."""
        now = self._clock()
        passed, count = max(now - self._since, 1e-9), self._bytes
        self._bytes, self._since = 0, now
        return count / passed


def written(rate: float) -> str:
    """A rate, coarse enough that telling it (some 50 bytes) does not keep it above nothing."""
    return f"{rate / 1024:.1f} KiB/s" if rate >= 52 else "0 KiB/s"
