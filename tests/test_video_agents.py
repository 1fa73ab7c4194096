"""Agents at work (R-173), and how long customers are told they wait (R-163)."""

import time
from uuid import uuid4

import pytest
from sqlalchemy import insert, select, update

from engine import clock
from engine.store.tables import CaseRow
from handlers.video.errors import Busy
from handlers.video.tables import TicketRow
from tests.queue_room import HANGZHOU, SHANGHAI


def test_an_agent_is_offline_after_fifteen_seconds_of_silence_and_stays_so(queue_room, the_clock):
    agent = queue_room.agent()
    the_clock.advance(seconds=15)
    assert agent.seen.state == "ready"
    the_clock.advance(seconds=1)
    assert agent.seen.state == "offline"
    assert agent.beats().state == "offline"
    queue_room.people(1)
    with pytest.raises(Busy):
        agent.takes()
    assert agent.is_("ready").state == "ready"


def test_an_agent_in_a_call_is_busy(queue_room):
    queue_room.people(1)
    agent = queue_room.agent()
    agent.takes()
    agent.accepts()
    assert agent.seen.state == "busy"
    assert agent.seen.ticket == agent.has.id


def test_saying_the_same_again_does_not_change_since_when(queue_room, the_clock):
    agent = queue_room.agent()
    since = agent.seen.since
    the_clock.advance(seconds=5)
    assert agent.is_("ready").since == since
    assert agent.is_("paused").since == clock.now()


def test_a_line_knows_who_serves_it(queue_room):
    everywhere, here = queue_room.agent(), queue_room.agent(HANGZHOU)
    elsewhere = queue_room.agent(SHANGHAI)
    assert {one.staff_id for one in queue_room.agents.of_line(HANGZHOU)} == {everywhere.id, here.id}
    elsewhere.is_("offline")
    assert {one.staff_id for one in queue_room.agents.online()} == {everywhere.id, here.id}


def test_nobody_is_promised_anything_while_no_agent_is_on_duty(queue_room):
    (customer,) = queue_room.people(1)
    queue_room.agent().is_("paused")
    queue_room.agent(SHANGHAI)
    assert (customer.place.low, customer.place.high) == (None, None)


def test_whoever_finds_an_agent_free_waits_less_than_a_minute(queue_room):
    (customer,) = queue_room.people(1)
    queue_room.agent()
    assert (customer.place.low, customer.place.high) == (0, 60)


def test_the_wait_grows_along_the_line_and_shrinks_with_agents(queue_room):
    people = queue_room.people(6)
    queue_room.agent()
    alone = [one.place for one in people]
    assert [place.low for place in alone] == sorted(place.low for place in alone)
    assert all(place.low < place.high for place in alone)
    queue_room.agent()
    assert people[-1].place.high < alone[-1].high


def test_customers_who_are_away_do_not_make_others_wait(queue_room, passes):
    _, _, last = queue_room.people(3)
    agent = queue_room.agent()
    before = last.place.low
    passes(20, last, agent)
    assert (last.place.position, last.place.low) == (3, 0)
    assert before > 0


def test_an_agent_of_two_branches_is_half_of_one_in_each(queue_room):
    people = queue_room.people(3)
    queue_room.agent(HANGZHOU, SHANGHAI)
    alone = people[-1].place.high
    queue_room.people(3, SHANGHAI)
    assert people[-1].place.high > 1.5 * alone


def test_the_wait_follows_how_long_calls_take(queue_room, the_clock):
    people = queue_room.people(3)
    agent = queue_room.agent()
    before = people[-1].place.high
    for _ in range(12):
        agent.beats()
        person = queue_room.person()
        person.queues()
        with queue_room.engine.database.transaction() as session:
            session.execute(update(TicketRow).where(TicketRow.case_id == person.case.id).values(priority=0))
        agent.takes()
        agent.accepts()
        the_clock.advance(seconds=20)
        agent.renews()
        agent.ends("passed")
    for one in people:
        one.beats()
    assert people[-1].place.high < 0.6 * before


def test_one_query_gives_a_thousand_places_within_the_second(queue_room):
    """Asked every second while a thousand wait; each of the thousand needs a case of its own."""
    queue_room.people(1)
    queue_room.agent()
    with queue_room.engine.database.transaction() as session:
        case, ticket = (values_of(session.scalars(select(table)).one()) for table in (CaseRow, TicketRow))
        del ticket["seq"]
        cases = [{**case, "id": uuid4(), "owner": f"m{n}"} for n in range(999)]
        session.execute(insert(CaseRow), cases)
        more = [{**ticket, "id": uuid4(), "case_id": c["id"], "owner": c["owner"]} for c in cases]
        session.execute(insert(TicketRow), more)
    began = time.perf_counter()
    places = queue_room.queue.places(HANGZHOU)
    took = time.perf_counter() - began
    assert sorted(place.position for place in places.values()) == list(range(1, 1001))
    assert took < 0.5


def values_of(row):
    return {column.key: getattr(row, column.key) for column in type(row).__table__.columns}
