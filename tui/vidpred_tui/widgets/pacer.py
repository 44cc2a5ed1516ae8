"""A budget of drawing time that all charts share."""

from collections.abc import Mapping

# Charts together draw for a 33rd of a core at most, however many there are. With nine at 160x48 and a run that logs 5
# records a second, all that the program does is 8 % of a core that takes 4 ms for a drawing.
REST = 32
# Drawings that someone asks for by a key do not wait, but count: without an end to it, news would wait for them long.
LONGEST_REST = 5.0


def least_rest(environment: Mapping[str, str]) -> float:
    """Seconds from one drawing of the charts to the next: half of one, and one over SSH."""
    return 1.0 if environment.get("SSH_CONNECTION") else 0.5


class Pacer:
    """Knows until when charts rest after they were drawn; times are those of one monotonic clock."""

    def __init__(self, least_rest: float) -> None:
        self.least_rest = least_rest
        self.resting_until = 0.0
        self._spent_until = 0.0

    def spend(self, now: float, drawing_seconds: float) -> None:
        """Count a drawing that has just taken so much of a processor's time.

        Not of the clock's: on a busy machine that is spent waiting for much else.
        """
        spent = max(now, self._spent_until) + REST * drawing_seconds
        self._spent_until = min(spent, now + LONGEST_REST)
        self.resting_until = max(now + self.least_rest, self._spent_until)
