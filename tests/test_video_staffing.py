"""How many agents a supervisor needs (R-221)."""

import math

import pytest

from handlers.video.staffing import agents_needed, staffing


@pytest.mark.parametrize(
    ("load", "mean_wait", "in_time"),
    [(0.8, 49, 0.75), (0.9, 160, 0.48), (0.95, 396, 0.27)],
)
def test_ten_agents_with_calls_of_four_minutes(load, mean_wait, in_time):
    """The figures of the book: mean handle 240 s, 10 agents."""
    found = staffing(load * 10 * 15, 240, 10)
    assert found.load == pytest.approx(load)
    assert found.mean_wait == pytest.approx(mean_wait, abs=1)
    assert found.in_time == pytest.approx(in_time, abs=0.006)


def test_one_agent_is_the_plain_queue():
    """M/M/1: who waits is the load, and the mean wait is load × handle / (1 - load)."""
    found = staffing(6, 300, 1)
    assert found.waiting == pytest.approx(0.5)
    assert found.mean_wait == pytest.approx(300)


@pytest.mark.parametrize("agents", [0, 3, 4])
def test_too_few_agents_are_never_done(agents):
    found = staffing(60, 240, agents)
    assert found.mean_wait == math.inf
    assert found.in_time == 0
    assert found.load >= 1


def test_nobody_comes():
    assert staffing(0, 240, 3).in_time == 1
    assert agents_needed(0, 240) == 0


@pytest.mark.parametrize("per_hour", [1, 20, 150, 900])
def test_the_number_needed_is_enough_and_one_less_is_not(per_hour):
    needed = agents_needed(per_hour, 240)
    assert staffing(per_hour, 240, needed).in_time >= 0.8
    assert needed == 1 or staffing(per_hour, 240, needed - 1).in_time < 0.8


def test_a_longer_promise_needs_fewer_agents():
    assert agents_needed(150, 240, within=300) < agents_needed(150, 240, within=20)
