"""Going on with a step on the phone: a QR code on the PC, opened once, for a few minutes (R-104).

The link signs the same customer in on the phone, at the same step; the PC's page follows live. Only the
hash of a link is kept, and a new link makes the one before worthless.
"""

import secrets
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import structlog
from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import LargeBinary, String, Uuid, delete, insert
from sqlalchemy.orm import Mapped, mapped_column
from werkzeug.wrappers import Response

from engine import NotYours, TaskGone, clock
from engine.store import Base, Database, JournalEntry
from engine.store.tables import Moment
from web import current, qr, sessions, tasks, uploads

log = structlog.get_logger("web")
handover = Blueprint("handover", __name__)

#: How long a link may be opened.
LASTS = timedelta(minutes=5)
#: Bytes of randomness in a link.
TOKEN_BYTES = 32
GONE = "二维码已失效，请在电脑页面上重新获取"


class HandoverRow(Base):
    """One link."""

    __tablename__ = "handover"

    id: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True, doc="SHA-256 of the token in the link")
    owner: Mapped[str] = mapped_column(String(80), index=True, doc="the customer's id")
    task_id: Mapped[UUID] = mapped_column(Uuid, doc="the step to go on with")
    asked_at: Mapped[datetime] = mapped_column(Moment, index=True, doc="real time")


@handover.post("/me/tasks/<uuid:task_id>/handover")
def offer(task_id: UUID) -> Response | str:
    """Show the QR code that leads a phone to this step."""
    person = current.person()
    try:
        view = tasks.open_task(task_id)
        tasks.keep_typed(view)
        uploads.note_consent(view)
    except (TaskGone, NotYours):
        return tasks.whereabouts(task_id)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with current.engine().database.transaction() as session:
        session.execute(delete(HandoverRow).where(HandoverRow.owner == person.id))
        row = {"id": _hash(token), "owner": person.id, "task_id": task_id, "asked_at": datetime.now(UTC)}
        session.execute(insert(HandoverRow).values(row))
    origin = (current.web().settings.public_address or request.url_root).rstrip("/")
    address = origin + url_for("handover.arrive", token=token)
    return render_template(
        "handover.html",
        code=qr.qr(address, "在手机上继续办理的二维码"),
        minutes=int(LASTS.total_seconds() // 60),
        task_id=task_id,
        back_url=url_for("tasks.show", task_id=task_id),
    )


@handover.get("/handover/<token>")
def arrive(token: str) -> str:
    """Ask before the link is used up: phones fetch a page ahead to show what it is."""
    return render_template(
        "message.html",
        title="在手机上继续办理",
        text="请确认是您本人在电脑上打开了这个二维码。确认后，本手机将登录您的账户并继续当前步骤。",
        symbol="mobile",
        actions=[{"label": "继续办理", "url": url_for("handover.enter", token=token), "post": True}],
    )


@handover.post("/handover/<token>")
def enter(token: str) -> Response | tuple[str, int]:
    """Sign the phone in, once."""
    web = current.web()
    with web.engine.database.transaction() as session:
        fresh = HandoverRow.asked_at > datetime.now(UTC) - LASTS
        used = delete(HandoverRow).where(HandoverRow.id == _hash(token), fresh)
        found = session.execute(used.returning(HandoverRow.owner, HandoverRow.task_id)).one_or_none()
        if found is not None:
            who = f"customer:{found.owner}"
            told, secret = {"by": "handover"}, {"address": request.remote_addr}
            entry = JournalEntry("customer.signed_in", who, told, secret)
            web.engine.journal.write_outside(session, who, entry, clock.now())
    if found is None:
        return render_template("message.html", title=GONE, text="", symbol="warn", actions=[]), 410
    known = sessions.sign_in(web.sessions, current.visit(), "customer", found.owner, {})
    log.info("customer went on by phone", customer=found.owner, session=known.name, task=str(found.task_id))
    return redirect(url_for("tasks.show", task_id=found.task_id), 303)


def forget_handovers(database: Database) -> None:
    """Delete links that nobody opened in time."""
    with database.transaction() as session:
        session.execute(delete(HandoverRow).where(HandoverRow.asked_at < datetime.now(UTC) - LASTS))


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
