"""Positions in the video queue, pushed to the customers who wait (R-162, R-163; video.md §4).

One question to the database tells every position of a line. It is asked when something in the line moved,
at most once a second and line, and only changed positions are pushed, as event ``queue``. A page that has
just connected asks for its own state; what was told to others before does not matter to it.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import structlog
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger("web.live")

#: Seconds between two looks at a line that moves.
PAUSE_SECONDS = 1.0
#: Seconds after which a line is looked at even though nothing told that it moved: estimates grow old.
STALE_SECONDS = 15.0
#: From how many minutes on an estimate is told in steps of five.
COARSE_MINUTES = 20


class Place(Protocol):
    """Where somebody stands: all who queue, the own position, and the wait in seconds, if it can be told."""

    @property
    def total(self) -> int:
        """Everybody who queues in the line, this customer among them (R-162)."""

    @property
    def position(self) -> int:
        """1 is next."""

    @property
    def low(self) -> float | None:
        """Seconds half of those in this position wait at most; None when nobody is on duty."""

    @property
    def high(self) -> float | None:
        """Seconds four in five wait at most."""


class Listener(Protocol):
    """An open page of a customer."""

    def put(self, name: str, told: dict[str, Any]) -> None:
        """Hand over an event."""


class Positions:
    """Watches the lines that move.

    :param places: everybody's place in a line, by customer; blocks.
    :param listeners: open pages by customer.
    """

    def __init__(
        self,
        places: Callable[[str], Mapping[str, Place]],
        listeners: Callable[[], Mapping[str, Iterable[Listener]]],
    ) -> None:
        self._places = places
        self._listeners = listeners
        self._moved: set[str] = set()
        self._looked: dict[str, float] = {}
        self._told: dict[str, dict[str, dict[str, int | None]]] = defaultdict(dict)
        self._wake = asyncio.Event()

    def heard(self, told: Mapping[str, Any]) -> None:
        """Note that a line moved."""
        if line := str(told.get("queue") or ""):
            self._moved.add(line)
            self._wake.set()

    async def run(self) -> None:
        """Push until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await self._until(self._next(loop.time()) - loop.time())
            now = loop.time()
            for line in [one for one in {*self._moved, *self._looked} if self._due(one) <= now]:
                self._moved.discard(line)
                self._looked[line] = loop.time()
                await self._push(line)

    async def _until(self, seconds: float) -> None:
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), max(0.0, seconds))
        except TimeoutError:
            return

    def _due(self, line: str) -> float:
        pause = PAUSE_SECONDS if line in self._moved else STALE_SECONDS
        return self._looked[line] + pause if line in self._looked else 0.0

    def _next(self, now: float) -> float:
        return min((self._due(line) for line in {*self._moved, *self._looked}), default=now + STALE_SECONDS)

    async def _push(self, line: str) -> None:
        """Tell everybody of a line whose figures changed."""
        listeners = self._listeners()
        if not listeners:
            self._told.pop(line, None)
            return
        try:
            places = await asyncio.to_thread(self._places, line)
        except SQLAlchemyError as lost:
            log.warning("positions not known", line=line, why=type(lost).__name__)
            self._moved.add(line)
            return
        before, fresh = self._told[line], {owner: figures(place) for owner, place in places.items()}
        for owner, told in fresh.items():
            if before.get(owner) != told:
                for listener in listeners.get(owner, ()):
                    listener.put("queue", told)
        if fresh:
            self._told[line] = fresh
        else:
            # An empty line is forgotten until somebody enters it.
            self._told.pop(line, None)
            self._looked.pop(line, None)


def figures(place: Place) -> dict[str, int | None]:
    """Return what a page shows of a place: ``total``, ``position``, and from ``low`` to ``high`` minutes."""
    if place.low is None or place.high is None:
        return {"total": place.total, "position": place.position, "low": None, "high": None}
    low, high = max(1, int(place.low // 60)), max(1, math.ceil(place.high / 60))
    if high > COARSE_MINUTES:
        low, high = max(1, low - low % 5), high + -high % 5
    return {"total": place.total, "position": place.position, "low": low, "high": max(high, low + 1)}
