"""Agents at work: ready, paused or offline, told by their pages' signs of life; and which lines they serve.

Busy is no state of its own: it follows from the ticket an agent holds.

Tables used here: video_agent.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, cast
from uuid import UUID

import orjson
from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from engine import Actor, Engine, clock
from engine.parameters import Parameters
from handlers.staff import StaffRow
from handlers.video.tables import AgentRow, TicketRow
from handlers.video.tickets import AWAY_SECONDS, CHANNEL

Wish = Literal["ready", "paused", "offline"]
Presence = Literal["ready", "busy", "paused", "offline"]


@dataclass(frozen=True)
class Agent:
    """An agent as colleagues and supervisors see them."""

    staff_id: UUID
    #: What follows from wish, signs of life and ticket.
    state: Presence
    since: datetime
    #: Empty: all of the company.
    branches: frozenset[str]
    #: The ticket of whom they talk with, or are offered.
    ticket: UUID | None


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


def reaching(parameters: Parameters, actor: Actor) -> Actor:
    """Return an agent with the branches that share a queue with theirs, whose customers they see (A-18)."""
    if "agent" not in actor.roles or not actor.branches:
        return actor
    shared = (branches_of(parameters, line_of(parameters, branch)) for branch in actor.branches)
    return replace(actor, branches=actor.branches.union(*shared))


class Agents:
    """Keeps who is at work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def set(self, staff: UUID, state: Wish) -> Agent:
        """Let an agent say what they are from now on; also a sign of life."""
        now = clock.now()
        fresh = insert(AgentRow).values(staff_id=staff, state=state, since=now, beat_at=now)
        since = case((AgentRow.state == state, AgentRow.since), else_=now)
        with self._engine.database.transaction() as session:
            session.execute(
                fresh.on_conflict_do_update(
                    index_elements=["staff_id"], set_={"state": state, "since": since, "beat_at": now}
                )
            )
            found = self._of(session, staff, now)
            self._tell(session, found)
            return found

    def beat(self, staff: UUID) -> Agent:
        """Take a sign of life of an agent's page, every ``BEAT_SECONDS``.

        An agent who has been silent longer than ``AWAY_SECONDS`` is offline and stays so until ``set``
        is called: a computer that wakes up in the morning shall not take a call.
        """
        now = clock.now()
        gone = AgentRow.beat_at < now - timedelta(seconds=AWAY_SECONDS)
        went = case((gone & (AgentRow.state != "offline"), AgentRow.beat_at), else_=AgentRow.since)
        with self._engine.database.transaction() as session:
            session.execute(
                update(AgentRow)
                .where(AgentRow.staff_id == staff)
                .values(state=case((gone, "offline"), else_=AgentRow.state), since=went, beat_at=now)
            )
            return self._of(session, staff, now)

    def get(self, staff: UUID) -> Agent:
        """Return an agent; offline when they never were at work."""
        with self._engine.database.reading() as session:
            return self._of(session, staff, clock.now())

    def of_line(self, line: str) -> tuple[Agent, ...]:
        """Return the agents who serve a line: those who are busy, ready, paused, then offline."""
        branches = branches_of(self._engine.parameters(), line)
        return tuple(one for one in self._all() if not one.branches or one.branches & branches)

    def online(self) -> tuple[Agent, ...]:
        """Return all agents who are not offline."""
        return tuple(one for one in self._all() if one.state != "offline")

    def _all(self) -> list[Agent]:
        now = clock.now()
        with self._engine.database.reading() as session:
            query = _AGENTS.where(StaffRow.disabled_at.is_(None))
            found = [_agent(now, *row) for row in session.execute(query)]
        return sorted(found, key=lambda one: (_ORDER.index(one.state), one.since))

    @staticmethod
    def _of(session: Session, staff: UUID, now: datetime) -> Agent:
        query = _AGENTS.where(AgentRow.staff_id == staff).execution_options(populate_existing=True)
        row = session.execute(query).one_or_none()
        if row is None:
            return Agent(staff, "offline", now, frozenset(), None)
        return _agent(now, *row)

    def _tell(self, session: Session, agent: Agent) -> None:
        """Let the lines know whose wait this changes."""
        parameters = self._engine.parameters()
        branches = agent.branches or {branch.name for branch in parameters.company.branches}
        for line in {line_of(parameters, branch) for branch in branches}:
            told = orjson.dumps({"queue": line}).decode()
            session.execute(select(func.pg_notify(CHANNEL, told)))


_ORDER: tuple[Presence, ...] = ("busy", "ready", "paused", "offline")
_AGENTS = (
    select(AgentRow, StaffRow.branches, TicketRow)
    .join(StaffRow, StaffRow.id == AgentRow.staff_id)
    .outerjoin(TicketRow, TicketRow.agent == AgentRow.staff_id)
)


def _agent(now: datetime, row: AgentRow, branches: list[str], ticket: TicketRow | None) -> Agent:
    if ticket is not None and ticket.state == "in_call":
        since = ticket.accepted_at or ticket.beat_at
        return Agent(row.staff_id, "busy", since, frozenset(branches), ticket.id)
    holds = None if ticket is None else ticket.id
    if row.state != "offline" and row.beat_at < now - timedelta(seconds=AWAY_SECONDS):
        return Agent(row.staff_id, "offline", row.beat_at, frozenset(branches), holds)
    return Agent(row.staff_id, cast(Presence, row.state), row.since, frozenset(branches), holds)
