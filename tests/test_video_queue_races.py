"""Many agents at once, and killed ones: nobody is given to two, nobody is lost (R-173, video witness)."""

import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import func, select, update

from engine import clock
from handlers.video.errors import Busy, Moved
from handlers.video.tables import AgentRow, CallRow, TicketRow
from tests.queue_actors import PROCESSES, Door, claim_once_each, in_the_future, on_the_morning, start, work
from tests.queue_room import QueueRoom, release
from tests.test_engine_races import together

ROUNDS = 8


def door_to(room):
    """Return how other processes come to the queue."""
    ahead = (clock.now() - datetime.now(UTC)).total_seconds()
    return Door(room.engine.database.url, room.engine.files.root, room.engine.keyring, ahead)


@pytest.fixture
def live(database_url, tmp_path):
    """A queue in running time."""
    with on_the_morning():
        made = QueueRoom(database_url, tmp_path / "files")
        made.publishes(release())
        yield made
        made.engine.database.dispose()


def everybody_beats(room):
    with room.engine.database.transaction() as session:
        session.execute(update(TicketRow).where(TicketRow.ended_at.is_(None)).values(beat_at=clock.now()))


def later(deed, seconds):
    """Do something as if it were later."""

    def do():
        with in_the_future(seconds):
            return deed()

    return do


def count(room, *where):
    with room.engine.database.reading() as session:
        return session.scalar(select(func.count()).select_from(TicketRow).where(*where))


