"""How a customer comes back from an agent to the queue, by a person's word or by itself."""

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from engine import Actor, clock
from handlers.video.credits import PREFERRED
from handlers.video.tables import AgentRow, TicketRow
from handlers.video.tickets import AWAY_SECONDS, Outcome, Ticket, Tickets, ticket_of

Who = Literal["customer", "agent", "node"]
_BROKEN: dict[Who, Outcome] = {"customer": "customer_left", "agent": "agent_left", "node": "node_lost"}
#: Who moves tickets when nobody does.
BY_ITSELF = Actor("system", "video")


class Returns(Tickets):
    """Puts tickets back."""

    def return_offers(self, now: datetime) -> int:
        """Put customers back whose offer was not answered in time, or whose agent's page is silent.

        Pages that pass by do this too, so that nobody waits for a sweep. What another is just
        answering is left to it.
        """
        silent = exists().where(
            AgentRow.staff_id == TicketRow.agent, AgentRow.beat_at < now - timedelta(seconds=AWAY_SECONDS)
        )
        over = (
            select(TicketRow)
            .where(
                TicketRow.agent.is_not(None), TicketRow.state == "offered", or_(TicketRow.until < now, silent)
            )
            .with_for_update(skip_locked=True)
        )
        with self._engine.database.transaction() as session:
            rows = session.scalars(over).all()
            for row in rows:
                self._give_back(session, row)
            return len(rows)

    def _give_back(self, session: Session, row: TicketRow) -> None:
        """Put an offered customer back at the old place and pause who did not answer.

        The ticket is locked.
        """
        agent = row.agent
        self._requeue(row)
        session.execute(
            update(AgentRow)
            .where(AgentRow.staff_id == agent, AgentRow.state == "ready")
            .values(state="paused", since=clock.now())
        )
        session.flush()
        self._tell(session, row, agent)

    def _interrupt(self, session: Session, row: TicketRow, who: Who) -> Ticket:
        """Interrupt a call; case and ticket are locked."""
        now, agent = clock.now(), row.agent
        self._close_call(session, row, _BROKEN[who], now)
        row.preferred, row.preferred_until = agent, now + PREFERRED
        # The call was a sign of life as well, so the grace time begins now; but a customer whose page is
        # silent is offered to nobody.
        row.beat_at = max(row.beat_at, now - timedelta(seconds=AWAY_SECONDS, microseconds=1))
        self._requeue(row, "interrupted", 0)
        session.flush()
        self._stand(session, row, "queued", BY_ITSELF)
        self._tell(session, row, agent)
        return ticket_of(row)
