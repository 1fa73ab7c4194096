"""The agent's side of the queue: being given a customer, the call, and how it ends (R-164, R-171, R-173)."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from engine import Actor, Engine, clock
from handlers.video.agents import line_of
from handlers.video.claims import Wanted, is_impatience, next_for, take_turn
from handlers.video.errors import Busy, Moved
from handlers.video.returns import Returns, Who
from handlers.video.tables import AgentRow, CallRow, TicketRow
from handlers.video.tickets import (
    LEASE_SECONDS,
    Call,
    Result,
    Ticket,
    call_of,
    ticket_of,
)

#: After so many calls in which nobody appeared, a customer waits behind all others, then no more.
BEHIND_ALL, NO_MORE = 2, 3
#: Where the key of a call's recordings is sealed.
KEY_PLACE = "video.key"


#: ``begun(session, ticket)``: what else begins with a call, in the transaction that accepts it.
Begun = Callable[[Session, TicketRow], None]


class Desk(Returns):
    """What agents do."""

    def __init__(self, engine: Engine, begun: Begun | None = None) -> None:
        super().__init__(engine)
        self._begun = begun

    def claim(self, agent: UUID, lines: frozenset[str] | None, company: str) -> Ticket | None:
        """Offer the agent the next customer of these lines; None when nobody waits.

        First who was interrupted, then whom this agent knows, then who waits longest. Customers whose page
        is silent are passed over and keep their place.

        :param lines: queues, or branches of them; None: every line of the company.
        :raises Busy: the agent has a customer, or is not ready.
        """
        now, parameters = clock.now(), self._engine.parameters()
        served = None if lines is None else sorted({line_of(parameters, one) for one in lines})
        until = now + timedelta(seconds=parameters.video.offer_seconds)
        wanted = Wanted(agent, served, company, now, until)
        self.return_offers(now)
        try:
            return self._claim(wanted, skip_locked=False)
        except OperationalError as error:
            if not is_impatience(error):
                raise
        return self._claim(wanted, skip_locked=True)

    def _claim(self, wanted: Wanted, *, skip_locked: bool) -> Ticket | None:
        try:
            with self._engine.database.transaction() as session:
                if not skip_locked:
                    take_turn(session, wanted.company)
                row = next_for(session, wanted, skip_locked=skip_locked)
                if row is not None:
                    self._tell(session, row, wanted.agent)
                    return ticket_of(row)
                here = session.get(AgentRow, wanted.agent)
                if here is None or here.state != "ready" or self.of_agent(session, wanted.agent):
                    raise Busy()
                return None
        except IntegrityError as another_page:
            raise Busy() from another_page

    def accept(self, ticket_id: UUID, epoch: int, agent: UUID) -> Call:
        """Begin the call with the customer who is offered; asked twice, it is the same call.

        :raises Moved: the offer is over.
        """
        actor = _staff(agent)
        with self._engine.database.transaction() as session:
            case = self._case(session, self.get(session, ticket_id).case_id)
            row = self._held(session, ticket_id, epoch, agent)
            now = clock.now()
            if row.state == "in_call" and (known := self.call(session, ticket_id, epoch)) is not None:
                return known
            late = row.until is not None and row.until < now
            if late or not self._page_is_open(session, row.task_id):
                raise Moved()
            call = CallRow(
                id=uuid4(),
                ticket_id=row.id,
                case_id=case.id,
                epoch=epoch,
                agent=agent,
                node_epoch=0,
                opened_at=now,
            )
            key = self._engine.keyring.case_key(str(case.id), case.key)
            call.key = key.seal(secrets.token_bytes(32), f"{KEY_PLACE}:{call.id}")
            row.state, row.accepted_at = "in_call", now
            row.until = now + timedelta(seconds=LEASE_SECONDS)
            session.add(call)
            session.flush()
            if self._begun is not None:
                self._begun(session, row)
            self._stand(session, row, "in_call", actor)
            self._tell(session, row, agent)
            return call_of(call)

    def decline(self, ticket_id: UUID, epoch: int, agent: UUID) -> None:
        """Put an offered customer back at the old place; the agent is paused.

        :raises Moved: the offer is over.
        """
        with self._engine.database.transaction() as session:
            row = self._held(session, ticket_id, epoch, agent)
            if row.state != "offered":
                raise Moved()
            self._give_back(session, row)

    def renew(self, ticket_id: UUID, epoch: int, agent: UUID) -> Ticket:
        """Take a sign of life of the agent's page, every ``BEAT_SECONDS``: a call is held ``LEASE_SECONDS``.

        An offer is not prolonged: it runs out when it said it would.

        :raises Moved: the customer is with this agent no more.
        """
        now = clock.now()
        with self._engine.database.transaction() as session:
            row = self._held(session, ticket_id, epoch, agent)
            if row.state == "in_call":
                row.until = now + timedelta(seconds=LEASE_SECONDS)
            session.execute(update(AgentRow).where(AgentRow.staff_id == agent).values(beat_at=now))
            return ticket_of(row)

    def interrupt(self, ticket_id: UUID, epoch: int, who: Who, agent: UUID | None = None) -> Ticket:
        """End a call that broke off: the customer waits before all others, for the same agent first.

        :param who: broke it off, or lost the connection; ``node``: we did.
        :param agent: only if this agent has the call; None: whoever has it.
        :raises Moved: that call is over.
        """
        with self._engine.database.transaction() as session:
            self._case(session, self.get(session, ticket_id).case_id)
            row = self._held(session, ticket_id, epoch, agent)
            if row.state != "in_call":
                raise Moved()
            return self._interrupt(session, row, who)

    def no_show(self, ticket_id: UUID, epoch: int, agent: UUID) -> Ticket:
        """End a call in which nobody appeared (未接通).

        The first time the customer is back at the old place, the second time behind all others; the third
        time the ticket is over.

        :raises Moved: that call is over.
        """
        with self._engine.database.transaction() as session:
            self._case(session, self.get(session, ticket_id).case_id)
            row = self._held(session, ticket_id, epoch, agent)
            if row.state != "in_call":
                raise Moved()
            now = clock.now()
            self._close_call(session, row, "no_show", now)
            row.no_shows += 1
            if row.no_shows >= NO_MORE:
                self._end(row, "no_show", now)
            else:
                self._requeue(row, priority=2 if row.no_shows >= BEHIND_ALL else None)
            session.flush()
            self._stand(session, row, "queued" if row.ended_at is None else None, _staff(agent))
            self._tell(session, row, agent)
            return ticket_of(row)

    def finish(self, session: Session, ticket_id: UUID, epoch: int, agent: UUID, state: Result) -> Ticket:
        """End a ticket and its call with a result, in a transaction that has locked the case.

        Asked twice with the same result it is the same ticket.

        :raises Moved: the call is over, or has another result.
        """
        ticket, call = self.get(session, ticket_id), self.call(session, ticket_id, epoch)
        if call is not None and call.agent == agent and ticket.state == state == call.outcome:
            return ticket
        row = self._held(session, ticket_id, epoch, agent)
        if row.state != "in_call":
            raise Moved()
        now = clock.now()
        self._close_call(session, row, state, now)
        self._end(row, state, now)
        session.flush()
        self._tell(session, row, agent)
        return ticket_of(row)


def _staff(agent: UUID) -> Actor:
    return Actor("staff", str(agent), frozenset({"agent"}))
