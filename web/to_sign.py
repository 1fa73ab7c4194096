"""What a page asks to sign: which question, with which certificate, and whether a witness comes first."""

from typing import Any

from flask import url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound

from engine import TaskView, clock
from forms import Component, field_agreement
from handlers.agreements import Document
from web import current


def offer(view: TaskView) -> dict[str, Any] | None:
    """Return what a page says to the script that signs; None where nothing is signed."""
    if not any(_signs(one) for one in view.form.walk()):
        return None
    with current.engine().database.reading() as session:
        certificate = current.web().certificates.usable(session, view.case.owner)
        newer = changed(session, view)
    return {
        "url": url_for("signing.sign", task_id=view.task_id),
        "certificate_url": url_for("certificates.mine"),
        "serial": certificate.serial if certificate is not None else "",
        "due": video_due(view),
        "changed": newer,
        "signed": field_agreement.signed(view.held, view.data),
    }


def content(view: TaskView) -> str:
    """Return the digest of what the case asks to sign, hex."""
    return field_agreement.content_of(view.data)


def in_force(session: Session, view: TaskView) -> dict[str, str]:
    """Return SHA-256 (hex) of the documents in force now, by code, of all that must be signed."""
    needed = field_agreement.needed(view.data)
    newer = {one.code: one.sha256 for one in _newer(session, view)}
    return {str(one["code"]): newer.get(str(one["code"]), str(one["sha256"])) for one in needed}


def changed(session: Session, view: TaskView) -> list[str]:
    """Return the titles of agreements of which a newer version is in force than the listed one (R-158)."""
    return [one.title.strip("《》") for one in _newer(session, view)]


def _newer(session: Session, view: TaskView) -> list[Document]:
    return current.web().agreements.outdated(
        session,
        field_agreement.needed(view.data),
        clock.today(),
        type=view.case.type,
        account_type=str((view.data.get("profile") or {}).get("account_type") or ""),
    )


def question(view: TaskView) -> Component:
    """Return the question that is answered by signing; 404 where there is none."""
    found = next((one for one in view.form.walk() if _signs(one)), None)
    if found is None:
        raise NotFound
    return found


def _signs(component: Component) -> bool:
    return component.type == "agreements" and field_agreement.by_certificate(component)


def video_due(view: TaskView) -> bool:
    """Whether a rule asks for a video witness that this case has not passed (A-13)."""
    due = (view.data.get("witness") or {}).get("needed") is True
    return due and (view.data.get("standing") or {}).get("passed") is not True
