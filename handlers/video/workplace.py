"""What an agent's desk shows (K01): who waits and why, who is mine, how long I may catch my breath.

Only reads; who gets whom is decided by ``handlers.video.queue``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, func, select

from engine import Actor, CaseFacts, Engine, clock
from engine.cases import SUMMARY
from engine.steps import facts_of
from engine.store.tables import CaseRow
from forms import masks
from handlers.video.agents import lines
from handlers.video.tables import CallRow, TicketRow
from handlers.video.tickets import AWAY_SECONDS, Call, call_of

#: Seconds after a result in which nobody is offered, so that notes can be finished.
WRAP_UP_SECONDS = 30


@dataclass(frozen=True)
class Waiting:
    """One customer of a queue, as agents see them."""

    ticket: UUID
    name: str
    """Masked."""
    type: str
    number: str | None
    branch: str
    state: str
    """``waiting``, ``offered`` or ``in_call``."""
    why: str
    """``first``, ``sent_back``, ``interrupted`` or ``resumed``."""
    flags: tuple[str, ...]
    entered_at: datetime
    here: bool
    """Whether the customer's page is alive."""
    agent: str | None
    """Id of the member of staff they are offered to or talk with."""
    preferred: bool
    """Whether the asking agent knows the case and has it kept for a while."""


@dataclass(frozen=True)
class Mine:
    """The ticket that is offered to an agent, or in call with them."""

    ticket: UUID
    case: UUID
    task: UUID
    epoch: int
    state: str
    why: str
    name: str
    """Masked; in a call the page knows the full one."""
    type: str
    number: str | None
    branch: str
    flags: tuple[str, ...]
    until: datetime | None
    accepted_at: datetime | None
    call: UUID | None


@dataclass(frozen=True)
class Seen:
    """One ticket as somebody may look it up who was given its id."""

    case: CaseFacts
    task: UUID
    state: str
    epoch: int
    agent: UUID | None
    why: str
    accepted_at: datetime | None
    call: UUID | None


class Workplace:
    """Reads for one agent what a desk shows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self, actor: Actor, limit: int = 100) -> list[Waiting]:
        """Return everybody in the queues of ``actor``'s branches, the next to be served first."""
        now = clock.now()
        query = (
            select(TicketRow, CaseRow)
            .join(CaseRow, CaseRow.id == TicketRow.case_id)
            .where(TicketRow.ended_at.is_(None), *self._in_reach(actor))
            .order_by(TicketRow.state != "waiting", TicketRow.priority, TicketRow.ranked_at, TicketRow.seq)
            .limit(limit)
        )
        with self._engine.database.reading() as session:
            found = session.execute(query).all()
        return [
            Waiting(
                ticket=ticket.id,
                name=masks.name(self._name(case)),
                type=case.type,
                number=case.number,
                branch=ticket.branch,
                state=ticket.state,
                why=ticket.why,
                flags=tuple(case.flags),
                entered_at=ticket.entered_at,
                here=now - ticket.beat_at <= timedelta(seconds=AWAY_SECONDS),
                agent=None if ticket.agent is None else str(ticket.agent),
                preferred=str(ticket.preferred) == actor.id and now < (ticket.preferred_until or now),
            )
            for ticket, case in found
        ]

    def mine(self, staff_id: UUID) -> Mine | None:
        """Return whom this agent has now; at most one, the table sees to it (R-173)."""
        query = (
            select(TicketRow, CaseRow, CallRow.id)
            .join(CaseRow, CaseRow.id == TicketRow.case_id)
            .outerjoin(CallRow, (CallRow.ticket_id == TicketRow.id) & (CallRow.epoch == TicketRow.epoch))
            .where(TicketRow.agent == staff_id)
        )
        with self._engine.database.reading() as session:
            found = session.execute(query).one_or_none()
        if found is None:
            return None
        ticket, case, call = found
        return Mine(
            ticket=ticket.id,
            case=case.id,
            task=ticket.task_id,
            epoch=ticket.epoch,
            state=ticket.state,
            why=ticket.why,
            name=masks.name(self._name(case)),
            type=case.type,
            number=case.number,
            branch=ticket.branch,
            flags=tuple(case.flags),
            until=ticket.until,
            accepted_at=ticket.accepted_at,
            call=call,
        )

    def ticket(self, ticket_id: UUID, actor: Actor) -> Seen | None:
        """Return a ticket of ``actor``'s branches with its newest call; None when it is none of theirs."""
        query = (
            select(TicketRow, CaseRow, CallRow.id)
            .join(CaseRow, CaseRow.id == TicketRow.case_id)
            .outerjoin(CallRow, CallRow.ticket_id == TicketRow.id)
            .where(TicketRow.id == ticket_id, *self._in_reach(actor))
            .order_by(CallRow.epoch.desc().nulls_last())
            .limit(1)
        )
        with self._engine.database.reading() as session:
            found = session.execute(query).one_or_none()
        if found is None:
            return None
        row, case, call = found
        return Seen(
            facts_of(case), row.task_id, row.state, row.epoch, row.agent, row.why, row.accepted_at, call
        )

    def calls(self, case_id: UUID) -> list[Call]:
        """Return every call of a case, oldest first."""
        query = select(CallRow).where(CallRow.case_id == case_id).order_by(CallRow.opened_at, CallRow.epoch)
        with self._engine.database.reading() as session:
            return [call_of(row) for row in session.scalars(query)]

    def wrap_up(self, staff_id: UUID) -> float:
        """Return the seconds until this agent's pause after the last call is over; 0 when it is."""
        with self._engine.database.reading() as session:
            last = session.scalar(select(func.max(CallRow.closed_at)).where(CallRow.agent == staff_id))
        if last is None:
            return 0.0
        return max(0.0, WRAP_UP_SECONDS - (clock.now() - last).total_seconds())

    def today(self, staff_ids: Iterable[UUID], since: datetime) -> Mapping[str, int]:
        """Return how many calls of these agents ended since then, by outcome."""
        query = (
            select(CallRow.outcome, func.count())
            .where(CallRow.agent.in_(list(staff_ids)), CallRow.closed_at >= since)
            .group_by(CallRow.outcome)
        )
        with self._engine.database.reading() as session:
            return {str(outcome): n for outcome, n in session.execute(query)}

    def _in_reach(self, actor: Actor) -> list[ColumnElement[bool]]:
        """What of all tickets ``actor`` may see: those of the branches, and of pools they share (A-18)."""
        served = lines(self._engine.parameters(), actor.branches)
        company = TicketRow.company == actor.company
        return [company] if served is None else [company, TicketRow.line.in_(sorted(served))]

    def _name(self, case: CaseRow) -> str:
        key = self._engine.keyring.case_key(str(case.id), case.key)
        return str(orjson.loads(key.open(case.summary, SUMMARY)).get("name", ""))
