"""The queue of the video witness (R-160 to R-175): who waits, who is next, and who has whom.

Queue(engine, begun)
  .enter .leave .beat .of_case         the customer's side; here
  .place .places                       where somebody stands, and for how long; ``places``
  .claim .accept .decline .renew       the agent's side; ``desk``
  .interrupt .no_show .finish
  .sweep                               what happens by itself; ``sweep``

Every method is a short transaction of its own unless it takes a session. All times are business time.
Whatever changes is told to the pages: ``{"queue": line}``, the customer's ``{"case", "owner", "branch",
"task"}``, the agent's ``{"agent", "ticket"}``.

Tables owned here: video_ticket; rows of video_call begin and end here.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from engine import Actor, CaseFacts, TaskGone, clock
from handlers import hours
from handlers.video.agents import line_of
from handlers.video.credits import credited
from handlers.video.desk import Desk
from handlers.video.errors import Closed
from handlers.video.places import Places
from handlers.video.sweep import Sweep
from handlers.video.tables import TicketRow
from handlers.video.tickets import Ticket, ticket_of

#: Where the device check's findings are sealed under the case's key.
REPORT = "video_ticket.report"


class Queue(Desk, Places, Sweep):
    """Everything that can be done to the queue."""

    def enter(self, view_facts: CaseFacts, task_id: UUID, *, report: Mapping[str, Any]) -> Ticket:
        """Let a customer queue, or return the place they have (R-161).

        :param view_facts: of the case, as its page was shown to its owner.
        :param report: the device check's findings, plain JSON.
        :raises Closed: outside service hours (R-174); who is queued already keeps the place.
        :raises engine.TaskGone: the case has gone on from this page.
        """
        actor = _customer(view_facts)
        business = self._business(view_facts)
        parameters = self._engine.parameters()
        with self._engine.database.transaction() as session:
            case = self._case(session, view_facts.id)
            now = clock.now()
            if case.owner != view_facts.owner or not self._page_is_open(session, task_id):
                raise TaskGone()
            row = self._open(session, case.id)
            if row is not None and row.task_id == task_id:
                row.beat_at = now
                return ticket_of(row)
            known = {"business": business, "branch": case.branch, "step": "video"}
            if not hours.is_open(parameters, now, **known):
                raise Closed(hours.next_opening(parameters, now, **known))
            if row is not None:
                # The case has been on other pages since and came back: that ticket is of an earlier visit.
                self._end(row, "left", now)
                session.flush()
            credit = credited(session, parameters, self.of_case(session, case.id), now)
            key = self._engine.keyring.case_key(str(case.id), case.key)
            row = TicketRow(
                id=uuid4(),
                case_id=case.id,
                task_id=task_id,
                owner=case.owner,
                company=case.company,
                branch=case.branch,
                line=line_of(parameters, case.branch),
                business=business,
                state="waiting",
                why=credit.why,
                priority=1,
                ranked_at=credit.ranked_at,
                entered_at=now,
                beat_at=now,
                epoch=0,
                preferred=credit.preferred,
                preferred_until=credit.preferred_until,
                no_shows=0,
                report=key.seal(orjson.dumps(dict(report)), REPORT),
            )
            session.add(row)
            session.flush()
            self._stand(session, row, "queued", actor)
            self._tell(session, row)
            return ticket_of(row)

    def leave(self, case_id: UUID, owner: str) -> None:
        """Give up the place (取消排队), or the call; the customer may queue again, at the end."""
        with self._engine.database.transaction() as session:
            case = self._case(session, case_id)
            row = self._open(session, case_id)
            if case.owner != owner or row is None:
                return
            now, agent = clock.now(), row.agent
            if row.state == "in_call":
                self._close_call(session, row, "customer_left", now)
            self._end(row, "left", now)
            session.flush()
            self._stand(session, row, None, Actor("customer", owner, company=case.company))
            self._tell(session, row, agent)

    def beat(self, case_id: UUID, owner: str) -> Ticket | None:
        """Take a sign of life of the customer's page, every ``BEAT_SECONDS``; return the open ticket.

        Who comes back before the sweep gave the place away has it still, whatever the clock says.
        """
        with self._engine.database.transaction() as session:
            row = session.scalar(
                update(TicketRow)
                .where(TicketRow.case_id == case_id, TicketRow.owner == owner, TicketRow.ended_at.is_(None))
                .values(beat_at=clock.now())
                .returning(TicketRow)
            )
            return None if row is None else ticket_of(row)

    @staticmethod
    def _open(session: Session, case_id: UUID) -> TicketRow | None:
        """Lock the open ticket of a case whose row is locked."""
        return session.scalar(
            select(TicketRow)
            .where(TicketRow.case_id == case_id, TicketRow.ended_at.is_(None))
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    def _business(self, facts: CaseFacts) -> str:
        release = self._engine.cases.release_of(facts.id)
        return str(release.processes[facts.type].business_type)


def _customer(facts: CaseFacts) -> Actor:
    return Actor("customer", facts.owner, frozenset({"customer"}), company=facts.company)
