"""Notices: short messages about an application (R-126, R-209).

A notice is written in the step that gives rise to it, and sent by a job of its own: a telephone company
that is down holds up no application, and a step that is undone sends nothing.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import structlog
from sqlalchemy import ForeignKey, LargeBinary, String, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from engine import SYSTEM, Engine, Step, clock, operator
from engine.parameters import Parameters
from engine.store import Base
from engine.store.tables import CaseRow, EffectRow, Moment, WorkItemRow
from forms import dictionaries, last_decision
from forms.reasons import REASONS
from handlers.sms.protocol import SmsGateway

log = structlog.get_logger("handlers.notices")

_PLACE = "notice.contents"

#: What the diagrams call a message, and what its text is called.
TEMPLATES = {
    "submitted": "submitted",
    "returned": "sent_back",
    "refused": "refused",
    "in_effect": "in_effect",
    "phone_changing": "phone_changing",
    "phone_changed": "phone_changed",
}


class NoticeRow(Base):
    """A message to a customer, to be sent once."""

    __tablename__ = "notice"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("case.id"), index=True)
    template: Mapped[str] = mapped_column(String(40))
    contents: Mapped[bytes] = mapped_column(
        LargeBinary, doc="sealed JSON {number, text} under the case's key"
    )
    written_at: Mapped[datetime] = mapped_column(Moment)
    sent_at: Mapped[datetime | None] = mapped_column(Moment)


def words(parameters: Parameters, template: str, data: dict[str, Any], number: str | None) -> str:
    """Return a message's text for one case; never an ID number in it (domain 3.6)."""
    decided = last_decision(data) or {}
    known = {reason.code: reason.text for reason in REASONS}
    reasons = "、".join(known.get(code, code) for code in decided.get("reasons") or [])
    old = str((data.get("profile") or {}).get("mobile") or "")
    new = str((data.get("phone") or {}).get("number") or "")
    return parameters.text(
        template,
        business=dictionaries.BUSINESSES.get(str(data.get("business")), ""),
        number=number or "",
        reasons=reasons or str(decided.get("note") or ""),
        old_tail=old[-4:],
        new_tail=new[-4:],
    )


@operator("notice.send")
def send(step: Step, *, template: str, to: str | None = None) -> dict[str, Any]:
    """Write a message to the customer, to be sent once this step is committed.

    :param to: the number; without it the mobile the counter has.
    """
    data = dict(step.data)
    number = to or str((data.get("profile") or {}).get("mobile") or "")
    if not number:
        return {"template": template, "sent": False}
    message = words(step.parameters, TEMPLATES[template], data, step.case.number)
    notice_id = uuid4()
    step.session.add(
        NoticeRow(
            id=notice_id,
            case_id=step.case.id,
            template=template,
            contents=step.case_key.seal(orjson.dumps({"number": number, "text": message}), _PLACE),
            written_at=step.now,
            sent_at=None,
        )
    )
    step.defer("notices.deliver", notice_id=str(notice_id))
    return {"template": template, "sent": True}


#: Minutes after which a notice that was not sent is put into the queue again.
LOST_MINUTES = 2


class Deliveries:
    """Sends written notices; the worker's half."""

    def __init__(self, engine: Engine, sms: SmsGateway) -> None:
        self._engine = engine
        self._sms = sms

    def sweep(self) -> dict[str, int]:
        """Put lost notices back into the queue, and remind customers whose case was sent back (R-210)."""
        return {"lost": self._find_lost(), "reminders": self._remind()}

    def deliver(self, notice_id: str) -> None:
        """Send one notice; safe to run twice, because the gateway knows the notice by its id."""
        with self._engine.database.reading() as session:
            row = session.get(NoticeRow, UUID(notice_id))
            case = None if row is None else session.get(CaseRow, row.case_id)
            if row is None or case is None or row.sent_at is not None:
                return
            key = self._engine.keyring.case_key(str(case.id), case.key)
            contents = orjson.loads(key.open(row.contents, _PLACE))
        self._sms.send(notice_id, contents["number"], contents["text"], "notice")
        with self._engine.database.transaction() as session:
            session.execute(
                update(NoticeRow).where(NoticeRow.id == UUID(notice_id)).values(sent_at=clock.now())
            )
        log.info("notice sent", case=str(row.case_id), template=row.template)

    def _find_lost(self) -> int:
        since = clock.now() - timedelta(minutes=LOST_MINUTES)
        unsent = (
            select(NoticeRow.id).where(NoticeRow.sent_at.is_(None), NoticeRow.written_at < since).limit(100)
        )
        with self._engine.database.transaction() as session:
            known = self._engine.queue.queued(session, "notices.deliver", "notice_id")
            lost = [i for i in map(str, session.scalars(unsent)) if i not in known]
            for notice_id in lost:
                self._engine.queue.defer(session, "notices.deliver", notice_id=notice_id)
        return len(lost)

    def _remind(self) -> int:
        retention = self._engine.parameters().retention
        reminded = 0
        for days in retention.reminder_days:
            before = clock.now() - timedelta(days=days)
            waiting = (
                select(WorkItemRow.id, WorkItemRow.case_id)
                .join(CaseRow, CaseRow.id == WorkItemRow.case_id)
                .where(
                    WorkItemRow.closed_at.is_(None),
                    WorkItemRow.lane == "customer",
                    WorkItemRow.opened_at <= before,
                    CaseRow.state == "returned_review",
                    ~exists().where(EffectRow.key == func.concat("reminder:", WorkItemRow.id, f":{days}")),
                )
                .limit(100)
            )
            with self._engine.database.reading() as session:
                found = list(session.execute(waiting).tuples())
            for task_id, case_id in found:
                reminded += self._remind_one(task_id, case_id, days)
        return reminded

    def _remind_one(self, task_id: UUID, case_id: UUID, days: int) -> bool:
        """Write one reminder; the effect's key keeps two workers from writing it twice."""
        engine = self._engine
        facts, key, data = engine.cases.data(case_id, SYSTEM)
        number = str((data.get("profile") or {}).get("mobile") or "")
        now = clock.now()
        with engine.database.transaction() as session:
            mine = session.scalar(
                insert(EffectRow)
                .values(
                    key=f"reminder:{task_id}:{days}", kind="reminder", at=now, case_id=case_id, result=None
                )
                .on_conflict_do_nothing()
                .returning(EffectRow.key)
            )
            if mine is None or not number:
                return False
            due = session.scalar(select(WorkItemRow.idle_at).where(WorkItemRow.id == task_id))
            contents = {
                "number": number,
                "text": engine.parameters().text(
                    "reminder",
                    business=dictionaries.BUSINESSES.get(str(data.get("business")), ""),
                    number=facts.number or "",
                    date="" if due is None else clock.shanghai(due).date().isoformat(),
                ),
            }
            notice = NoticeRow(
                id=uuid4(), case_id=case_id, template="reminder", written_at=now, sent_at=None,
                contents=key.seal(orjson.dumps(contents), _PLACE),
            )  # fmt: skip
            session.add(notice)
            engine.queue.defer(session, "notices.deliver", notice_id=str(notice.id))
        return True
