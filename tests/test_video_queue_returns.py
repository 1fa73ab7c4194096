"""Customers who come back to the queue: sent back, interrupted, not there (R-165, R-171)."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from engine import clock
from handlers.video.errors import Moved
from handlers.video.tables import CallRow


def test_who_was_sent_back_returns_with_the_time_waited_and_to_the_same_agent(queue_room, passes):
    first, *others = queue_room.people(4)
    agent, other = queue_room.agent(), queue_room.agent()
    agent.takes()
    agent.accepts()
    agent.ends("sent_back")
    passes(60, *others, agent, other)
    ticket = first.queues()
    assert (ticket.why, ticket.preferred) == ("sent_back", agent.id)
    assert first.place.position == 1
    assert other.takes().owner == others[0].owner
    assert agent.takes().owner == first.owner


def test_the_time_waited_counts_for_ten_minutes_at_most(queue_room, the_clock):
    (customer,) = queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    agent.accepts()
    agent.ends("sent_back")
    the_clock.advance(minutes=25)
    earlier = queue_room.person()
    earlier.queues()
    the_clock.advance(minutes=11)
    assert customer.queues().ranked_at == clock.now() - timedelta(minutes=10)
    assert (earlier.place.position, customer.place.position) == (1, 2)


def test_a_customer_is_kept_for_the_same_agent_for_two_minutes_only(queue_room, passes):
    (customer,) = queue_room.people(1)
    agent, other = queue_room.agent(), queue_room.agent()
    agent.takes()
    agent.accepts()
    agent.ends("sent_back")
    customer.queues()
    assert other.takes() is None
    passes(120, customer, agent, other)
    assert other.takes().owner == customer.owner


@pytest.mark.parametrize("why", ["busy", "paused", "gone"])
def test_nobody_waits_for_an_agent_who_cannot_come(queue_room, passes, why):
    first, second = queue_room.people(2)
    agent, other = queue_room.agent(), queue_room.agent()
    agent.takes()
    agent.accepts()
    agent.ends("sent_back")
    if why == "busy":
        agent.takes()
    elif why == "paused":
        agent.is_("paused")
    else:
        passes(16, second, other)
    first.queues()
    assert other.takes().owner == first.owner


def test_who_was_interrupted_goes_first_and_to_the_same_agent(queue_room):
    _, second, third = queue_room.people(3)
    agent, other = queue_room.agent(), queue_room.agent()
    for one in (agent, other):
        one.takes()
        one.accepts()
    ticket = other.loses("customer")
    assert (ticket.why, ticket.priority, ticket.state) == ("interrupted", 0, "waiting")
    assert second.state == "queued"
    second.beats()
    assert second.place.position == 1
    agent.ends("passed")
    assert agent.takes().owner == third.owner
    assert other.takes().owner == second.owner
    assert {one.outcome for one in queue_room.calls()} == {"passed", "customer_left"}


@pytest.mark.parametrize(
    ("who", "outcome"), [("customer", "customer_left"), ("agent", "agent_left"), ("node", "node_lost")]
)
def test_a_broken_call_says_who_broke_it(queue_room, who, outcome):
    queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    agent.accepts()
    agent.loses(who)
    assert [one.outcome for one in queue_room.calls()] == [outcome]


def test_a_customer_who_is_gone_after_a_broken_call_has_the_whole_grace_time(queue_room, passes):
    (customer,) = queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    agent.accepts()
    for _ in range(12):
        passes(10, agent)
        agent.renews()
    agent.loses("customer")
    assert agent.takes() is None
    passes(100, agent)
    assert customer.ticket.state == "waiting"
    passes(21, agent)
    assert customer.ticket.state == "abandoned"


def test_a_call_goes_on_while_the_agents_page_or_picture_lives(queue_room, passes):
    (customer,) = queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    agent.accepts()
    with queue_room.engine.database.transaction() as session:
        session.execute(update(CallRow).values(agent_seen_at=datetime.now(UTC)))
    passes(40, customer)
    assert customer.ticket.state == "in_call"
    with queue_room.engine.database.transaction() as session:
        session.execute(update(CallRow).values(agent_seen_at=datetime.now(UTC) - timedelta(seconds=16)))
    passes(1, customer)
    assert (customer.ticket.state, customer.ticket.why) == ("waiting", "interrupted")
    assert [one.outcome for one in queue_room.calls()] == ["agent_left"]


def test_a_call_whose_agent_is_gone_goes_to_another(queue_room, passes):
    (customer,) = queue_room.people(1)
    agent, other = queue_room.agent(), queue_room.agent()
    agent.takes()
    agent.accepts()
    passes(16, customer, other)
    assert customer.state == "queued"
    other.takes()
    assert other.has.owner == customer.owner
    other.accepts()
    assert customer.state == "in_call"
    with pytest.raises(Moved):
        agent.renews()
    with pytest.raises(Moved):
        agent.ends("passed")


def test_who_does_not_appear_is_called_again_then_last_then_no_more(queue_room):
    first, second = queue_room.people(2)
    agent = queue_room.agent()

    def calls_in_vain():
        agent.takes()
        agent.accepts()
        return agent.reports_nobody()

    assert (calls_in_vain().state, first.place.position) == ("waiting", 1)
    assert (calls_in_vain().priority, first.place.position) == (2, 2)
    assert agent.takes().owner == second.owner
    agent.accepts()
    agent.ends("passed")
    assert calls_in_vain().state == "no_show"
    assert first.state == "await_video"
    assert [one.outcome for one in queue_room.calls()].count("no_show") == 3


def test_a_result_given_twice_is_one_result(queue_room):
    queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    agent.accepts()
    assert agent.ends("passed") == agent.ends("passed")
    with pytest.raises(Moved):
        agent.ends("refused")


def test_a_result_needs_a_call(queue_room):
    queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    with pytest.raises(Moved):
        agent.ends("passed")
