"""An offer that comes to nothing, and customers who go away (R-163, R-173)."""

from datetime import timedelta

import pytest

from engine import TaskGone, clock
from handlers.video.errors import Moved
from handlers.video.sweep import Watch


def test_an_unanswered_offer_returns_to_its_old_place_and_the_agent_is_paused(queue_room, passes):
    """R-173: after 30 seconds."""
    first, second = queue_room.people(2)
    agent = queue_room.agent()
    agent.takes()
    passes(30, first, second, agent)
    assert first.ticket.state == "offered"
    passes(1, first, second, agent)
    assert first.ticket.state == "waiting"
    assert (first.place.position, second.place.position) == (1, 2)
    assert agent.seen.state == "paused"
    assert queue_room.agent().takes().owner == first.owner


def test_an_offer_returns_as_soon_as_the_agents_page_is_gone(queue_room, passes):
    (customer,) = queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    passes(16, customer)
    assert customer.ticket.state == "waiting"
    assert agent.seen.state in ("paused", "offline")


def test_who_asks_next_need_not_wait_for_a_sweep(queue_room, the_clock):
    (customer,) = queue_room.people(1)
    queue_room.agent().takes()
    the_clock.advance(seconds=31)
    customer.beats()
    assert queue_room.agent().takes().owner == customer.owner


def test_a_declined_customer_keeps_the_place_and_the_agent_is_paused(queue_room):
    first, second = queue_room.people(2)
    agent = queue_room.agent()
    agent.takes()
    agent.declines()
    assert (first.place.position, second.place.position) == (1, 2)
    assert agent.seen.state == "paused"
    with pytest.raises(Moved):
        agent.declines()


def test_a_command_of_an_epoch_that_is_over_is_refused(queue_room, passes):
    (customer,) = queue_room.people(1)
    late, quick = queue_room.agent(), queue_room.agent()
    late.takes()
    passes(31, customer, late, quick)
    quick.takes()
    for command in (late.accepts, late.declines, late.renews, late.reports_nobody):
        with pytest.raises(Moved):
            command()
    # Not even the same agent's old page speaks for the new offer.
    quick.declines()
    quick.is_("ready")
    old = quick.has
    quick.takes()
    assert quick.has.id == old.id
    with pytest.raises(Moved):
        queue_room.queue.accept(old.id, old.epoch, quick.id)
    quick.accepts()
    with pytest.raises(Moved):
        queue_room.queue.interrupt(old.id, old.epoch, "agent", quick.id)


def test_an_offer_that_is_over_cannot_be_accepted_even_before_the_sweep(queue_room, the_clock):
    queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    the_clock.advance(seconds=31)
    with pytest.raises(Moved):
        agent.accepts()


def test_renewing_does_not_prolong_an_offer(queue_room, the_clock):
    queue_room.people(1)
    agent = queue_room.agent()
    until = agent.takes().until
    the_clock.advance(seconds=20)
    assert agent.renews().until == until


def test_who_comes_back_after_thirty_seconds_has_the_same_place(queue_room, passes):
    first, second = queue_room.people(2)
    passes(30, second)
    assert first.beats() is not None
    assert (first.place.position, second.place.position) == (1, 2)


def test_who_stays_away_longer_than_the_grace_time_loses_the_place(queue_room, passes):
    first, second = queue_room.people(2)
    first.beats()
    passes(120, second)
    assert first.ticket.state == "waiting"
    passes(1, second)
    assert first.ticket.state == "abandoned"
    assert first.beats() is None
    assert first.state == "await_video"
    assert second.place.position == 1


def test_who_lost_the_place_gets_half_of_the_time_back(queue_room, passes, the_clock):
    (early,) = queue_room.people(1)
    passes(60, early)
    between = [queue_room.person() for _ in range(3)]
    for one in between:
        one.queues()
        passes(30, early, *between)
    # Silent from 150 s on, taken out at 271 s: 135 s of it count.
    passes(121, *between)
    assert early.ticket.state == "abandoned"
    assert early.queues().why == "resumed"
    assert early.ticket.ranked_at == pytest.approx(
        clock.now() - timedelta(seconds=135), abs=timedelta(seconds=1)
    )
    assert early.place.position == 4
    late = queue_room.person()
    late.queues()
    assert late.place.position == 5


def test_after_half_an_hour_a_lost_place_is_forgotten(queue_room, passes, the_clock):
    (customer,) = queue_room.people(1)
    passes(121)
    the_clock.advance(minutes=30)
    assert customer.queues().why == "first"
    assert customer.ticket.ranked_at == clock.now()


def test_who_cancels_is_last_when_queueing_again(queue_room, the_clock):
    first, second = queue_room.people(2)
    first.leaves()
    assert first.state == "await_video"
    the_clock.advance(seconds=1)
    first.queues()
    assert (second.place.position, first.place.position) == (1, 2)


def test_nobody_cancels_for_somebody_else(queue_room):
    (customer,) = queue_room.people(1)
    queue_room.queue.leave(customer.case.id, "somebody else")
    assert queue_room.queue.beat(customer.case.id, "somebody else") is None
    assert customer.ticket.open


def test_cancelling_takes_the_customer_from_the_agent_as_well(queue_room):
    first, second = queue_room.people(2)
    agent = queue_room.agent()
    agent.takes()
    first.leaves()
    with pytest.raises(Moved):
        agent.accepts()
    assert agent.takes().owner == second.owner


def test_hanging_up_for_good_ends_the_call(queue_room):
    (customer,) = queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    agent.accepts()
    customer.leaves()
    assert [one.outcome for one in queue_room.calls()] == ["customer_left"]
    assert customer.state == "await_video"
    with pytest.raises(Moved):
        agent.ends("passed")


def test_a_withdrawn_application_leaves_the_queue_and_is_offered_to_nobody(queue_room):
    (customer,) = queue_room.people(1)
    queue_room.engine.cases.complete(customer.task, queue_room.customer(customer.owner).actor, {})
    agent = queue_room.agent()
    assert agent.takes() is None
    assert queue_room.queue.sweep() == 1
    assert customer.ticket.state == "left"
    assert customer.state == "submitted"
    with pytest.raises(TaskGone):
        customer.queues()


def test_an_application_that_went_on_while_it_was_offered_is_not_called(queue_room):
    (customer,) = queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    queue_room.engine.cases.complete(customer.task, queue_room.customer(customer.owner).actor, {})
    with pytest.raises(Moved):
        agent.accepts()


def test_nobody_loses_a_place_because_the_product_was_down(queue_room, the_clock):
    """While it was down no page could say that it lives."""
    (customer,) = queue_room.people(1)
    seconds = 0.0
    watch = Watch(queue_room.queue, lambda: 120.0, now=lambda: seconds)

    def live(span):
        nonlocal seconds
        for _ in range(span):
            seconds += 1
            the_clock.advance(seconds=1)
            watch.sweep()

    live(121)
    assert customer.ticket.state == "abandoned"
    customer.queues()
    seconds += 600
    the_clock.advance(minutes=10)
    live(119)
    assert customer.ticket.state == "waiting"
    live(3)
    assert customer.ticket.state == "abandoned"
