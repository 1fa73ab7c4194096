"""The queue at closing time (R-174, domain 3.11)."""

from datetime import UTC, datetime

import pytest

from engine import clock
from handlers.video.errors import Closed
from tests.queue_room import HANGZHOU, SHANGHAI


def at(hour, minute, second=0, day=18):
    return datetime(2026, 3, day, hour, minute, second, tzinfo=clock.SHANGHAI).astimezone(UTC)


def test_outside_service_hours_the_next_opening_is_told(queue_room, the_clock):
    """R-174; Friday night."""
    customer = queue_room.person()
    the_clock.set(at(23, 0, day=20))
    with pytest.raises(Closed) as closed:
        customer.queues()
    assert closed.value.opens_at == at(9, 0, day=23)
    assert "2026-03-23 09:00" in closed.value.message


def test_a_branch_may_close_its_video_earlier(queue_room, the_clock):
    queue_room.sets(hours={"special": {f"*/{HANGZHOU}/video": {"opens": "09:00", "closes": "16:30"}}})
    the_clock.set(at(16, 30))
    with pytest.raises(Closed):
        queue_room.person().queues()
    queue_room.person(branch=SHANGHAI).queues()


def test_who_is_queued_at_closing_is_served_a_quarter_of_an_hour_longer(queue_room, the_clock):
    the_clock.set(at(22, 59, 57))
    first, second, third = queue_room.people(3)
    agent = queue_room.agent()
    the_clock.set(at(23, 14, 59))
    for one in (first, second, third, agent):
        one.beats()
    agent.is_("ready")
    queue_room.queue.sweep()
    assert first.queues().id == first.ticket.id
    assert agent.takes().owner == first.owner
    agent.accepts()
    the_clock.set(at(23, 15))
    queue_room.queue.sweep()
    assert [one.ticket.state for one in (first, second, third)] == ["in_call", "left", "left"]
    assert second.state == "await_video"
    the_clock.set(at(23, 20))
    agent.renews()
    agent.ends("passed")


def test_who_was_asked_to_come_back_has_the_place_at_the_next_opening(queue_room, the_clock):
    the_clock.set(at(22, 50))
    first, second = queue_room.people(2)
    the_clock.set(at(23, 15))
    second.beats()
    first.beats()
    queue_room.queue.sweep()
    with pytest.raises(Closed):
        first.queues()
    the_clock.set(at(9, 0, day=19))
    early = queue_room.person()
    early.queues()
    the_clock.advance(minutes=30)
    assert second.queues().why == "resumed"
    first.queues()
    assert [one.place.position for one in (first, second, early)] == [1, 2, 3]


def test_a_day_later_the_place_is_gone(queue_room, the_clock):
    the_clock.set(at(22, 50))
    (customer,) = queue_room.people(1)
    the_clock.set(at(23, 15))
    customer.beats()
    queue_room.queue.sweep()
    the_clock.set(at(9, 0, day=20))
    assert customer.queues().ranked_at == clock.now()


def test_who_cancels_after_closing_does_not_keep_the_place(queue_room, the_clock):
    the_clock.set(at(22, 50))
    (customer,) = queue_room.people(1)
    the_clock.set(at(23, 5))
    customer.leaves()
    the_clock.set(at(9, 0, day=19))
    assert customer.queues().ranked_at == clock.now()