def test_thirty_two_processes_share_three_hundred_customers_without_doubling_or_losing_one(live, long):
    tickets, processes = 300, 32
    live.people(tickets)
    each = -(-tickets // processes) + 1
    agents = [[live.agent().id for _ in range(each)] for _ in range(processes)]
    ready, told = PROCESSES.Barrier(processes + 1), PROCESSES.Queue()
    children = [start(claim_once_each, door_to(live), mine, ready, told) for mine in agents]
    with live.engine.database.transaction() as session:
        # Starting so many processes takes a while; agents and customers are as fresh as their pages.
        for table in (TicketRow, AgentRow):
            session.execute(update(table).values(beat_at=clock.now() + timedelta(hours=1)))
    ready.wait(120)
    got = [one for _ in children for one in told.get(timeout=120)[0] if one is not None]
    for child in children:
        child.join(30)
    assert [ticket for ticket, n in Counter(ticket for ticket, _ in got).items() if n > 1] == []
    assert len(got) == tickets
    assert count(live, TicketRow.state == "offered") == tickets
    assert count(live, TicketRow.agent.is_(None)) == 0


def test_agents_who_are_killed_in_the_middle_lose_and_double_nobody(live, long):
    tickets, chance = 100 if long else 60, random.Random(3)  # noqa: S311 - repeatable
    live.people(tickets)
    told = PROCESSES.Queue()

    def employs(number):
        return start(work, door_to(live), live.agent().id, number, told)

    working, killed = [employs(n) for n in range(6)], 0
    until = time.monotonic() + 120
    while count(live, TicketRow.ended_at.is_(None)):
        assert time.monotonic() < until, "somebody is lost"
        everybody_beats(live)
        time.sleep(0.1 + chance.random() * 0.3)
        if killed < 8 and count(live, TicketRow.state != "waiting"):
            working.pop(chance.randrange(len(working))).kill()
            killed += 1
            working.append(employs(100 + killed))
        # What a sweep would find once offers and leases of the dead are over; the living race with it.
        later(partial(live.queue.sweep, away=False), 40)()
        working = [one if one.is_alive() else employs(200 + len(working)) for one in working]
    for one in working:
        one.join(30)
    assert killed
    assert count(live, TicketRow.state == "passed") == tickets
    with live.engine.database.reading() as session:
        passed = select(CallRow.ticket_id, func.count()).where(CallRow.outcome == "passed")
        assert [n for _, n in session.execute(passed.group_by(CallRow.ticket_id)) if n > 1] == []
        assert session.scalar(select(func.count()).where(CallRow.closed_at.is_(None))) == 0


def one_of(found, refusal):
    """Return the place of the deed that succeeded, the other one having been refused."""
    broken = [one for one in found if isinstance(one, Exception) and not isinstance(one, refusal)]
    assert broken == []
    return [n for n, one in enumerate(found) if not isinstance(one, refusal)]


def test_an_answer_and_the_end_of_the_offer_at_once_are_one_or_the_other(live):
    for _ in range(ROUNDS):
        (customer,) = live.people(1)
        agent = live.agent()
        agent.takes()
        answered, swept = together(agent.accepts, later(partial(live.queue.sweep, away=False), 31))
        if isinstance(answered, Moved):
            assert (swept, customer.ticket.state, customer.state) == (1, "waiting", "queued")
            agent.is_("ready")
            agent.takes()
            agent.accepts()
        assert (customer.ticket.state, customer.state) == ("in_call", "in_call")
        agent.ends("passed")


def test_a_result_and_the_end_of_the_lease_at_once_are_one_or_the_other(live):
    for _ in range(ROUNDS):
        (customer,) = live.people(1)
        agent = live.agent()
        agent.takes()
        call = agent.accepts()
        ended, _ = together(partial(agent.ends, "refused"), later(partial(live.queue.sweep, away=False), 16))
        with live.engine.database.reading() as session:
            outcome = session.get_one(CallRow, call.id).outcome
        if isinstance(ended, Moved):
            assert (customer.ticket.state, customer.ticket.priority, outcome) == ("waiting", 0, "agent_left")
            customer.leaves()
        else:
            assert (customer.ticket.state, outcome) == ("refused", "refused")


def test_accepting_declining_and_cancelling_at_once_leave_one_truth(live):
    for _ in range(ROUNDS):
        (customer,) = live.people(1)
        agent = live.agent()
        agent.takes()
        accepted, declined, _ = together(agent.accepts, agent.declines, customer.leaves)
        for one in (accepted, declined):
            assert not isinstance(one, Exception) or isinstance(one, Moved)
        assert isinstance(accepted, Moved) or isinstance(declined, Moved)
        assert (customer.ticket.state, customer.state) == ("left", "await_video")
        assert [call.closed_at for call in live.calls() if call.closed_at is None] == []


def test_two_pages_of_one_agent_get_one_customer(live):
    for _ in range(ROUNDS):
        people = live.people(2)
        agent = live.agent()
        found = together(*[partial(live.queue.claim, agent.id, None, live.company)] * 4)
        assert one_of(found, Busy) != []
        assert len([one for one in found if not isinstance(one, Busy)]) == 1
        assert count(live, TicketRow.agent == agent.id) == 1
        for one in people:
            one.leaves()


def test_pressing_the_button_in_two_windows_at_once_is_one_place(live):
    for _ in range(ROUNDS):
        customer = live.person()
        found = together(*[customer.queues] * 4)
        assert {one.id for one in found} == {customer.ticket.id}


def test_a_sign_of_life_never_lets_others_overtake(live):
    """The page of the first in the line writes the very row that the claim is after, all the time."""
    for _ in range(ROUNDS):
        first, second = live.people(2)
        agent = live.agent()
        stop = time.monotonic() + 0.2

        def beats(customer=first, stop=stop):
            while time.monotonic() < stop:
                customer.beats()

        *_, taken = together(*[beats] * 4, agent.takes)
        assert taken.owner == first.owner
        first.leaves()
        second.leaves()


def test_somebody_who_hangs_with_a_customers_row_in_hand_stops_nobody_else(live):
    first, second = live.people(2)
    agent = live.agent()
    with live.engine.database.transaction() as session:
        session.scalar(select(TicketRow).where(TicketRow.id == first.ticket.id).with_for_update())
        began = time.monotonic()
        assert agent.takes().owner == second.owner
        assert time.monotonic() - began < 2
    assert live.agent().takes().owner == first.owner
