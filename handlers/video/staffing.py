"""How many agents a line needs, by Erlang's formula C: for the supervisor's panel, not for customers.

The formula describes a line at rest: customers come at random, everybody waits as long as it takes, calls
are memoryless. So it judges a plan for an hour, and is no estimate of anybody's wait (see ``estimate``).
Source: A. K. Erlang, 1917, as in every book on call centres.
"""

import math
from dataclasses import dataclass

#: What customers may be promised: this share is answered within these seconds.
TARGET_SHARE, TARGET_SECONDS = 0.8, 60.0
#: More agents than this nobody plans.
MOST_AGENTS = 2000


@dataclass(frozen=True)
class Staffing:
    """What comes of a number of agents."""

    agents: int
    #: Share of their time in which agents are busy; 1 and above: the line grows without end.
    load: float
    #: Share of customers who wait at all, 0 to 1.
    waiting: float
    #: Mean seconds of waiting, those included who do not wait; infinite when the line grows without end.
    mean_wait: float
    #: Share of customers answered within ``TARGET_SECONDS``.
    in_time: float


def staffing(per_hour: float, handle: float, agents: int, within: float = TARGET_SECONDS) -> Staffing:
    """Return what comes of ``agents`` agents.

    :param per_hour: customers who come in an hour.
    :param handle: seconds an agent is taken up by one of them.
    :param within: seconds for ``in_time``.
    """
    offered = per_hour * handle / 3600
    if offered <= 0:
        return Staffing(agents, 0.0, 0.0, 0.0, 1.0)
    if agents <= offered:
        return Staffing(agents, offered / agents if agents else math.inf, 1.0, math.inf, 0.0)
    load = offered / agents
    blocked = _erlang_b(offered, agents)
    waiting = blocked / (1 - load * (1 - blocked))
    spare = (agents - offered) / handle
    return Staffing(agents, load, waiting, waiting / spare, 1 - waiting * math.exp(-spare * within))


def agents_needed(
    per_hour: float, handle: float, share: float = TARGET_SHARE, within: float = TARGET_SECONDS
) -> int:
    """Return the fewest agents who answer ``share`` of the customers ``within`` seconds.

    :param share: at least 0, less than 1.
    """
    if per_hour <= 0:
        return 0
    agents = max(1, math.ceil(per_hour * handle / 3600))
    while agents < MOST_AGENTS and staffing(per_hour, handle, agents, within).in_time < share:
        agents += 1
    return agents


def _erlang_b(offered: float, agents: int) -> float:
    """Return the share of customers who find all agents busy and go away, agent by agent."""
    blocked = 1.0
    for count in range(1, agents + 1):
        blocked = offered * blocked / (count + offered * blocked)
    return blocked
