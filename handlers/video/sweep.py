"""What happens to the queue by itself: offers and calls nobody holds, customers who went away, closing."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, and_, exists, select, tuple_
from sqlalchemy.orm import Session

from engine import clock
from engine.store.tables import WorkItemRow
from handlers.video.returns import BY_ITSELF, Returns
from handlers.video.tables import CallRow, State, TicketRow
from handlers.video.tickets import AWAY_SECONDS, served

log = structlog.get_logger("video.queue")

#: Tickets one sweep changes of each kind; the rest a second later.
MOST = 200


class Sweep(Returns):
    """Ends what is due."""

    def sweep(self, *, away: bool = True) -> int:
        """Do what is due; return how many tickets it changed. Any number of workers may do it at once.

        Offers not answered in time go back to their place and the agent is paused; calls whose agent is
        gone are interrupted; customers away longer than the grace time lose their place; after closing,
        those who still wait are asked to come back; tickets of cases that went on by themselves end.

        :param away: False leaves customers in peace who may be silent by our fault; see ``Watch``.
        """
        now, parameters = clock.now(), self._engine.parameters()
        grace = now - timedelta(seconds=parameters.video.grace_seconds)
        done = self.return_offers(now) + self._each(self._unheld(now), self._lose_agent)
        done += self._each(self._orphaned(), lambda s, row: self._over(s, row, "left"))
        if away:
            gone = and_(TicketRow.state == "waiting", TicketRow.beat_at < grace)
            done += self._each(gone, lambda s, row: self._over(s, row, "abandoned"))
        closed = self._closed(now)
        if closed:
            late = and_(
                TicketRow.state == "waiting", tuple_(TicketRow.business, TicketRow.branch).in_(closed)
            )
            done += self._each(late, lambda s, row: self._over(s, row, "left"))
        return done

    @staticmethod
    def _unheld(now: datetime) -> ColumnElement[bool]:
        """Calls whose agent's page and media have both been silent; media know real time only."""
        silent = datetime.now(UTC) - timedelta(seconds=AWAY_SECONDS)
        media = exists().where(
            CallRow.ticket_id == TicketRow.id,
            CallRow.epoch == TicketRow.epoch,
            CallRow.agent_seen_at >= silent,
        )
        return and_(TicketRow.agent.is_not(None), TicketRow.state == "in_call", TicketRow.until < now, ~media)

    @staticmethod
    def _orphaned() -> ColumnElement[bool]:
        """Tickets whose page is closed: the case was withdrawn, expired, or went back."""
        closed = exists().where(WorkItemRow.id == TicketRow.task_id, WorkItemRow.closed_at.is_not(None))
        return and_(TicketRow.ended_at.is_(None), closed)

    def _closed(self, now: datetime) -> list[tuple[str, str]]:
        """Return business and branch of those who wait after closing."""
        kinds = select(TicketRow.business, TicketRow.branch).where(TicketRow.state == "waiting").distinct()
        parameters = self._engine.parameters()
        with self._engine.database.reading() as session:
            found = session.execute(kinds).all()
        return [(one, branch) for one, branch in found if not served(parameters, now, one, branch)]

    def _each(self, due: ColumnElement[bool], deed: Callable[[Session, TicketRow], None]) -> int:
        """Do ``deed`` to each ticket that is due, in a transaction of its own, behind the case's lock."""
        with self._engine.database.reading() as session:
            found = session.execute(select(TicketRow.id, TicketRow.case_id).where(due).limit(MOST)).all()
        done = 0
        for ticket_id, case_id in found:
            try:
                done += self._one(ticket_id, case_id, due, deed)
            except Exception:
                # One customer's broken case must not keep all others waiting.
                log.exception("a ticket could not be swept", ticket=str(ticket_id), case=str(case_id))
        return done

    def _one(
        self,
        ticket_id: UUID,
        case_id: UUID,
        due: ColumnElement[bool],
        deed: Callable[[Session, TicketRow], None],
    ) -> bool:
        with self._engine.database.transaction() as session:
            self._case(session, case_id)
            row = session.scalar(select(TicketRow).where(TicketRow.id == ticket_id).with_for_update())
            # Looked at again behind the locks: the customer may have come back meanwhile.
            if (
                row is None
                or session.scalar(select(TicketRow.id).where(TicketRow.id == ticket_id, due)) is None
            ):
                return False
            deed(session, row)
            log.info("ticket", ticket=str(ticket_id), case=str(case_id), state=row.state, why=row.why)
            return True

    def _lose_agent(self, session: Session, row: TicketRow) -> None:
        self._interrupt(session, row, "agent")

    def _over(self, session: Session, row: TicketRow, state: State) -> None:
        now, agent = clock.now(), row.agent
        if row.state == "in_call":
            self._close_call(session, row, "customer_left", now)
        self._end(row, state, now)
        session.flush()
        self._stand(session, row, None, BY_ITSELF)
        self._tell(session, row, agent)


class Watch:
    """Sweeps again and again, and holds against nobody what they could not have done.

    While database or product were down, no page could say that it lives. So a customer loses the place
    only when the sweep has been looking on for the whole grace time, without a gap.
    """

    #: Seconds between two sweeps that count as a gap.
    GAP = 10.0

    def __init__(
        self, queue: Sweep, grace: Callable[[], float], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._queue = queue
        self._grace = grace
        self._now = now
        self._since = self._last = now()

    def sweep(self) -> int:
        """Sweep once; to be called every second."""
        at = self._now()
        if at - self._last > self.GAP:
            self._since = at
        done = self._queue.sweep(away=at - self._since >= self._grace())
        self._last = self._now()
        return done
