"""When which frame is due: playing keeps to the clock and drops what there was no time for."""

import os
from dataclasses import dataclass, replace

SPEEDS = (1, 2, 4, 6, 8, 10, 12, 15, 20, 25)
LOCAL_SPEED, SSH_SPEED = 10, 4  # a frame of a film takes up to 40 kB a picture


@dataclass(frozen=True)
class Playing:
    """How films are played, to be remembered: frames a second at this end of a connection, 0 for what suits it."""

    local: int = 0
    over_ssh: int = 0


class Playback:
    """Plays frames 1 to `last` once; times are seconds of one monotonic clock."""

    def __init__(self, playing: Playing = Playing()) -> None:
        self._is_remote = bool(os.environ.get("SSH_CONNECTION"))
        wanted, usual = (playing.over_ssh, SSH_SPEED) if self._is_remote else (playing.local, LOCAL_SPEED)
        self._playing = playing
        self.speed = wanted if wanted in SPEEDS else usual
        self._began_at = 0.0
        self._first = 1

    @property
    def playing(self) -> Playing:
        """How films are played now."""
        return replace(self._playing, **{"over_ssh" if self._is_remote else "local": self.speed})

    def start(self, frame: int, now: float) -> None:
        """Show `frame` now and those behind it at the present speed."""
        self._first, self._began_at = frame, now

    def due(self, now: float, last: int) -> int:
        """The frame to be shown now."""
        return min(last, self._first + int((now - self._began_at) * self.speed))

    def change_speed(self, by: int, now: float, last: int) -> None:
        """Take the next higher or lower of SPEEDS, from the frame that is due."""
        frame = self.due(now, last)
        place = SPEEDS.index(self.speed) + by
        self.speed = SPEEDS[min(max(place, 0), len(SPEEDS) - 1)]
        self.start(frame, now)
