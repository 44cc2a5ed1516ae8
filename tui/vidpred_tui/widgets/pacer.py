"""A budget of drawing time that all charts share."""

from collections.abc import Mapping

# Charts together draw for a 25th of a core at most, however many there are. So a run that logs 5 records a second costs
# 8 % of a core and 5 kB/s at 160x48, where nine are shown and a drawing takes 4 ms; half of it is Textual's share.
REST = 24
# Drawings that someone asks for by a key do not wait, but count: without an end to it, news would wait for them long.
LONGEST_REST = 5.0


def least_rest(environment: Mapping[str, str]) -> float:
    """Seconds from one drawing of a chart to its next: half of one, and one over SSH."""
    return 1.0 if environment.get("SSH_CONNECTION") else 0.5


class Pacer:
    """Hands out the time until which a chart rests after a drawing; times are those of one monotonic clock."""

    def __init__(self, least_rest: float) -> None:
        self.least_rest = least_rest
        self._spent_until = 0.0

    def rest_until(self, now: float, drawing_seconds: float) -> float:
        """When a chart may draw again whose drawing has just taken so much of a processor's time.

        Not of the clock's: charts draw side by side and wait for each other, and on a busy machine for much else.
        """
        spent = max(now, self._spent_until) + REST * drawing_seconds
        self._spent_until = min(spent, now + LONGEST_REST)
        return max(now + self.least_rest, self._spent_until)
