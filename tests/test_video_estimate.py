"""What customers are told about their wait, held against simulated lines (R-163, video witness)."""

import random
from statistics import NormalDist, quantiles

import pytest

from handlers.video import estimate
from tests.simulated_queue import AGENTS, LOADS, PATIENCE, errors, share_within, simulate

CASES = [
    (agents, load, patience)
    for agents in AGENTS
    for load in LOADS
    for patience in PATIENCE
    if load < 1 or patience
]


@pytest.fixture(scope="module")
def lines(long):
    """Every case, seeded: the same each time."""
    customers = 20_000 if long else 3_000
    return {
        (agents, load, patience): simulate(agents, load, customers, int(agents * 100 + load * 7), patience)
        for agents, load, patience in CASES
    }


def test_four_of_five_customers_wait_no_longer_than_they_were_told(lines):
    queued = [one for waits in lines.values() for one in waits]
    assert 0.78 <= share_within(queued, "high") <= 0.88


def test_every_second_customer_waits_no_longer_than_the_lower_figure(lines):
    queued = [one for waits in lines.values() for one in waits]
    assert 0.48 <= share_within(queued, "low") <= 0.60


@pytest.mark.parametrize("agents", AGENTS)
def test_it_holds_for_few_agents_and_for_many(lines, agents):
    queued = [one for known, waits in lines.items() if known[0] == agents for one in waits]
    assert 0.78 <= share_within(queued, "high") <= 0.88


def test_the_error_is_two_fifths_of_erlangs_at_most(lines):
    """Where Erlang's formula may be used at all: nobody gives up, and the line does not grow for ever."""
    for (agents, load, patience), waits in lines.items():
        if load < 1 and patience is None:
            ours, erlangs = errors(waits, agents, load)
            assert ours <= erlangs / 2.5


def test_while_nobody_is_on_duty_nothing_is_told():
    assert estimate.wait(0, 0.0, 0.0, 240) is None


def test_whoever_finds_an_agent_free_waits_for_the_turning_only():
    assert estimate.wait(1, 3, 2, 240) == (0, estimate.TURNING_SECONDS)


def told(ahead, agents):
    """What somebody is told while everybody is busy."""
    found = estimate.wait(ahead, agents, 0, 240)
    assert found is not None
    return found


def test_more_customers_before_one_never_shorten_the_wait():
    along = [told(ahead, 3) for ahead in range(50)]
    assert along == sorted(along)


def test_more_agents_never_lengthen_the_wait():
    each = [told(9, agents) for agents in (0.2, 0.5, 1, 2, 5, 20)]
    assert each == sorted(each, reverse=True)


def test_a_line_without_calls_yet_reckons_with_four_minutes():
    assert estimate.handle_seconds([]) == 240


def test_the_newest_calls_count_most():
    assert estimate.handle_seconds([600] * 20 + [100] * 20) < 200
    assert estimate.handle_seconds([100] * 20 + [600] * 20) > 500


@pytest.mark.parametrize("shape", [0.7, 1.0, 3.0, 40.0])
def test_the_quantiles_are_those_of_a_gamma_distribution(shape):
    """Against as many drawn numbers."""
    chance = random.Random(1)  # noqa: S311
    drawn = sorted(chance.gammavariate(shape, 100) for _ in range(200_000))
    tenths = quantiles(drawn, n=10)
    assert estimate._gamma(shape, 100, 0.0) == pytest.approx(tenths[4], rel=0.04)
    assert estimate._gamma(shape, 100, NormalDist().inv_cdf(0.8)) == pytest.approx(tenths[7], rel=0.03)
