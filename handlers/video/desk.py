"""The agent's side of the queue: being given a customer, the call, and how it ends (R-164, R-171, R-173)."""

from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from handlers.video.tickets import Call, Result, Ticket, Tickets

Who = Literal["customer", "agent", "node"]


class Desk(Tickets):
    """What agents do."""

    def claim(self, agent: UUID, lines: frozenset[str] | None, company: str) -> Ticket | None:
        """Offer the agent the next customer of these lines; None when nobody waits.

        First who was interrupted, then whom this agent knows, then who waits longest. Customers whose page
        is silent are passed over and keep their place.

        :param lines: see ``agents.lines``; None: every line of the company.
        :raises Busy: the agent has a customer, or is not ready.
        """
        raise NotImplementedError

    def accept(self, ticket_id: UUID, epoch: int, agent: UUID) -> Call:
        """Begin the call with the customer who is offered; asked twice, it is the same call.

        :raises Moved: the offer is over.
        """
        raise NotImplementedError

    def decline(self, ticket_id: UUID, epoch: int, agent: UUID) -> None:
        """Put an offered customer back at the old place; the agent is paused.

        :raises Moved: the offer is over.
        """
        raise NotImplementedError

    def renew(self, ticket_id: UUID, epoch: int, agent: UUID) -> Ticket:
        """Take a sign of life of the agent's page, every ``BEAT_SECONDS``: a call is held ``LEASE_SECONDS``.

        An offer is not prolonged: it runs out when it said it would.

        :raises Moved: the customer is with this agent no more.
        """
        raise NotImplementedError

    def interrupt(self, ticket_id: UUID, epoch: int, who: Who, agent: UUID | None = None) -> Ticket:
        """End a call that broke off: the customer waits before all others, for the same agent first.

        :param who: broke it off, or lost the connection; ``node``: we did.
        :param agent: only if this agent has the call; None: whoever has it.
        :raises Moved: that call is over.
        """
        raise NotImplementedError

    def no_show(self, ticket_id: UUID, epoch: int, agent: UUID) -> Ticket:
        """End a call in which nobody appeared (未接通).

        The first time the customer is back at the old place, the second time behind all others; the third
        time the ticket is over.

        :raises Moved: that call is over.
        """
        raise NotImplementedError

    def finish(self, session: Session, ticket_id: UUID, epoch: int, agent: UUID, state: Result) -> Ticket:
        """End a ticket and its call with a result, in a transaction that has locked the case.

        Asked twice with the same result it is the same ticket.

        :raises Moved: the call is over, or has another result.
        """
        raise NotImplementedError
