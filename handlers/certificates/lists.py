"""Revocation lists (RFC 5280 §5): which certificates of one unit ended before their time.

Written by hand rather than with the library's builder, which copies its list for every entry.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from handlers.certificates import der
from handlers.certificates.protocol import REASONS, NoAuthority, Reason
from handlers.certificates.tables import CertificateRow, CrlRow, UnitRow
from handlers.certificates.units import Unit

#: How long a list is good for: the customers' is made anew every six hours, the root's in a ceremony.
CUSTOMERS_LAST, ROOTS_LAST = timedelta(hours=24), timedelta(days=180)
#: How long lists that are over are kept.
KEPT = timedelta(days=30)

_ECDSA = {
    "secp256r1": (der.oid("1.2.840.10045.4.3.2"), SHA256()),
    "secp384r1": (der.oid("1.2.840.10045.4.3.3"), SHA384()),
}
_REASON, _NUMBER, _AUTHORITY_KEY = (der.oid(f"2.5.29.{n}") for n in (21, 20, 35))


@dataclass(frozen=True)
class Ended:
    """One line of a list."""

    serial: int
    at: datetime
    reason: Reason


def publish(
    session: Session, issuer: Unit, key: ec.EllipticCurvePrivateKey, now: datetime, lasts: timedelta
) -> bytes:
    """Make, store and return the next list of a unit; two at once get two numbers."""
    # The row's lock makes numbers increase: the second waits until the first has committed.
    session.execute(select(UnitRow.id).where(UnitRow.id == issuer.id).with_for_update())
    last = session.scalar(select(func.max(CrlRow.number)).where(CrlRow.issuer_id == issuer.id))
    number, now = (last or 0) + 1, now.replace(microsecond=0)
    made = sign(issuer.certificate, key, ended(session, issuer, now), number, now, now + lasts)
    session.execute(delete(CrlRow).where(CrlRow.issuer_id == issuer.id, CrlRow.next_update < now - KEPT))
    session.add(
        CrlRow(issuer_id=issuer.id, number=number, this_update=now, next_update=now + lasts, der=made)
    )
    session.flush()
    return made


def newest(session: Session, issuer: Unit) -> CrlRow:
    """Return the list of a unit that was published last, or raise NoAuthority."""
    found = session.scalar(
        select(CrlRow).where(CrlRow.issuer_id == issuer.id).order_by(CrlRow.number.desc()).limit(1)
    )
    if found is None:
        raise NoAuthority(f"{issuer.name} has published no revocation list")
    return found


def ended(session: Session, issuer: Unit, now: datetime) -> list[Ended]:
    """Return what a unit's list must name: ended, and not over anyway."""
    customers = select(CertificateRow.serial, CertificateRow.ended_at, CertificateRow.reason).where(
        CertificateRow.issuer_id == issuer.id,
        CertificateRow.state.in_(("locked", "revoked")),
        CertificateRow.not_after > now,
    )
    units = select(UnitRow.serial, UnitRow.ended_at, UnitRow.reason).where(
        UnitRow.issuer_id == issuer.id, UnitRow.state == "revoked", UnitRow.not_after > now
    )
    rows = [*session.execute(customers), *session.execute(units)]
    return [Ended(int(serial, 16), at, reason) for serial, at, reason in rows]


def sign(
    issuer: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    lines: Iterable[Ended],
    number: int,
    this_update: datetime,
    next_update: datetime,
) -> bytes:
    """Return a signed list as DER."""
    name, digest = _ECDSA[key.curve.name]
    algorithm = der.sequence(name)
    known = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    extensions = (
        _extension(_AUTHORITY_KEY, der.sequence(der.tlv(0x80, known))),
        _extension(_NUMBER, der.integer(number)),
    )
    entries = [_entry(line) for line in lines]
    parts = [
        der.integer(1),
        algorithm,
        issuer.subject.public_bytes(),
        der.date(this_update),
        der.date(next_update),
        *([der.sequence(*entries)] if entries else []),  # an empty list is left out
        der.explicit(0, der.sequence(*extensions)),
    ]
    body = der.sequence(*parts)
    return der.sequence(body, algorithm, der.bits(key.sign(body, ec.ECDSA(digest))))


def _entry(line: Ended) -> bytes:
    parts = [der.integer(line.serial), der.date(line.at)]
    if line.reason != "unspecified":  # RFC 5280 §5.3.1 wants it left out
        reason = der.integer(REASONS[line.reason], der.ENUMERATED)
        parts.append(der.sequence(_extension(_REASON, reason)))
    return der.sequence(*parts)


def _extension(name: bytes, value: bytes) -> bytes:
    return der.sequence(name, der.octets(value))
