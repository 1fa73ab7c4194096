"""Status answers (RFC 6960, nonces RFC 9654): good, revoked or unknown, signed by a delegated responder.

A locked certificate is on hold: nothing signed with it counts until the customer has applied anew.
"""

from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from handlers.certificates.protocol import NoAuthority
from handlers.certificates.tables import CertificateRow, UnitRow
from handlers.certificates.units import Unit, Units, serial_text

#: Largest request that is looked at, in bytes; usual ones have about 120.
MOST_BYTES = 4096
#: How long an answer is good for.
LASTS = timedelta(hours=1)
#: RFC 9654: a nonce has 1 to 128 bytes; whatever is longer is malformed.
LONGEST_NONCE = 128

_REASONS = {
    "unspecified": None,
    "key_compromise": x509.ReasonFlags.key_compromise,
    "ca_compromise": x509.ReasonFlags.ca_compromise,
    "affiliation_changed": x509.ReasonFlags.affiliation_changed,
    "superseded": x509.ReasonFlags.superseded,
    "cessation_of_operation": x509.ReasonFlags.cessation_of_operation,
    "certificate_hold": x509.ReasonFlags.certificate_hold,
    "privilege_withdrawn": x509.ReasonFlags.privilege_withdrawn,
}


def answer(session: Session, units: Units, request: bytes, now: datetime) -> bytes:
    """Answer a status request; one that cannot be read or is not for us gets the error that says so."""
    try:
        asked, nonce = read(request)
    except (ValueError, TypeError, UnsupportedAlgorithm, NotImplementedError):
        return _error(ocsp.OCSPResponseStatus.MALFORMED_REQUEST)
    issuer = _issuer(session, units, asked)
    if issuer is None:
        return _error(ocsp.OCSPResponseStatus.UNAUTHORIZED)
    try:
        responder = units.active(session, "ocsp", issuer)
    except NoAuthority:
        return _error(ocsp.OCSPResponseStatus.TRY_LATER)
    return sign(asked, nonce, responder, _status(session, issuer, asked.serial_number), now)


def sign(
    asked: ocsp.OCSPRequest,
    nonce: x509.OCSPNonce | None,
    responder: Unit,
    found: tuple[ocsp.OCSPCertStatus, datetime | None, str | None],
    now: datetime,
) -> bytes:
    """Return a signed answer: what was found, since when and why."""
    status, at, reason = found
    now = now.replace(microsecond=0, tzinfo=None)
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            issuer_name_hash=asked.issuer_name_hash,
            issuer_key_hash=asked.issuer_key_hash,
            serial_number=asked.serial_number,
            algorithm=asked.hash_algorithm,
            cert_status=status,
            this_update=now,
            next_update=now + LASTS,
            revocation_time=at.replace(microsecond=0, tzinfo=None) if at else None,
            revocation_reason=_REASONS[reason] if reason else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, responder.certificate)
        .certificates([responder.certificate])
    )
    if nonce is not None:
        builder = builder.add_extension(nonce, critical=False)
    made = builder.sign(responder.signing_key(), SHA256())
    return _der(made)


def fresh_from_until(answer: bytes) -> tuple[datetime, datetime] | None:
    """Return from when until when an answer may be given to others who ask the same.

    None for a refusal, which another answer may follow at once, and for one bound to a nonce.
    """
    told = ocsp.load_der_ocsp_response(answer)
    if told.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL or told.next_update_utc is None:
        return None
    if any(isinstance(extension.value, x509.OCSPNonce) for extension in told.extensions):
        return None
    return told.this_update_utc, told.next_update_utc


def read(request: bytes) -> tuple[ocsp.OCSPRequest, x509.OCSPNonce | None]:
    """Return a request and its nonce, or raise what is raised for bytes that are none."""
    if len(request) > MOST_BYTES:
        raise ValueError("too long")
    asked = ocsp.load_der_ocsp_request(request)
    nonce = None
    for extension in asked.extensions:
        if isinstance(extension.value, x509.OCSPNonce):
            nonce = extension.value
            if not 0 < len(nonce.nonce) <= LONGEST_NONCE:
                raise ValueError("a nonce has 1 to 128 bytes")
        elif extension.critical:
            raise ValueError("an unknown extension that must be understood")
    if asked.serial_number < 0:
        raise ValueError("no serial number is negative")
    return asked, nonce


def _issuer(session: Session, units: Units, asked: ocsp.OCSPRequest) -> Unit | None:
    named = (asked.issuer_name_hash, asked.issuer_key_hash)
    for unit, _ in units.all(session, "active", "answering"):
        if unit.role == "issuing" and unit.hashes.get(asked.hash_algorithm.name) == named:
            return unit
    return None


def _status(
    session: Session, issuer: Unit, serial: int
) -> tuple[ocsp.OCSPCertStatus, datetime | None, str | None]:
    text = serial_text(serial)
    tables = (
        select(t.state, t.ended_at, t.reason).where(t.serial == text, t.issuer_id == issuer.id)
        for t in (CertificateRow, UnitRow)
    )
    found = session.execute(union_all(*tables).limit(1)).first()
    if found is None:
        return ocsp.OCSPCertStatus.UNKNOWN, None, None
    if found.state in ("locked", "revoked"):
        return ocsp.OCSPCertStatus.REVOKED, found.ended_at, found.reason
    return ocsp.OCSPCertStatus.GOOD, None, None


def unable() -> bytes:
    """Return the answer of an authority that cannot tell the time."""
    return _error(ocsp.OCSPResponseStatus.INTERNAL_ERROR)


def try_later() -> bytes:
    """Return the answer of an authority that cannot answer for the moment."""
    return _error(ocsp.OCSPResponseStatus.TRY_LATER)


def _error(status: ocsp.OCSPResponseStatus) -> bytes:
    return _der(ocsp.OCSPResponseBuilder.build_unsuccessful(status))


def _der(response: ocsp.OCSPResponse) -> bytes:
    return response.public_bytes(Encoding.DER)
