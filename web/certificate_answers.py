"""What the pages of certificates share: values that scripts post, refusals in words, the journal.

Key and password stay in the browser (web/static/js/certificate); here come a certificate request, points
that hide passwords, and signatures that prove the key.
"""

import base64
import binascii

import structlog
from flask import jsonify, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from engine import clock
from engine.store import JournalEntry
from handlers.certificates import CertificateFault, PointRefused, Refused, UnlockRefused
from web import current
from web.i18n import gettext

log = structlog.get_logger("web")

MALFORMED = "请求有误"
DOWN = "数字证书系统暂时无法使用，请稍后重试或联系期货公司"
#: Longest value that is decoded, in characters of base64; a request has about 470.
LONGEST = 6000

Answer = Response | tuple[Response, int]


class NotNow(Exception):
    """What was asked is not possible; ``message`` is for the customer."""

    def __init__(self, message: str, code: str, status: int = 409) -> None:
        super().__init__(code)
        self.message, self.code, self.status = message, code, status


#: What is told to the page in words.
REFUSALS = (NotNow, PointRefused, CertificateFault)


def refusal(refused: Exception) -> Answer:
    """Return in words what was refused."""
    match refused:
        case NotNow():
            answer = say(refused.message, refused.code, refused.status)
        case PointRefused():
            answer = say(MALFORMED, "point", 422)
        case UnlockRefused():
            answer = say(refused.message, refused.code, 422 if refused.code == "point" else 409)
        case Refused():
            answer = say(refused.message, refused.code, 422)
        case _:
            log.error("certificate not possible", why=type(refused).__name__)
            answer = say(DOWN, "down", 503)
    log.info("certificate refused", why=(answer[0].json or {}).get("code"))
    return answer


def note(session: Session, kind: str, serial: str, **facts: str) -> None:
    """Write down what happened to a certificate, in the customer's own chain."""
    label = current.person().label
    entry = JournalEntry(kind, label, {"serial": serial, **facts})
    current.engine().journal.write_outside(session, label, entry, clock.now())


def word(name: str) -> str:
    """Return a value that a script posted, or refuse."""
    sent = request.get_json(silent=True)
    found = sent.get(name) if isinstance(sent, dict) else None
    if not isinstance(found, str) or not 0 < len(found) <= LONGEST:
        raise NotNow(MALFORMED, "malformed", 422)
    return found


def content(name: str) -> bytes:
    """Return bytes that a script posted in base64, or refuse."""
    try:
        return base64.b64decode(word(name), validate=True)
    except (binascii.Error, ValueError):
        raise NotNow(MALFORMED, "malformed", 422) from None


def text(content: bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(content).decode()


def say(message: str, code: str, status: int) -> tuple[Response, int]:
    """Answer a script with words for the reader, in the reader's language."""
    return jsonify({"message": gettext(message), "code": code}), status
