"""Who is told where they stand in the video queue, when, and in which figures (R-162, R-163)."""

import asyncio
import time

import pytest

from handlers.video.tickets import Place
from web.queue_live import Positions, figures


class Page:
    """An open page of a customer."""

    def __init__(self):
        self.heard = []

    def put(self, name, told):
        self.heard.append((name, told["position"]))


class Hall:
    """A line, and the open pages of those in it."""

    def __init__(self, *owners):
        self.line = list(owners)
        self.pages = {owner: [Page()] for owner in owners}
        self.looks = []

    def places(self, line):
        self.looks.append(time.monotonic())
        return {who: Place(len(self.line), at, 60, 120) for at, who in enumerate(self.line, 1)}

    def heard(self, owner):
        return [position for page in self.pages[owner] for _, position in page.heard]


async def live(hall, act):
    """Watch the line while something happens in it."""
    positions = Positions(hall.places, lambda: hall.pages)
    running = asyncio.create_task(positions.run())
    try:
        await act(positions)
    finally:
        running.cancel()


def moves(positions):
    positions.heard({"queue": "杭州营业部"})


def test_everybody_whose_place_changed_is_told_and_nobody_else():
    hall = Hall("a", "b", "c")

    async def act(positions):
        moves(positions)
        await asyncio.sleep(0.2)
        hall.line = ["b", "a", "c"]
        moves(positions)
        await asyncio.sleep(1.2)

    asyncio.run(live(hall, act))
    assert hall.heard("a") == [1, 2]
    assert hall.heard("b") == [2, 1]
    assert hall.heard("c") == [3]


def test_both_windows_of_one_customer_are_told():
    hall = Hall("a")
    hall.pages["a"].append(Page())

    async def act(positions):
        moves(positions)
        await asyncio.sleep(0.2)

    asyncio.run(live(hall, act))
    assert hall.heard("a") == [1, 1]


def test_a_line_that_moves_all_the_time_is_looked_at_once_a_second():
    hall = Hall("a", "b")

    async def act(positions):
        for _ in range(46):
            moves(positions)
            await asyncio.sleep(0.05)

    asyncio.run(live(hall, act))
    assert 2 <= len(hall.looks) <= 4
    apart = [b - a for a, b in zip(hall.looks, hall.looks[1:], strict=False)]
    assert min(apart) >= 0.9


def test_a_line_without_open_pages_is_not_looked_at():
    hall = Hall("a")
    hall.pages = {}

    async def act(positions):
        moves(positions)
        await asyncio.sleep(0.2)

    asyncio.run(live(hall, act))
    assert hall.looks == []


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        (None, None, (None, None)),
        (0, 0, (1, 2)),
        (130, 290, (2, 5)),
        (600, 600, (10, 11)),
        (1000, 1301, (15, 25)),
        (7200, 9000, (120, 150)),
    ],
)
def test_the_wait_is_told_in_minutes_as_a_range(low, high, shown):
    told = figures(Place(12, 3, low, high))
    assert (told["low"], told["high"]) == shown
    assert (told["total"], told["position"]) == (12, 3)
