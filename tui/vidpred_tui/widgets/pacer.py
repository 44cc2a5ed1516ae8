"""A budget of drawing time that all charts share."""

LEAST_REST_SECONDS = 0.25
# Charts together draw an eighth of the time at most, however many there are and however busy the machine is.
REST = 8


class Pacer:
    """Hands out the time until which a chart rests after a drawing; times are those of one monotonic clock."""

    def __init__(self) -> None:
        self._spent_until = 0.0

    def rest_until(self, now: float, drawing_seconds: float) -> float:
        """When a chart whose drawing has just taken this long may draw again."""
        self._spent_until = max(now, self._spent_until) + REST * drawing_seconds
        return max(now + LEAST_REST_SECONDS, self._spent_until)
