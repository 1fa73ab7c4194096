"""Tickets of the queue as everybody else sees them, and what every side of the queue does to their rows.

    waiting → offered → in_call → passed | sent_back | refused
       ↑         │         │
       └─────────┴─────────┘        left, abandoned, no_show end it as well

Whoever changes a case and its ticket locks the case first; claims lock tickets only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Literal, cast, get_args
from uuid import UUID

import orjson
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from engine import Actor, Engine
from engine.parameters import Parameters
from engine.store.tables import CaseRow, WorkItemRow
from handlers import hours
from handlers.video.errors import Moved, NoTicket
from handlers.video.tables import CallRow, State, TicketRow, Why

#: What the pages listen to; see ``web.live``.
CHANNEL = "kaihu"
#: Seconds between two signs of life of a page, a customer's or an agent's.
BEAT_SECONDS = 5.0
#: Seconds without one after which a customer is passed over, and an agent counts as gone.
AWAY_SECONDS = 15.0
#: Seconds an agent's page holds a call without renewing it.
LEASE_SECONDS = 15.0

#: How a call ended; ``node_lost``: by our own fault.
Outcome = Literal["passed", "sent_back", "refused", "no_show", "customer_left", "agent_left", "node_lost"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
#: Results an agent gives; they end a ticket.
Result = Literal["passed", "sent_back", "refused"]
RESULTS: tuple[Result, ...] = get_args(Result)


@dataclass(frozen=True)
class Ticket:
    """One customer's place in a queue; see ``tables.TicketRow`` for each column."""

    id: UUID
    case_id: UUID
    task_id: UUID
    owner: str
    company: str
    branch: str
    line: str
    business: str
    state: State
    why: Why
    #: 0 interrupted, 1 usual, 2 did not answer twice
    priority: int
    ranked_at: datetime
    entered_at: datetime
    beat_at: datetime
    #: Goes with every command of an agent; one that is over is refused.
    epoch: int
    agent: UUID | None
    offered_at: datetime | None
    accepted_at: datetime | None
    #: When the offer or the call's lease runs out.
    until: datetime | None
    preferred: UUID | None
    preferred_until: datetime | None
    no_shows: int
    ended_at: datetime | None

    @property
    def open(self) -> bool:
        """Whether it still keeps a place or a call."""
        return self.ended_at is None

    def is_away(self, now: datetime) -> bool:
        """Whether the customer's page has been silent so long that nobody is offered this ticket."""
        return self.beat_at < now - timedelta(seconds=AWAY_SECONDS)


@dataclass(frozen=True)
class Call:
    """One call as it was opened."""

    id: UUID
    ticket_id: UUID
    case_id: UUID
    #: Of the ticket, when the call began.
    epoch: int
    agent: UUID
    opened_at: datetime
    closed_at: datetime | None
    outcome: Outcome | None


@dataclass(frozen=True)
class Place:
    """Where somebody stands (R-162, R-163)."""

    #: Everybody queued in the line, this customer included (A-17).
    total: int
    #: Counts from 1; those to whom an agent is just turning stand before all others.
    position: int
    #: Seconds of waiting left: as likely as not it is no more than ``low``, four times in five no more
    #: than ``high``. Both None while no agent is on duty: then nobody knows.
    low: int | None
    high: int | None


_NAMES = tuple(field.name for field in fields(Ticket))


def ticket_of(row: TicketRow) -> Ticket:
    """Return a row as the rest of the product sees it."""
    return Ticket(**{name: getattr(row, name) for name in _NAMES})


def call_of(row: CallRow) -> Call:
    """Return a call's row as the rest of the product sees it."""
    outcome = cast("Outcome | None", row.outcome)
    return Call(
        row.id, row.ticket_id, row.case_id, row.epoch, row.agent, row.opened_at, row.closed_at, outcome
    )


def served(parameters: Parameters, moment: datetime, business: str, branch: str) -> bool:
    """Tell whether somebody who is queued may still be served: a while longer than new ones are let in."""
    stay = timedelta(minutes=parameters.hours.stay_minutes)
    return any(
        hours.is_open(parameters, at, business=business, branch=branch, step="video")
        for at in (moment, moment - stay)
    )


