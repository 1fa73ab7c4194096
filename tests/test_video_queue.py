"""The queue of the video witness: having a place, being called, the call (R-160 to R-174)."""

import orjson
import psycopg
import pytest
from sqlalchemy import update

from handlers.video.errors import Busy, NoTicket
from handlers.video.queue import REPORT
from handlers.video.tables import TicketRow
from tests.queue_room import BEIJING, HANGZHOU, SHANGHAI


def test_the_number_counts_everybody_in_the_branch_and_oneself(queue_room):
    """G-47."""
    queue_room.people(2)
    third = queue_room.person()
    third.queues()
    assert (third.place.total, third.place.position) == (3, 3)


def test_whoever_is_alone_sees_one(queue_room):
    """A-17."""
    (customer,) = queue_room.people(1)
    assert (customer.place.total, customer.place.position) == (1, 1)


def test_a_customer_whom_an_agent_is_just_turning_to_still_counts(queue_room):
    first, second = queue_room.people(2)
    queue_room.agent().takes()
    assert (second.place.total, second.place.position) == (2, 2)
    assert first.place.position == 1


def test_a_customer_in_a_call_counts_no_more(queue_room):
    first, second = queue_room.people(2)
    agent = queue_room.agent()
    agent.takes()
    agent.accepts()
    assert (second.place.total, second.place.position) == (1, 1)
    with pytest.raises(NoTicket):
        queue_room.queue.place(first.ticket)


def test_other_branches_do_not_count(queue_room):
    queue_room.people(2, SHANGHAI)
    (customer,) = queue_room.people(1)
    assert customer.place.total == 1


def test_branches_that_share_a_queue_count_together(queue_room):
    """A-18."""
    queue_room.sets(company={"pooled_branches": [[HANGZHOU, SHANGHAI]]})
    queue_room.people(1, SHANGHAI)
    queue_room.people(1, BEIJING)
    (customer,) = queue_room.people(1)
    assert (customer.place.total, customer.place.position) == (2, 2)


def test_all_places_of_a_line_are_known_at_once(queue_room):
    people = queue_room.people(3)
    places = queue_room.queue.places(people[0].ticket.line)
    assert {owner: place.position for owner, place in places.items()} == {
        one.owner: position for position, one in enumerate(people, 1)
    }
    assert [places[one.owner] for one in people] == [one.place for one in people]


def test_pressing_twice_keeps_one_place(queue_room):
    first, second = queue_room.people(2)
    assert first.queues() == first.ticket
    assert second.queues().id == second.ticket.id
    assert (first.place.position, first.place.total) == (1, 2)


def test_the_device_check_is_kept_sealed(queue_room):
    (customer,) = queue_room.people(1)
    (row,) = queue_room.tickets()
    case = queue_room.row(customer.case)
    key = queue_room.engine.keyring.case_key(str(case.id), case.key)
    assert b"camera" not in row.report
    assert orjson.loads(key.open(row.report, REPORT)) == {"camera": "ok"}


def test_who_waits_longest_is_next(queue_room):
    people = queue_room.people(3)
    agents = [queue_room.agent() for _ in people]
    assert [agent.takes().owner for agent in agents] == [one.owner for one in people]


def test_a_call_from_beginning_to_end(queue_room):
    (customer,) = queue_room.people(1)
    agent = queue_room.agent()
    assert customer.state == "queued"
    agent.takes()
    call = agent.accepts()
    assert customer.state == "in_call"
    agent.renews()
    agent.ends("passed")
    assert customer.ticket.state == "passed"
    assert [(one.id, one.outcome) for one in queue_room.calls()] == [(call.id, "passed")]
    assert queue_room.breaks_chain(customer.case) is None


def test_each_call_has_a_key_of_its_own_under_the_key_of_the_case(queue_room):
    (customer,) = queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    agent.accepts()
    (call,) = queue_room.calls()
    case = queue_room.row(customer.case)
    key = queue_room.engine.keyring.case_key(str(case.id), case.key)
    assert len(key.open(call.key, f"video.key:{call.id}")) == 32


def test_an_agent_has_one_customer_at_a_time(queue_room):
    """R-173."""
    queue_room.people(2)
    agent = queue_room.agent()
    agent.takes()
    for _ in range(2):
        with pytest.raises(Busy):
            queue_room.queue.claim(agent.id, None, queue_room.company)
        if agent.has.state == "offered":
            agent.accepts()


def test_the_database_itself_refuses_an_agent_a_second_customer(queue_room):
    queue_room.people(2)
    agent = queue_room.agent()
    agent.takes()
    with (
        pytest.raises(Exception, match="uq_video_ticket_agent"),
        queue_room.engine.database.transaction() as s,
    ):
        s.execute(
            update(TicketRow).where(TicketRow.state == "waiting").values(state="offered", agent=agent.id)
        )


def test_an_agent_who_is_not_ready_gets_nobody(queue_room):
    queue_room.people(1)
    for agent in (queue_room.agent(ready=False), queue_room.agent()):
        if agent.seen.state == "ready":
            agent.is_("paused")
        with pytest.raises(Busy):
            agent.takes()


def test_an_agent_serves_the_customers_of_the_own_branches_only(queue_room):
    queue_room.people(1, SHANGHAI)
    (customer,) = queue_room.people(1)
    agent = queue_room.agent(HANGZHOU)
    assert agent.takes().owner == customer.owner
    agent.declines()
    assert queue_room.agent(BEIJING).takes() is None


def test_an_agent_of_a_pooled_branch_serves_the_whole_pool(queue_room):
    queue_room.sets(company={"pooled_branches": [[HANGZHOU, SHANGHAI]]})
    (customer,) = queue_room.people(1, SHANGHAI)
    assert queue_room.agent(HANGZHOU).takes().owner == customer.owner


def test_an_agent_of_another_company_gets_nobody(queue_room):
    queue_room.people(1)
    agent = queue_room.agent()
    assert queue_room.queue.claim(agent.id, None, "0003") is None


def test_a_customer_whose_page_is_silent_is_passed_over_and_keeps_the_place(queue_room, passes):
    first, second = queue_room.people(2)
    agent, other = queue_room.agent(), queue_room.agent()
    passes(30, second, agent, other)
    assert agent.takes().owner == second.owner
    first.beats()
    assert other.takes().owner == first.owner


def test_accepting_twice_is_one_call(queue_room):
    queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    assert agent.accepts() == agent.accepts()
    assert len(queue_room.calls()) == 1


def test_line_customer_and_agent_are_told_of_every_change(queue_room):
    customer, agent = queue_room.person(), queue_room.agent()
    with psycopg.connect(queue_room.engine.database.url, autocommit=True) as listening:
        listening.execute("listen kaihu")

        def heard():
            found = [orjson.loads(n.payload) for n in listening.notifies(timeout=0.2)]
            page = {"case", "owner", "branch", "task"}
            return (
                {"queue": HANGZHOU} in found,
                any(set(one) == page and one["task"] == str(customer.task) for one in found),
                {"agent": str(agent.id), "ticket": str(customer.ticket.id)} in found,
            )

        customer.queues()
        assert heard() == (True, True, False)
        for deed in (
            agent.takes,
            agent.accepts,
            lambda: agent.loses("customer"),
            agent.takes,
            agent.declines,
        ):
            customer.beats()
            deed()
            assert heard() == (True, True, True)
        agent.is_("ready")
        assert heard()[0]
        agent.takes()
        agent.accepts()
        agent.ends("refused")
        assert heard() == (True, True, True)
