"""The customer's certificate: unlocking it on a page that signs (P11), and 我的数字证书 (R-189, R-191)."""

from collections.abc import Callable

import structlog
from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from handlers.certificates import Certificate, UnknownCertificate, UnlockRefused
from web import current
from web.certificate_answers import (
    REFUSALS,
    Answer,
    content,
    note,
    refusal,
    say,
    text,
    word,
)

log = structlog.get_logger("web")
certificates = Blueprint("certificates", __name__, url_prefix="/me/certificate")

LOCKED = "证书已锁定，请重新申请数字证书"
DELETED, REVOKED = "本机证书已删除", "原数字证书已吊销。下次签署协议时，请进行视频见证并重新安装数字证书。"
#: States of a case that is on its way to a certificate.
APPLYING = frozenset({"await_video", "await_cert", "queued", "in_call", "returned_video"})


# Unlocking


@certificates.post("/evaluate")
def evaluate() -> Answer:
    """Our half of one try of the password; 423 when that was one too many."""

    def attempt(session: Session, owner: str) -> Answer:
        web, serial = current.web(), word("serial")
        was_locked = _is_locked(session, serial, owner)
        tried = web.unlocking.evaluate(session, serial, owner=owner, blinded=content("blinded"))
        if tried.point is None:
            _note_lock(session, serial, was_locked)
            return say(LOCKED, "locked", 423)
        told = {"evaluated": text(tried.point), "left": tried.left, "challenge": text(tried.challenge)}
        return jsonify(told)

    return _for_owner(attempt)


@certificates.post("/wrong")
def wrong() -> Answer:
    """The browser says that the password was wrong; after the last try that locks the certificate."""

    def report(session: Session, owner: str) -> Answer:
        serial = word("serial")
        was_locked = _is_locked(session, serial, owner)
        left = current.web().unlocking.wrong(session, serial, owner=owner)
        if not left:
            _note_lock(session, serial, was_locked)
        return jsonify({"left": left})

    return _for_owner(report)


@certificates.post("/proof")
def prove() -> Answer:
    """Begin to count anew after a signature by the unlocked key."""

    def proven(session: Session, owner: str) -> Answer:
        current.web().unlocking.prove(session, word("serial"), owner=owner, signature=content("signature"))
        return jsonify({})

    return _for_owner(proven)


# 我的数字证书


@certificates.get("")
def mine() -> str:
    """Say how the customer's certificate stands (R-191)."""
    web, owner = current.web(), current.person().id
    with web.engine.database.reading() as session:
        every = web.certificates.of_owner(session, owner)
        newest = next(iter(every), None)
        confirmed = newest is not None and web.unlocking.confirmed(session, newest.serial)
    cases = web.engine.cases.of_owner(owner)
    applying = next((one for one in cases if one.facts.state in APPLYING), None)
    state = _state(newest, confirmed=confirmed, applying=applying is not None)
    usable = state == "installed"
    return render_template(
        "certificate.html",
        state=state,
        end_url=url_for("certificates.end"),
        certificate=newest,
        usable=usable,
        at_work=next((one for one in (newest,) if one and one.state in ("active", "locked")), None),
        case_url=url_for("customer.case", case_id=applying.id) if applying is not None else "",
    )


@certificates.post("/end")
def end() -> Response:
    """删除本机证书, or 重新申请 after a forgotten password: the certificate is revoked at once."""
    web, owner = current.web(), current.person().id
    forgotten = request.form.get("why") == "forgotten"
    with web.engine.database.transaction() as session:
        try:
            serial = request.form.get("serial", "")[:40]
            before = web.certificates.get(session, serial, owner=owner)
            if before.state in ("active", "locked"):
                web.certificates.revoke(session, serial, "cessation_of_operation", owner=owner)
                why = "forgotten" if forgotten else "deleted"
                note(session, "certificate.revoked", serial, why=why)
                log.info("certificate revoked by its owner", serial=serial, why=why)
        except UnknownCertificate:
            raise NotFound from None
    flash(REVOKED if forgotten else DELETED, "ok")
    return redirect(url_for("certificates.mine"), 303)


def _state(newest: Certificate | None, *, confirmed: bool, applying: bool) -> str:
    """Return one of R-189's states."""
    if newest is None:
        return "applying" if applying else "none"
    if newest.state == "active":
        return "installed" if confirmed else "applying"
    return newest.state


def _for_owner(act: Callable[[Session, str], Answer]) -> Answer:
    try:
        with current.engine().database.transaction() as session:
            return act(session, current.person().id)
    except REFUSALS as refused:
        return refusal(refused)


def _is_locked(session: Session, serial: str, owner: str) -> bool:
    try:
        return current.web().certificates.get(session, serial, owner=owner).state == "locked"
    except UnknownCertificate:
        raise UnlockRefused("您的数字证书不存在，请申请安装数字证书", "unknown") from None


def _note_lock(session: Session, serial: str, was_locked: bool) -> None:
    if not was_locked:
        note(session, "certificate.locked", serial)
        log.warning("certificate locked", serial=serial)
