"""Notices: short messages about an application (R-126, R-209).

A notice is written in the step that gives rise to it, and sent by a job of its own: a telephone company
that is down holds up no application, and a step that is undone sends nothing.
"""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import structlog
from sqlalchemy import ForeignKey, LargeBinary, String, select, update
from sqlalchemy.orm import Mapped, mapped_column

from engine import Engine, Step, clock, operator
from engine.parameters import Parameters
from engine.store import Base
from engine.store.tables import CaseRow, Moment
from forms import dictionaries
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
    contents: Mapped[bytes] = mapped_column(LargeBinary, doc="sealed JSON {number, text} under the case's key")
    written_at: Mapped[datetime] = mapped_column(Moment)
    sent_at: Mapped[datetime | None] = mapped_column(Moment)


def words(parameters: Parameters, template: str, data: dict[str, Any], number: str | None) -> str:
    """Return a message's text for one case; never an ID number in it (domain 3.6)."""
    review = data.get("review") or {}
    known = {reason.code: reason.text for reason in dictionaries.REASONS}
    reasons = "、".join(known.get(code, code) for code in review.get("reasons") or [])
    old = str((data.get("profile") or {}).get("mobile") or "")
    new = str((data.get("phone") or {}).get("number") or "")
    return parameters.text(
        template,
        business=dictionaries.BUSINESSES.get(str(data.get("business")), ""),
        number=number or "",
        reasons=reasons or str(review.get("note") or ""),
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
    text = words(step.parameters, TEMPLATES[template], data, step.case.number)
    notice_id = uuid4()
    step.session.add(
        NoticeRow(
            id=notice_id,
            case_id=step.case.id,
            template=template,
            contents=step.case_key.seal(orjson.dumps({"number": number, "text": text}), _PLACE),
            written_at=step.now,
            sent_at=None,
        )
    )
    step.defer("notices.deliver", notice_id=str(notice_id))
    return {"template": template, "sent": True}


class Deliveries:
    """Sends written notices; the worker's half."""

    def __init__(self, engine: Engine, sms: SmsGateway) -> None:
        self._engine = engine
        self._sms = sms

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

    def lost(self) -> list[str]:
        """Return notices that were written a while ago and never sent."""
        with self._engine.database.reading() as session:
            found = session.scalars(select(NoticeRow.id).where(NoticeRow.sent_at.is_(None)).limit(100))
            return [str(i) for i in found]
