"""How long a customer still waits, as a range that holds as often as it says.

With all agents busy, somebody with ``k`` customers before them waits for ``k + 1`` calls to end. Were calls
memoryless, that would be Gamma(k + 1, h / c) for ``c`` agents and calls of ``h`` seconds. Calls are steadier
than that (coefficient of variation about 0.6) and under way already, so the spread is smaller and the first
end comes earlier; the constants below were fitted to simulated queues (``tests/test_video_estimate.py``).
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

#: Seconds a call takes until the line has had one.
DEFAULT_HANDLE = 240.0
#: Weight of the newest call in the running mean.
_NEWEST = 0.1
#: Variance of a call over its squared mean.
_STEADY = 0.36
#: How much earlier the first call ends than after a whole one, in calls, for one agent.
_UNDER_WAY = 0.32
#: Of those who gave up lately, the share that had not yet done so when somebody came behind them.
_STILL_TO_GO = 0.7
#: Most seconds until an agent who is free has turned to the next customer.
TURNING_SECONDS = 60
_EIGHTY = NormalDist().inv_cdf(0.8)


def handle_seconds(calls: Sequence[float]) -> float:
    """Return how long a call takes at present.

    :param calls: seconds of the last calls that came to a result, oldest first.
    """
    mean = DEFAULT_HANDLE
    for seconds in calls:
        mean += _NEWEST * (seconds - mean)
    return mean


def wait(
    ahead: int, agents: float, free: float, handle: float, leaving: float = 0.0
) -> tuple[int, int] | None:
    """Return the seconds that are enough one time in two, and four times in five.

    :param ahead: customers before this one, none of whom an agent has turned to yet.
    :param agents: on duty for this line, busy or free; shared ones count by their share.
    :param free: those of them who have no customer.
    :param handle: seconds between an agent's customers.
    :param leaving: share of customers who lately gave up before their turn, 0 to 1.
    :returns: None while nobody is on duty.
    """
    if agents <= 0:
        return None
    if ahead < free:
        return 0, TURNING_SECONDS
    ends = ahead * (1 - _STILL_TO_GO * leaving) + 1 - free
    servers = max(agents, 1.0)
    spread = _STEADY + (1 - _STEADY) * (servers - 1) / (servers + max(ends, 1.0) - 1)
    shape = max(ends - _UNDER_WAY / math.sqrt(servers), 1 - _UNDER_WAY) / spread
    scale = handle / agents * spread
    return round(_gamma(shape, scale, 0.0)), round(_gamma(shape, scale, _EIGHTY))


def _gamma(shape: float, scale: float, deviations: float) -> float:
    """Return a quantile of a gamma distribution, by the cube root of Wilson and Hilferty (1931).

    For shapes from 0.6 on it is off by less than 3 %.
    """
    root = 1 - 1 / (9 * shape) + deviations / (3 * math.sqrt(shape))
    return float(shape * scale * max(root, 0.0) ** 3)
