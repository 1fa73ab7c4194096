"""数字证书申请 on the page of a task (P15 to P17): a nonce, the certificate, the wrapping, the proof."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, jsonify, request
from werkzeug.exceptions import NotFound

from engine import NotYours, TaskGone, TaskView, clock
from engine.desk import Held
from forms import Component
from handlers import limits, witness
from handlers.certificates import judge_password
from web import current, tasks
from web.certificate_answers import (
    MALFORMED,
    REFUSALS,
    Answer,
    NotNow,
    content,
    note,
    refusal,
    say,
    text,
    word,
)
from web.devices import device_name

log = structlog.get_logger("web")
installing = Blueprint("installing", __name__, url_prefix="/me/tasks/<uuid:task_id>/certificate")

NO_VIDEO = "视频见证已超过有效时间或已使用，请重新进行视频见证"
NO_DUTIES = "请先阅读并同意《数字证书安全责任书》"
#: Nonces for one customer in one hour: each comes with one judged password.
MOST_NONCES = 30


@installing.post("/nonce")
def nonce(task_id: UUID) -> Answer:
    """Give the right to one request, after judging the chosen password unseen (A-16)."""

    def give(view: TaskView, desk: Held) -> dict[str, Any]:
        web, now = current.web(), clock.now()
        rule = limits.Rule("certificate.nonce", view.case.owner, MOST_NONCES, timedelta(hours=1))
        try:
            limits.admit(desk.session, web.engine.keyring, now, rule)
        except limits.TooOften as often:
            raise NotNow(often.message, often.code, 429) from None
        expires_at = _witnessed_until(view, now)
        given = web.certificates.enrol(
            desk.session, case_id=view.case.id, owner=view.case.owner, now=now, expires_at=expires_at
        )
        judging = judge_password(content("blinded"), _profile(view)[1], _phones(view))
        return {
            "nonce": given,
            "evaluated": text(judging.point),
            "forbidden": [text(tag) for tag in judging.tags],
        }

    return _at_task(task_id, give)


@installing.post("")
def issue(task_id: UUID) -> Answer:
    """Certify the key of a request; the customer's certificate before it ends with this."""

    def certify(view: TaskView, desk: Held) -> dict[str, Any]:
        web, now = current.web(), clock.now()
        _witnessed_until(view, now)
        name, id_number = _profile(view)
        owner = view.case.owner
        before = [one.serial for one in web.certificates.of_owner(desk.session, owner)]
        made = web.certificates.issue(
            desk.session,
            content("csr"),
            case_id=view.case.id,
            owner=owner,
            name=name,
            id_number=id_number,
            device=device_name(request.headers.get("User-Agent", "")),
            now=now,
        )
        web.unlocking.prepare(desk.session, made.serial)
        desk.held.pop(_question(view).key, None)
        note(desk.session, "certificate.issued", made.serial, case=str(view.case.id))
        return {"serial": made.serial, "certificate": text(made.der), "superseded": before}

    return _at_task(task_id, certify)


@installing.post("/evaluate")
def wrap(task_id: UUID) -> Answer:
    """Our half of the wrapping of a fresh key; not a try."""

    def evaluate(view: TaskView, desk: Held) -> dict[str, Any]:
        done = current.web().unlocking.wrap(
            desk.session, word("serial"), owner=view.case.owner, blinded=content("blinded")
        )
        return {"evaluated": text(done.point or b""), "challenge": text(done.challenge)}

    return _at_task(task_id, evaluate)


@installing.post("/installed")
def installed(task_id: UUID) -> Answer:
    """Believe that the key lies wrapped in the browser, by its signature; the page may then go on."""

    def confirm(view: TaskView, desk: Held) -> dict[str, Any]:
        web, now = current.web(), clock.now()
        certificate = web.unlocking.confirm(
            desk.session, word("serial"), owner=view.case.owner, signature=content("signature"), now=now
        )
        if certificate.case_id != view.case.id:
            raise NotNow(MALFORMED, "other_case")
        held = {"passed": True, "serial": certificate.serial, "at": now.isoformat()}
        desk.held[_question(view).key] = held
        note(desk.session, "certificate.installed", certificate.serial, case=str(view.case.id))
        log.info("certificate installed", case=str(view.case.id), serial=certificate.serial)
        return {"serial": certificate.serial}

    return _at_task(task_id, confirm)


def _at_task(task_id: UUID, act: Callable[[TaskView, Held], dict[str, Any]]) -> Answer:
    """Do one thing for the certificate question of an open task, in one transaction with its desk."""
    told: dict[str, Any] = {}
    try:
        view = tasks.open_task(task_id)
        _question(view)
        current.engine().desk.hold(task_id, current.person(), lambda desk: told.update(act(view, desk)))
    except (TaskGone, NotYours):
        return say(tasks.MOVED, "moved", 409)
    except REFUSALS as refused:
        return refusal(refused)
    return jsonify(told)


def _question(view: TaskView) -> Component:
    found = next((one for one in view.form.walk() if one.type == "certificate"), None)
    if found is None:
        raise NotFound
    return found


def _witnessed_until(view: TaskView, now: datetime) -> datetime:
    """Return until when the passed video lets install a certificate, or refuse (R-190, R-192)."""
    duties = (view.data.get("photos") or {}).get("certificate_duties") or {}
    if duties.get("agreed") is not True:
        raise NotNow(NO_DUTIES, "no_duties")
    until = witness.lets_install_until(view.data)
    if until is None or until <= now:
        raise NotNow(NO_VIDEO, "no_video")
    return until


def _phones(view: TaskView) -> list[str]:
    """Return the customer's numbers: those the counter has, and one that is being entered."""
    profile, entered = view.data["profile"], view.data.get("phone") or {}
    given = (profile.get("mobile"), profile.get("contact_phone"), entered.get("number"))
    return ["".join(filter(str.isdigit, str(one))) for one in given if one]


def _profile(view: TaskView) -> tuple[str, str]:
    """Return name and ID number as the counter has them."""
    profile = view.data["profile"]
    return str(profile["name"]), str(profile["id_number"])
