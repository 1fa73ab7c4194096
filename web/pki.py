"""/pki/…: what certificates tell their verifiers to fetch; asked by other people's software, never by a page.

POST /pki/ocsp            status answers (RFC 6960 A.1)
GET  /pki/ocsp/<base64>   the same, for answers that may be kept on the way (RFC 5019)
GET  /pki/<unit>.crl      a unit's newest revocation list, such as issuing-1.crl
GET  /pki/<unit>.cer      a unit's certificate

Every address of this kind that we ever wrote into a certificate must go on answering, without TLS too: a
proxy in front serves /pki/ on port 80 (docs/certificates.md). Nobody signs in here, no cookie is given or
read, and every answer is signed itself, so that neither a forged request nor a plain line does harm.

Our timestamp unit is not offered here on purpose: its dates go into our own documents, where anybody
verifies them without asking us; a public one would date strangers' documents in the company's name.
"""

import binascii
from base64 import b64decode
from datetime import UTC, datetime, timedelta

from flask import Blueprint, Response, current_app, request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response as AnyResponse

from handlers.certificates import NoAuthority, fresh_from_until
from handlers.certificates.status import MOST_BYTES
from web import current

pki = Blueprint("pki", __name__, url_prefix="/pki")

ASKED, ANSWERED = "application/ocsp-request", "application/ocsp-response"
LIST, CERTIFICATE = "application/pkix-crl", "application/pkix-cert"
#: How long a list may be kept on the way although a newer one may be there: lists are made hourly.
LIST_KEPT = timedelta(hours=1)
#: A unit's certificate never changes.
CERTIFICATE_KEPT = timedelta(days=1)


@pki.before_request
def not_too_often() -> Response | None:
    """Limit what one address may ask in a minute, in this process."""
    limiter = current_app.extensions.setdefault("kaihu.pki", FixedWindowRateLimiter(MemoryStorage()))
    most = RateLimitItemPerMinute(current.web().settings.pki_per_minute)
    if limiter.hit(most, request.remote_addr or ""):
        return None
    return _plain(429, {"Retry-After": "60"})


@pki.post("/ocsp")
def status() -> Response:
    """Answer a status request; whatever it says gets an answer of RFC 6960."""
    if request.mimetype != ASKED:
        return _plain(415)
    request.max_content_length = MOST_BYTES
    # A body in chunks has no length; the server ends its stream where the body ends.
    request.environ["wsgi.input_terminated"] = True
    try:
        asked = request.get_data(cache=False)
    except RequestEntityTooLarge:
        return _plain(413)
    return Response(_answer(asked), mimetype=ANSWERED)


# Base64 has slashes, also two in a row, and some clients send them as they are.
@pki.get("/ocsp/<path:asked>", merge_slashes=False)
def kept_status(asked: str) -> Response:
    """Answer a status request that stands in the address."""
    if len(asked) > MOST_BYTES * 2:
        return _plain(414)
    try:
        decoded = b64decode(asked, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""  # answered as malformed
    answer = _answer(decoded)
    response, fresh = Response(answer, mimetype=ANSWERED), fresh_from_until(answer)
    if fresh is not None:
        _keep(response, fresh[0], fresh[1] - datetime.now(UTC))
        response.cache_control.no_transform = True
        response.cache_control.must_revalidate = True
    return response


@pki.get("/<unit>.crl")
def revocation_list(unit: str) -> AnyResponse:
    """Return the newest list of a unit; one that is over is given too, and says so itself."""
    try:
        with current.engine().database.reading() as session:
            found = current.web().publisher.newest_list(session, unit)
    except NoAuthority:
        return _plain(404)
    response = Response(found.der, mimetype=LIST)
    _keep(response, found.this_update, min(LIST_KEPT, found.next_update - datetime.now(UTC)))
    return response.make_conditional(request)


@pki.get("/<unit>.cer")
def certificate(unit: str) -> AnyResponse:
    """Return the certificate of a unit."""
    try:
        with current.engine().database.reading() as session:
            found = current.web().publisher.certificate(session, unit)
    except NoAuthority:
        return _plain(404)
    response = Response(found, mimetype=CERTIFICATE)
    _keep(response, None, CERTIFICATE_KEPT)
    return response.make_conditional(request)


def _answer(asked: bytes) -> bytes:
    with current.engine().database.reading() as session:
        return current.web().publisher.ocsp(session, asked)


def _keep(response: Response, since: datetime | None, lasts: timedelta) -> None:
    """Let anybody keep an answer for a while (RFC 5019 §6.2); not at all when that is over."""
    if lasts <= timedelta(0):
        return
    response.cache_control.public = True
    response.cache_control.max_age = int(lasts.total_seconds())
    response.expires = datetime.now(UTC) + lasts
    response.last_modified = since
    response.add_etag()


def _plain(status: int, headers: dict[str, str] | None = None) -> Response:
    """Refuse in a word: no person reads this."""
    return Response(f"{status}\n", status, headers, mimetype="text/plain")
