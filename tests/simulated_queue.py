"""A line of customers in simulated time, to hold estimates against what then happened.

Customers come at random, calls are lognormal with a coefficient of variation of 0.6, and some give up.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from handlers.video import estimate
from handlers.video.staffing import staffing

HANDLE, VARIATION = 240.0, 0.6
#: Customers and calls from which the product tells the pace of a line; see ``handlers.video.places``.
LAST = 40
#: Every combination of agents, load and patience (seconds until half of the customers' e-fold gives up).
AGENTS, LOADS, PATIENCE = (2, 3, 5, 10, 20), (0.8, 0.9, 0.95, 1.05), (None, 600.0)


@dataclass(frozen=True)
class Waited:
    """What somebody was told on entering, and how long it then took, in seconds."""

    seconds: float
    low: int
    high: int
    #: All agents were busy.
    queued: bool


def simulate(
    agents: int, load: float, customers: int, seed: int, patience: float | None = None
) -> list[Waited]:
    """Return what became of those who did not give up; the first twentieth only fills the line."""
    chance = random.Random(seed)  # noqa: S311
    spread = math.log(1 + VARIATION**2)
    middle = math.log(HANDLE) - spread / 2
    rate = load * agents / HANDLE
    calls: deque[float] = deque(maxlen=LAST)
    gone: deque[bool] = deque(maxlen=LAST)
    busy: list[tuple[float, float]] = []
    line: deque[tuple[int, float, tuple[int, int]]] = deque()
    giving_up: dict[int, float] = {}
    found: list[Waited] = []
    comes = chance.expovariate(rate)

    def begin(now: float) -> None:
        seconds = chance.lognormvariate(middle, math.sqrt(spread))
        heapq.heappush(busy, (now + seconds, seconds))

    def told() -> tuple[int, int]:
        leaving = sum(gone) / len(gone) if gone else 0.0
        handle = estimate.handle_seconds(list(calls))
        said = estimate.wait(len(line), agents, agents - len(busy), handle, leaving)
        assert said is not None
        return said

    for number in range(customers):
        while busy and busy[0][0] <= comes:
            now, seconds = heapq.heappop(busy)
            calls.append(seconds)
            while line:
                who, entered, said = line.popleft()
                if giving_up.get(who, math.inf) <= now:
                    # Noticed only now; those behind saw them in the line until they had gone.
                    continue
                gone.append(False)
                begin(now)
                if who >= customers // 20:
                    found.append(Waited(now - entered, *said, True))
                break
        for who, _, _ in [one for one in line if giving_up.get(one[0], math.inf) <= comes]:
            line = deque(one for one in line if one[0] != who)
            gone.append(True)
        if len(busy) < agents:
            said = told()
            begin(comes)
            if number >= customers // 20:
                found.append(Waited(0.0, *said, False))
        else:
            line.append((number, comes, told()))
            if patience:
                giving_up[number] = comes + chance.expovariate(1 / patience)
        comes += chance.expovariate(rate)
    return found


def share_within(waits: Sequence[Waited], which: str) -> float:
    """Return for which share of those who queued an upper bound held: ``low`` or ``high``."""
    queued = [one for one in waits if one.queued]
    return sum(one.seconds <= getattr(one, which) for one in queued) / len(queued)


def errors(waits: Sequence[Waited], agents: int, load: float) -> tuple[float, float]:
    """Return the mean absolute error of what was told, and of Erlang's mean, over all who came."""
    erlang = staffing(load * agents * 3600 / HANDLE, HANDLE, agents).mean_wait
    ours = sum(abs(one.seconds - one.low) for one in waits) / len(waits)
    return ours, sum(abs(one.seconds - erlang) for one in waits) / len(waits)
