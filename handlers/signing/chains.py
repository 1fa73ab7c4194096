"""Which certificates stand above a customer's, also after the issuing unit was rotated."""

from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from sqlalchemy.orm import Session

from handlers.certificates import EmbeddedAuthority


class Chains:
    """Finds the certificates between a customer's and the root, and the root."""

    def __init__(self, authority: EmbeddedAuthority) -> None:
        self._authority = authority
        #: What stands above a unit never changes.
        self._seen: tuple[tuple[bytes, ...], ...] = ()

    def whole(self, session: Session, certificate: bytes) -> tuple[bytes, ...]:
        """Return the certificates above one, as DER, the root last, or raise NoAuthority."""
        for chain in self._seen:
            if issued(certificate, chain[0]):
                return chain
        found = self._found(session, certificate)
        self._seen = (found, *self._seen)
        return found

    def _found(self, session: Session, certificate: bytes) -> tuple[bytes, ...]:
        now = self._authority.chain(session)
        if issued(certificate, now[0]):
            return now
        for unit, _ in self._authority.units.all(session):
            if issued(certificate, unit.der):
                return self._authority.above(session, unit)
        return self._authority.path_elsewhere(certificate)

    def above(self, session: Session, certificate: bytes) -> tuple[bytes, ...]:
        """Return the certificates between one and the root, which goes along with no signature."""
        return self.whole(session, certificate)[:-1]


@lru_cache(maxsize=256)
def issued(below: bytes, above: bytes) -> bool:
    """Tell whether a certificate was signed by another."""
    try:
        x509.load_der_x509_certificate(below).verify_directly_issued_by(x509.load_der_x509_certificate(above))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_root(certificate: bytes) -> bool:
    """Tell whether a certificate was signed by its own key."""
    return issued(certificate, certificate)
