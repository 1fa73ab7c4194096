"""Fixtures of the engine's tests."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from engine import clock

#: A Wednesday, 10:00 in Shanghai.
MORNING = datetime(2026, 3, 18, 2, 0, tzinfo=UTC)


class StoppedClock:
    """Business time of a test, which moves only when told to."""

    def __init__(self) -> None:
        self.moment = MORNING
        self._held = ExitStack()
        self.set(MORNING)

    def set(self, moment: datetime) -> None:
        """Move business time of this thread to ``moment``."""
        self.moment = moment
        self._held.close()
        self._held.enter_context(clock.frozen(moment))

    def advance(self, **time: float) -> None:
        """Move on by ``days``, ``hours``, ``minutes`` …"""
        self.set(self.moment + timedelta(**time))

    def go_on(self) -> None:
        """Let time run again."""
        self._held.close()


@pytest.fixture
def the_clock() -> Iterator[StoppedClock]:
    """Stop business time at 10:00 of a Wednesday, for this thread."""
    stopped = StoppedClock()
    yield stopped
    stopped.go_on()
