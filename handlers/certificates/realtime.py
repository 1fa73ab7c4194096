"""Real time: what timestamps, certificates and lists are dated by, never the clock of a demonstration."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from handlers.certificates.protocol import ClockDoubted

#: Counts also while the machine sleeps, where the system has such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
#: Largest step of the machine's clock, in seconds, that is taken for a correction.
MOST_STEP = 10.0


class RealTime:
    """The machine's clock, watched: it must go on as steadily as the seconds since this process began.

    A clock that was wrong from the start is not noticed here; that is for the machine's time service.

    :param wall: seconds since 1970.
    :param steady: seconds that nobody can set, counted also while the machine sleeps.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = lambda: time.clock_gettime(_STEADY),
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._gap = wall() - steady()

    def __call__(self) -> datetime:
        """Return the time, aware, in UTC, or raise ClockDoubted while the clock is not where it should be."""
        wall = self._wall()
        if abs(wall - self._steady() - self._gap) > MOST_STEP:
            raise ClockDoubted
        return datetime.fromtimestamp(wall, UTC)