class Tickets:
    """Reads tickets; the sides of the queue build on it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, session: Session, ticket_id: UUID) -> Ticket:
        """Return a ticket, or raise NoTicket."""
        row = session.get(TicketRow, ticket_id, populate_existing=True)
        if row is None:
            raise NoTicket()
        return ticket_of(row)

    def of_case(self, session: Session, case_id: UUID) -> Ticket | None:
        """Return the newest ticket of a case, open or over."""
        newest = (
            select(TicketRow)
            .where(TicketRow.case_id == case_id)
            .order_by(TicketRow.entered_at.desc(), TicketRow.seq.desc())
            .limit(1)
            .execution_options(populate_existing=True)
        )
        row = session.scalar(newest)
        return None if row is None else ticket_of(row)

    def of_agent(self, session: Session, agent: UUID) -> Ticket | None:
        """Return the customer an agent has now: offered, or in a call."""
        row = session.scalar(select(TicketRow).where(TicketRow.agent == agent))
        return None if row is None else ticket_of(row)

    def call(self, session: Session, ticket_id: UUID, epoch: int) -> Call | None:
        """Return the call of a ticket that began at ``epoch``."""
        known = select(CallRow).where(CallRow.ticket_id == ticket_id, CallRow.epoch == epoch)
        row = session.scalar(known)
        return None if row is None else call_of(row)

    @staticmethod
    def tell_agent(session: Session, agent: UUID, ticket_id: UUID) -> None:
        """Wake an agent's page once the transaction is committed."""
        told = orjson.dumps({"agent": str(agent), "ticket": str(ticket_id)}).decode()
        session.execute(select(func.pg_notify(CHANNEL, told)))

    # -- for the sides of the queue -----------------------------------------------------------------

    def _held(self, session: Session, ticket_id: UUID, epoch: int, agent: UUID | None) -> TicketRow:
        """Lock a ticket which an agent holds at ``epoch``, or raise Moved; ``agent`` None: whoever."""
        row = _locked(session, ticket_id)
        if row.epoch != epoch or row.agent is None or (agent is not None and row.agent != agent):
            raise Moved()
        return row

    @staticmethod
    def _case(session: Session, case_id: UUID) -> CaseRow:
        """Lock a case: before its ticket, always."""
        return session.execute(
            select(CaseRow)
            .where(CaseRow.id == case_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).scalar_one()

    @staticmethod
    def _page_is_open(session: Session, task_id: UUID) -> bool:
        """Tell whether the case still stands at the page that is witnessed."""
        still = select(WorkItemRow.id).where(WorkItemRow.id == task_id, WorkItemRow.closed_at.is_(None))
        return session.scalar(still) is not None

    def _stand(self, session: Session, row: TicketRow, state: str | None, actor: Actor) -> None:
        """Let the case show where the customer is; None: what the diagram says.

        A case that has gone on by itself (withdrawn, expired) keeps the state it has.
        """
        if self._page_is_open(session, row.task_id):
            self._engine.cases.stand(session, row.case_id, row.task_id, state, actor)

    def _requeue(self, row: TicketRow, why: Why | None = None, priority: int | None = None) -> None:
        """Put a ticket back among those who wait, out of reach of whoever held it."""
        row.state, row.agent, row.until = "waiting", None, None
        row.offered_at = row.accepted_at = None
        row.epoch += 1
        row.why = why or row.why
        row.priority = row.priority if priority is None else priority

    def _end(self, row: TicketRow, state: State, now: datetime) -> None:
        """End a ticket; it gives up its place."""
        row.state, row.agent, row.until, row.ended_at = state, None, None, now

    @staticmethod
    def _close_call(session: Session, row: TicketRow, outcome: Outcome, now: datetime) -> None:
        """Write down how the call of a ticket's present epoch ended."""
        session.execute(
            update(CallRow)
            .where(CallRow.ticket_id == row.id, CallRow.epoch == row.epoch, CallRow.closed_at.is_(None))
            .values(closed_at=now, outcome=outcome)
        )

    @staticmethod
    def _tell(session: Session, ticket: TicketRow | Ticket, *agents: UUID | None) -> None:
        """Wake the line, the customer's page, and the pages of agents, once the transaction is committed."""
        told: list[Mapping[str, str]] = [
            {"queue": ticket.line},
            {
                "case": str(ticket.case_id),
                "owner": ticket.owner,
                "branch": ticket.branch,
                "task": str(ticket.task_id),
            },
        ]
        told += [{"agent": str(one), "ticket": str(ticket.id)} for one in agents if one is not None]
        session.execute(select(*(func.pg_notify(CHANNEL, orjson.dumps(one).decode()) for one in told)))


def _locked(session: Session, ticket_id: UUID) -> TicketRow:
    """Lock a ticket as it is now, or raise NoTicket."""
    row = session.scalar(
        select(TicketRow)
        .where(TicketRow.id == ticket_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise NoTicket()
    return row
