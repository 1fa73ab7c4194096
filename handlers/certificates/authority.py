"""The embedded authority: certifies keys with the issuing unit and answers for what it certified."""

from collections.abc import Callable
from datetime import datetime

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
