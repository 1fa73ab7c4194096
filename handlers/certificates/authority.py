"""The embedded authority: certifies keys with the issuing unit and answers for what it certified."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy.orm import Session

from engine.store import Keyring
from handlers.certificates import lists, profiles, status
from handlers.certificates.pkcs11 import Module
from handlers.certificates.profiles import Company
from handlers.certificates.protocol import (
    AuthorityDown,
    ClockDoubted,
    Made,
    NoAuthority,
    Request,
    RevocationList,
    Subject,
)
from handlers.certificates.realtime import RealTime
from handlers.certificates.units import Unit, Units, serial_text


class Others(Protocol):
    """Who knows about certificates of others; see ``external.Elsewhere``."""

    trusted: tuple[x509.Certificate, ...]

    def path(self, certificate: bytes) -> tuple[bytes, ...]:
        """Return what stands above a certificate, the root last, or raise NoAuthority."""

    def status(self, certificate: bytes, request: bytes) -> bytes:
        """Return an answer to a status request about it."""

    def list_for(self, certificate: bytes) -> bytes:
        """Return the list that would name it, or raise AuthorityDown."""


class EmbeddedAuthority:
    """An authority whose keys are ours; see ``protocol.Authority``.

    :param now: real time; a certificate is compared with timestamps, so a demonstration's clock
        must not date it.
    :param module: where the units' keys are; without one they lie sealed in the database.
    """

    def __init__(
        self,
        keyring: Keyring,
        company: Company,
        now: Callable[[], datetime] | None = None,
        module: Module | None = None,
    ) -> None:
        self.units = Units(keyring, module)
        #: What others issued, and we believe; none by itself.
        self.elsewhere: Others | None = None
        self.company = company
        self.now = now or RealTime()

    def certify(self, session: Session, request: Request, subject: Subject) -> Made:
        """Return a certificate for a key whose possession was proved, or raise NoAuthority."""
        unit, now = self.units.active(session, "issuing"), self.now()
        if now < unit.certificate.not_valid_before_utc:
            raise ClockDoubted
        if now >= unit.certificate.not_valid_after_utc:
            raise NoAuthority(f"{unit.name} is over: kaihu ca rotate issuing")
        made = profiles.customer(self.company, unit.issuer(), request.key, subject, now)
        return Made(
            made.public_bytes(Encoding.DER),
            serial_text(made.serial_number),
            made.not_valid_before_utc,
            made.not_valid_after_utc,
            unit.id,
        )

    def chain(self, session: Session) -> tuple[bytes, ...]:
        """Return the issuing unit's certificate and the root's."""
        return self.above(session, self.units.active(session, "issuing"))

    def above(self, session: Session, unit: Unit) -> tuple[bytes, ...]:
        """Return the certificates from ``unit`` up to its root, as DER."""
        found = [unit.der]
        while unit.issuer_id != unit.id:
            unit = self.units.of(session, unit.issuer_id)
            found.append(unit.der)
        return tuple(found)

    def ocsp(self, session: Session, request: bytes) -> bytes:
        """Answer a status request."""
        try:
            now = self.now()
        except ClockDoubted:
            return status.unable()
        try:
            return status.answer(session, self.units, request, now)
        except AuthorityDown:
            return status.try_later()

    def status_of(self, session: Session, certificate: bytes, issuer: bytes, request: bytes) -> bytes:
        """Answer a status request about a certificate, also one that somebody else issued."""
        ours = any(unit.der == issuer for unit, _ in self.units.all(session))
        if ours or self.elsewhere is None:
            return self.ocsp(session, request)
        return self.elsewhere.status(certificate, request)

    def path_elsewhere(self, certificate: bytes) -> tuple[bytes, ...]:
        """Return what stands above a certificate that somebody else issued, or raise NoAuthority."""
        if self.elsewhere is None:
            raise NoAuthority("nobody here issued this certificate")
        return self.elsewhere.path(certificate)

    def list_elsewhere(self, certificate: bytes) -> bytes:
        """Return the list that would name it, or raise NoAuthority or AuthorityDown."""
        if self.elsewhere is None:
            raise NoAuthority("nobody here says whether a certificate was revoked")
        return self.elsewhere.list_for(certificate)

    def believed(self) -> tuple[bytes, ...]:
        """Return the certificates of others that are trusted, roots and what stands below them, as DER."""
        others = self.elsewhere.trusted if self.elsewhere is not None else ()
        return tuple(one.public_bytes(Encoding.DER) for one in others)

    def certificate(self, session: Session, name: str) -> bytes:
        """Return the certificate of a unit by its name, such as ``issuing-1``, or raise NoAuthority."""
        return self.units.named(session, name).der

    def crl(self, session: Session, name: str) -> bytes:
        """Return the newest revocation list of a unit by its name, or raise NoAuthority."""
        return self.newest_list(session, name).der

    def newest_list(self, session: Session, name: str) -> RevocationList:
        """Return the same with its dates."""
        row = lists.newest(session, self.units.named(session, name))
        return RevocationList(row.der, row.number, row.this_update, row.next_update)

    def publish_crls(self, session: Session) -> dict[str, bytes]:
        """Make the next list of every issuing unit that still answers; return them by unit's name."""
        now = self.now()
        return {
            unit.name: lists.publish(session, unit, unit.signing_key(), now, lists.CUSTOMERS_LAST)
            for unit, _ in self.units.all(session, "active", "answering")
            if unit.role == "issuing"
        }
