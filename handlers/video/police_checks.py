"""公安核验 in a call (R-169): does the name stand under the ID number, says the police data service.

PoliceChecks(engine, police)
  .begin    puts the question, in the transaction in which an agent accepts the call
  .check    the worker's job: asks the service, keeps the answer, tells the agent's page
  .again    重试
  .of       what is known of a customer in a call
  .sweep    puts questions into the queue that were lost

Asked when an agent accepts, not when somebody queues: of who leaves before, nothing is asked of anybody, and
an answer takes a second of a call of minutes. Asked once a ticket: a call that broke off goes on with the
answer it had, and who was sent back is asked about anew.

Tables owned here: police_check.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
import structlog
from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from engine import SYSTEM, Engine, clock
from engine.store import Base, CaseKey, SealBroken
from engine.store.tables import Moment
from handlers.police import PoliceData, PoliceDown, PoliceRefused, Said
from handlers.video.tables import TicketRow
from handlers.video.tickets import Tickets

log = structlog.get_logger("video.police")

#: The worker's job.
JOB = "police.check"
#: A confirmed 不一致 leaves this flag on the case.
DIFFERS = "POLICE_DIFF"
#: Seconds after which a question nobody asked is put into the queue again.
LOST_SECONDS = 60
MOST = 100
_PLACE = "police_check.answer"


class PoliceCheckRow(Base):
    """The question about the customer of one ticket, and its answer."""

    __tablename__ = "police_check"

    ticket_id: Mapped[UUID] = mapped_column(ForeignKey("video_ticket.id"), primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    state: Mapped[str] = mapped_column(String(8), doc="waiting, answered, failed")
    asked_at: Mapped[datetime] = mapped_column(Moment, doc="business time of the last asking")
    answer: Mapped[bytes | None] = mapped_column(
        LargeBinary, doc="sealed JSON {result, reference, at} under the case's key"
    )

    __table_args__ = (
        CheckConstraint("state in ('waiting', 'answered', 'failed')", name="state_known"),
        CheckConstraint("(answer is not null) = (state = 'answered')", name="answer_whole"),
    )


@dataclass(frozen=True)
class PoliceCheck:
    """What is known of a customer."""

    #: Off: no service is connected. Failed: it did not answer (暂时无法核验).
    result: Said | Literal["waiting", "failed", "off"]
    reference: str = ""
    #: ISO 8601, of the answer.
    at: str = ""

    def as_answer(self) -> dict[str, Any] | None:
        """Return what goes with a decision into the case; None: no service is connected."""
        return None if self.result == "off" else asdict(self)


#: No service is connected.
OFF = PoliceCheck("off")


class PoliceChecks:
    """Asks the police data service about customers in calls.

    :param police: None: no service is connected.
    """

    def __init__(self, engine: Engine, police: PoliceData | None) -> None:
        self._engine = engine
        self._police = police

    def begin(self, session: Session, ticket: TicketRow) -> None:
        """Put the question about a ticket's customer, unless it was answered; asked twice, it is put once."""
        if self._police is None:
            return
        row = {"ticket_id": ticket.id, "case_id": ticket.case_id, "state": "waiting", "asked_at": clock.now()}
        put = session.scalar(
            insert(PoliceCheckRow)
            .values(row)
            .on_conflict_do_update(
                index_elements=["ticket_id"],
                set_={"state": "waiting", "asked_at": row["asked_at"]},
                where=PoliceCheckRow.state == "failed",
            )
            .returning(PoliceCheckRow.ticket_id)
        )
        if put is not None:
            self._engine.queue.defer(session, JOB, ticket_id=str(ticket.id))

    def again(self, ticket_id: UUID) -> None:
        """Put the question again that the service did not answer, or that was never put."""
        with self._engine.database.transaction() as session:
            self.begin(session, session.get_one(TicketRow, ticket_id))

    def check(self, ticket_id: str) -> str:
        """Ask about a ticket's customer; safe to run twice: the service knows the question by its ticket.

        :raises PoliceDown: so that the queue tries again later; the agent is told at once.
        """
        with self._engine.database.reading() as session:
            row = session.get(PoliceCheckRow, UUID(ticket_id))
            ticket = session.get(TicketRow, UUID(ticket_id))
        if row is None or ticket is None or row.state == "answered" or self._police is None:
            return "known"
        if ticket.ended_at is not None:
            return "over"
        _, key, data = self._engine.cases.data(row.case_id, SYSTEM)
        profile = data.get("profile") or {}
        name, id_number = str(profile.get("name") or ""), str(profile.get("id_number") or "")
        try:
            said = self._police.verify(f"police:{ticket_id}", name, id_number)
        except PoliceDown:
            self._keep(row.ticket_id, "failed", None)
            raise
        except PoliceRefused:
            log.warning("police data refused", case=str(row.case_id), ticket=ticket_id)
            self._keep(row.ticket_id, "failed", None)
            return "refused"
        found = PoliceCheck(said.said, said.reference, said.at.isoformat())
        self._keep(row.ticket_id, "answered", key.seal(orjson.dumps(found), f"{_PLACE}:{ticket_id}"))
        log.info("police data asked", case=str(row.case_id), ticket=ticket_id)
        return "answered"

    def of(self, session: Session, ticket_id: UUID, key: CaseKey) -> PoliceCheck:
        """Return what is known of a ticket's customer.

        :param key: of the ticket's case.
        """
        row = session.get(PoliceCheckRow, ticket_id)
        if row is not None and row.answer is not None:
            try:
                return PoliceCheck(**orjson.loads(key.open(row.answer, f"{_PLACE}:{ticket_id}")))
            except SealBroken:
                # A call must go on; whoever changed the row has made the answer worth nothing.
                log.error("an answer of the police data does not open", ticket=str(ticket_id))
                return PoliceCheck("failed")
        if self._police is None:
            return OFF
        return PoliceCheck("waiting" if row is not None and row.state == "waiting" else "failed")

    def sweep(self) -> int:
        """Put questions about customers in calls into the queue that nobody asked."""
        since = clock.now() - timedelta(seconds=LOST_SECONDS)
        waiting = (
            select(PoliceCheckRow.ticket_id)
            .join(TicketRow, TicketRow.id == PoliceCheckRow.ticket_id)
            .where(
                PoliceCheckRow.state == "waiting",
                PoliceCheckRow.asked_at < since,
                TicketRow.ended_at.is_(None),
            )
            .limit(MOST)
        )
        with self._engine.database.transaction() as session:
            known = self._engine.queue.queued(session, JOB, "ticket_id")
            lost = [one for one in map(str, session.scalars(waiting)) if one not in known]
            for ticket_id in lost:
                self._engine.queue.defer(session, JOB, ticket_id=ticket_id)
        return len(lost)

    def _keep(self, ticket_id: UUID, state: str, answer: bytes | None) -> None:
        """Keep what came of asking, unless it is answered already, and wake the agent's page."""
        with self._engine.database.transaction() as session:
            unanswered = (PoliceCheckRow.ticket_id == ticket_id, PoliceCheckRow.state != "answered")
            session.execute(update(PoliceCheckRow).where(*unanswered).values(state=state, answer=answer))
            agent = session.scalar(select(TicketRow.agent).where(TicketRow.id == ticket_id))
            if agent is not None:
                Tickets.tell_agent(session, agent, ticket_id)
