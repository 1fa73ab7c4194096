"""Certificates up to a trusted root.

Fixed algorithms, one profile, fail-closed: an unknown critical extension is refused.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtensionOID

from handlers.certificates import der
from handlers.certificates.der import Reader
from handlers.verifier.words import Refused

_T = TypeVar("_T", bound=x509.ExtensionType)

DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
#: Root, issuing unit, leaf; an authority elsewhere may have one more.
LONGEST_CHAIN = 4
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)


class Certified:
    """A certificate and what is asked of it."""

    def __init__(self, encoded: bytes) -> None:
        self.der = encoded
        try:
            self.x509 = x509.load_der_x509_certificate(encoded)
            self.extensions = {one.oid: one for one in self.x509.extensions}
        except (ValueError, x509.DuplicateExtension, UnsupportedAlgorithm) as wrong:
            raise Refused("certificate_form", str(wrong)) from wrong
        for one in self.extensions.values():
            if one.critical and one.oid not in _UNDERSTOOD:
                raise Refused("certificate_form", f"{one.oid.dotted_string} is critical")
        check_algorithms(self.x509)

    @cached_property
    def subject(self) -> bytes:
        """The subject as DER."""
        return self.x509.subject.public_bytes()

    @cached_property
    def issuer(self) -> bytes:
        """The issuer as DER."""
        return self.x509.issuer.public_bytes()

    @cached_property
    def key(self) -> bytes:
        """The bits of its public key."""
        info = self.x509.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        outer = Reader(info).inside()
        outer.inside()
        return outer.take(der.BITS)[1:]

    @property
    def is_authority(self) -> bool:
        """Tell whether it may sign certificates."""
        basic, usage = self.value(x509.BasicConstraints), self.value(x509.KeyUsage)
        return basic is not None and basic.ca and usage is not None and usage.key_cert_sign

    @property
    def usage(self) -> x509.KeyUsage:
        """What its key may do; Refused when it does not say."""
        found = self.value(x509.KeyUsage)
        if found is None:
            raise Refused("certificate_purpose", "no key usage")
        return found

    @property
    def purposes(self) -> frozenset[x509.ObjectIdentifier]:
        """Its extended key usages."""
        found = self.value(x509.ExtendedKeyUsage)
        return frozenset(found or ())

    @property
    def policies(self) -> frozenset[str]:
        """Its policies, dotted."""
        found = self.value(x509.CertificatePolicies)
        return frozenset(one.policy_identifier.dotted_string for one in found or ())

    @property
    def unchecked(self) -> bool:
        """Tell whether its own status is not asked, as a responder's."""
        return self.value(x509.OCSPNoCheck) is not None

    def valid_at(self, moment: datetime) -> bool:
        """Tell whether it was valid by its own dates."""
        return self.x509.not_valid_before_utc <= moment <= self.x509.not_valid_after_utc

    def issued(self, other: "Certified") -> bool:
        """Tell whether it signed another certificate."""
        if other.issuer != self.subject or not self.is_authority:
            return False
        try:
            other.x509.verify_directly_issued_by(self.x509)
        except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
            return False
        return True

    def path_length(self) -> int | None:
        """How many authorities may stand below it."""
        found = self.value(x509.BasicConstraints)
        return found.path_length if found is not None else 0

    def value(self, kind: type[_T]) -> _T | None:
        """Return one extension."""
        found = self.extensions.get(kind.oid)
        return found.value if found is not None and isinstance(found.value, kind) else None


def check_algorithms(certificate: x509.Certificate) -> None:
    """Accept P-256 and P-384 with SHA-256 and SHA-384, or raise Refused."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in ("secp256r1", "secp384r1"):
        raise Refused("algorithm", "a key that is not P-256 or P-384")
    if not isinstance(certificate.signature_hash_algorithm, (SHA256, SHA384)):
        raise Refused("algorithm", "a certificate that is not signed with SHA-256 or SHA-384")


class Chains:
    """Builds chains from what is known, each certificate read once."""

    def __init__(self, roots: Iterable[bytes], known: Iterable[bytes]) -> None:
        self._read: dict[bytes, Certified] = {}
        self._roots = [self.certified(one) for one in roots]
        self._above = [
            one for one in map(self.certified, known) if one.is_authority and one not in self._roots
        ]
        self._found: dict[bytes, tuple[Certified, ...]] = {}

    def certified(self, encoded: bytes) -> Certified:
        """Return a certificate, read once, or raise Refused."""
        name = sha256(encoded).digest()
        if name not in self._read:
            self._read[name] = Certified(encoded)
        return self._read[name]

    def chain(self, encoded: bytes) -> tuple[Certified, ...]:
        """Return the certificates from this one to a trusted root; raise Refused when it has none."""
        leaf = self.certified(encoded)
        if leaf.der not in self._found:
            chain = self._climb((leaf,))
            if chain is None:
                raise Refused("foreign", "no chain to a trusted root")
            self._found[leaf.der] = chain
        return self._found[leaf.der]

    def _climb(self, so_far: tuple[Certified, ...]) -> tuple[Certified, ...] | None:
        last = so_far[-1]
        if last in self._roots:
            return so_far
        if len(so_far) >= LONGEST_CHAIN:
            return None
        for above in (*self._roots, *self._above):
            below = sum(one.is_authority for one in so_far)
            most = above.path_length()
            if above in so_far or (most is not None and below > most) or not above.issued(last):
                continue
            found = self._climb((*so_far, above))
            if found is not None:
                return found
        return None
