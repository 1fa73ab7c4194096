"""The queue as a supervisor sees it (R-221)."""

import pytest

from handlers.video.monitor import Monitor
from tests.queue_room import HANGZHOU, SHANGHAI


@pytest.fixture
def monitor(queue_room):
    return Monitor(queue_room.engine)


def test_who_waits_is_seen_with_age_and_reason_and_by_masked_name(queue_room, monitor, passes):
    first, second = queue_room.people(2)
    agent = queue_room.agent()
    passes(60, second, agent)
    agent.takes()
    found = monitor.line(HANGZHOU)
    assert [(one.ticket, one.state, one.away, one.why) for one in found.customers] == [
        (second.ticket.id, "offered", False, "first"),
        (first.ticket.id, "waiting", True, "first"),
    ]
    assert {one.name for one in found.customers} == {"张**"}
    assert (found.queued, found.longest) == (2, 61)


def test_a_customer_in_a_call_waits_no_more(queue_room, monitor, the_clock):
    queue_room.people(1)
    agent = queue_room.agent()
    the_clock.advance(seconds=10)
    agent.takes()
    agent.accepts()
    the_clock.advance(seconds=5)
    found = monitor.line(HANGZHOU)
    assert (found.queued, found.longest) == (0, 0)
    assert found.customers[0].waited == 10
    assert found.mean_wait == 10
    assert [one.state for one in found.agents] == ["busy"]


def test_todays_calls_are_counted_by_outcome(queue_room, monitor, the_clock):
    queue_room.people(3)
    agent = queue_room.agent()
    for outcome, seconds in (("passed", 100), ("refused", 200)):
        agent.beats()
        agent.takes()
        agent.accepts()
        for _ in range(seconds // 10):
            the_clock.advance(seconds=10)
            agent.renews()
        agent.ends(outcome)
        for one in queue_room.tickets():
            queue_room.queue.beat(one.case_id, one.owner)
    agent.takes()
    agent.accepts()
    agent.loses("node")
    found = monitor.line(HANGZHOU)
    assert {outcome: n for outcome, n in found.today.items() if n} == {
        "passed": 1,
        "refused": 1,
        "node_lost": 1,
    }
    assert found.mean_handle == 150
    assert (found.entered_today, found.entered_hour) == (3, 3)
    the_clock.advance(days=1)
    assert not any(monitor.line(HANGZHOU).today.values())


def test_the_line_that_waits_longest_comes_first(queue_room, monitor, the_clock):
    queue_room.people(1, SHANGHAI)
    the_clock.advance(seconds=5)
    queue_room.people(1)
    the_clock.advance(seconds=5)
    assert [one.line for one in monitor.lines()][:2] == [SHANGHAI, HANGZHOU]
    assert [one.line for one in monitor.lines(frozenset({HANGZHOU}))] == [HANGZHOU]


def test_branches_that_share_a_queue_are_one_line(queue_room, monitor):
    queue_room.sets(company={"pooled_branches": [[HANGZHOU, SHANGHAI]]})
    queue_room.people(1, SHANGHAI)
    (found,) = monitor.lines(frozenset({HANGZHOU}))
    assert found.branches == {HANGZHOU, SHANGHAI}
    assert found.queued == 1
