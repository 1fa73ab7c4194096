"""Business time: the one place that says what time it is.

Everything a customer or a reviewer could notice (service hours, due times, expiry, ages) asks here,
and hands the answer to SQL as a parameter. Sessions, TOTP and TLS use real time instead.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_offset = timedelta(0)
_frozen: ContextVar[datetime | None] = ContextVar("frozen_time", default=None)


def set_offset(seconds: float) -> None:
    """Shift business time by ``seconds``; a demonstration starts on a day of its own."""
    global _offset
    _offset = timedelta(seconds=seconds)


def now() -> datetime:
    """Return business time, aware, in UTC."""
    frozen = _frozen.get()
    return frozen if frozen is not None else datetime.fromtimestamp(time.time(), UTC) + _offset


def shanghai(moment: datetime) -> datetime:
    """Return ``moment`` on the wall clock of the company."""
    return moment.astimezone(SHANGHAI)


def today() -> date:
    """Return the company's calendar day."""
    return shanghai(now()).date()


@contextmanager
def frozen(moment: datetime) -> Iterator[None]:
    """Hold business time at ``moment`` for this thread or task."""
    token = _frozen.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)
