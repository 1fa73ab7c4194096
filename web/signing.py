"""签署协议 with the certificate of this device (R-154 to R-157): a ticket, then every signature at once.

The browser checks and signs; here the parts meet: what was read, which certificate, which papers. What is
signed stays on the desk, so that a submission that fails does not cost the customer another password (A-15).
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, jsonify, request, url_for
from werkzeug.wrappers import Response

import forms
from engine import ElsewhereChanged, NotYours, TaskGone, TaskView, clock
from engine.desk import Held
from forms import Component, field_agreement
from handlers.signing import Refused
from web import current, tasks, to_sign
from web.tasks import MOVED

log = structlog.get_logger("web")
signing = Blueprint("signing", __name__, url_prefix="/me/tasks/<uuid:task_id>/signing")

#: Longest signature that is decoded, in characters; a P-256 one has about 96.
LONGEST_SIGNATURE = 200
#: Most documents of one case.
MOST_PAPERS = 20

UNREAD = "请先阅读完全部协议"
VIDEO_FIRST = "本次办理须先完成视频见证"
CHANGED = "协议已更新，请重新阅读并签署"
NO_CERTIFICATE = "本设备没有可用的数字证书，请先申请"
PENDING = "协议文件正在生成，请稍候再试"
MALFORMED = "签名无法识别，请重新输入证书密码"

Answer = Response | tuple[Response, int]


class _Refused(Exception):
    """What was asked is not possible now; ``message`` is for the customer."""

    def __init__(self, message: str, code: str, status: int = 409) -> None:
        super().__init__(code)
        self.message, self.code, self.status = message, code, status


@signing.post("/ticket")
def ticket(task_id: UUID) -> Answer:
    """Give the right to sign this case's papers once, with what the browser needs to check them."""
    try:
        view = tasks.open_task(task_id)
        to_sign.question(view)
        return _ticket(view)
    except _Refused as refused:
        return _say(refused.message, refused.code, refused.status)
    except Refused as refused:
        return _say(refused.message, refused.code, 409)
    except (TaskGone, NotYours):
        return _say(MOVED, "moved", 409)


@signing.post("")
def sign(task_id: UUID) -> Answer:
    """Take every signature of a ticket, or none; then submit the page."""
    person = current.person()
    web = current.web()
    try:
        view = tasks.open_task(task_id)
        component = to_sign.question(view)
        token, signatures = _signatures()
        dated = web.signing.tokens(signatures)

        def accept(desk: Held) -> None:
            done = web.signing.accept(
                desk.session,
                desk.key,
                token=token,
                case_id=view.case.id,
                owner=view.case.owner,
                browser_session=person.session,
                signatures=signatures,
                dated=dated,
                content=to_sign.content(view),
                needed=to_sign.in_force(desk.session, view),
                now=clock.now(),
            )
            web.unlocking.succeeded(desk.session, done[0].serial)
            desk.held[field_agreement.SIGNED] = {
                "content": done[0].content,
                "serial": done[0].serial,
                "at": done[0].signed_at.isoformat(),
            }

        laid = web.engine.desk.hold(task_id, person, accept)
    except _Refused as refused:
        return _say(refused.message, refused.code, refused.status)
    except Refused as refused:
        log.info("signatures refused", task=str(task_id), code=refused.code)
        return _say(refused.message, refused.code, 422)
    except (TaskGone, NotYours):
        return _say(MOVED, "moved", 409)
    serial = laid.held[field_agreement.SIGNED]["serial"]
    return jsonify({"next": _submit(view, component, serial)})


def _ticket(view: TaskView) -> Response:
    web = current.web()
    needed = field_agreement.needed(view.data)
    component = to_sign.question(view)
    read = field_agreement.progress(component, view.held, view.context.previous, to_sign.content(view))
    for document in needed:
        progress = read.get(str(document.get("code"))) or {}
        if not progress.get("finished_at") or not field_agreement.same_version(progress, document):
            raise _Refused(UNREAD, "unread")
    if to_sign.video_due(view):
        raise _Refused(VIDEO_FIRST, "video_due")
    serial = str(_json().get("serial") or "")
    with web.engine.database.transaction() as session:
        certificate = web.certificates.usable(session, view.case.owner)
        if certificate is None or certificate.serial != serial:
            raise _Refused(NO_CERTIFICATE, "no_certificate")
        if to_sign.changed(session, view):
            raise _Refused(CHANGED, "changed")
        written = web.papers.of(session, view.case.id, to_sign.content(view))
        papers = [written[code] for code in (str(d.get("code")) for d in needed) if code in written]
        if not papers or len(papers) != len(needed):
            raise _Refused(PENDING, "pending")
        made = web.signing.ticket(
            session,
            case_id=view.case.id,
            owner=view.case.owner,
            browser_session=current.person().session,
            certificate=certificate,
            papers=papers,
            now=clock.now(),
        )
    return jsonify(
        {
            "ticket": made.token,
            "certificate": base64.b64encode(certificate.der).decode(),
            "papers": [
                {
                    "code": paper.code,
                    "title": paper.title,
                    "url": url_for("reading.paper", task_id=view.task_id, code=paper.code),
                    "size": paper.size,
                    "start": paper.start,
                    "end": paper.end,
                    "digest": paper.digest.hex(),
                }
                for paper in papers
            ],
        }
    )


def _submit(view: TaskView, component: Component, serial: str) -> str:
    """Go on to the next step; where that fails, the page says why and the signatures stay."""
    posted = {component.key: {"agreed": True, "device": serial}}
    try:
        case = current.engine().cases.complete(view.task_id, current.person(), posted)
    except (forms.AnswersRejected, ElsewhereChanged, TaskGone, NotYours) as kept:
        log.info("signed, not submitted", task=str(view.task_id), why=type(kept).__name__)
        return url_for("tasks.show", task_id=view.task_id)
    return str(tasks.onward(case).location)


def _json() -> Mapping[str, Any]:
    sent = request.get_json()
    if not isinstance(sent, dict):
        raise _Refused(MALFORMED, "malformed", 422)
    return sent


def _signatures() -> tuple[str, dict[str, bytes]]:
    """Return the ticket and the signatures that were posted, by document."""
    sent = _json()
    token, listed = sent.get("ticket"), sent.get("signatures")
    if not isinstance(token, str) or not isinstance(listed, list) or not 0 < len(listed) <= MOST_PAPERS:
        raise _Refused(MALFORMED, "malformed", 422)
    found: dict[str, bytes] = {}
    for one in listed:
        code, text = (one.get("code"), one.get("signature")) if isinstance(one, dict) else (None, None)
        if not isinstance(code, str) or not isinstance(text, str) or len(text) > LONGEST_SIGNATURE:
            raise _Refused(MALFORMED, "malformed", 422)
        try:
            found[code] = base64.b64decode(text, validate=True)
        except binascii.Error:
            raise _Refused(MALFORMED, "malformed", 422) from None
    if len(found) != len(listed):
        raise _Refused(MALFORMED, "malformed", 422)
    return token, found


def _say(message: str, code: str, status: int) -> Answer:
    return jsonify({"message": message, "code": code}), status
