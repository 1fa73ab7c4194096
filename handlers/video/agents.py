"""Agents at work: ready, paused or offline, told by their pages' signs of life; and which lines they serve.

Busy is no state of its own: it follows from the ticket an agent holds.

Tables used here: video_agent.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from engine import Engine
from engine.parameters import Parameters

Wish = Literal["ready", "paused", "offline"]
Presence = Literal["ready", "busy", "paused", "offline"]


@dataclass(frozen=True)
class Agent:
    """An agent as colleagues and supervisors see them."""

    staff_id: UUID
    #: What follows from wish, signs of life and ticket.
    state: Presence
    since: datetime
    branches: frozenset[str]


def line_of(parameters: Parameters, branch: str) -> str:
    """Return the queue in which a branch's customers wait: its own, or the pool's (A-18)."""
    pool = next((p for p in parameters.company.pooled_branches if branch in p), None)
    return branch if pool is None else "+".join(sorted(pool))


def branches_of(parameters: Parameters, line: str) -> frozenset[str]:
    """Return the branches whose customers wait in ``line``."""
    pools = {"+".join(sorted(pool)): frozenset(pool) for pool in parameters.company.pooled_branches}
    return pools.get(line, frozenset({line}))


def lines(parameters: Parameters, branches: frozenset[str]) -> frozenset[str] | None:
    """Return the queues that somebody with these branches serves; None: all of the company."""
    return frozenset(line_of(parameters, branch) for branch in branches) if branches else None


class Agents:
    """Keeps who is at work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def set(self, staff: UUID, state: Wish) -> Agent:
        """Let an agent say what they are from now on; also a sign of life."""
        raise NotImplementedError

    def beat(self, staff: UUID) -> Agent:
        """Take a sign of life of an agent's page, every ``BEAT_SECONDS``.

        An agent who has been silent longer than ``AWAY_SECONDS`` is offline and stays so until ``set``
        is called: a computer that wakes up in the morning shall not take a call.
        """
        raise NotImplementedError

    def get(self, staff: UUID) -> Agent:
        """Return an agent; offline when they never were at work."""
        raise NotImplementedError

    def of_line(self, line: str) -> tuple[Agent, ...]:
        """Return the agents who serve a line, those who are offline last."""
        raise NotImplementedError

    def online(self) -> tuple[Agent, ...]:
        """Return all agents of the company who are not offline."""
        raise NotImplementedError
