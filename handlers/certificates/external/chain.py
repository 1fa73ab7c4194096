"""Whom we trust elsewhere: certificates read from a file, and whether one leads up to a root among them."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.x509.oid import ExtensionOID

#: Digests that still prove something; SHA-1 and MD5 do not.
DIGESTS = (SHA256, SHA384, SHA512)
#: What ``cryptography`` raises for bytes that are no certificate, or not one that makes sense.
MALFORMED = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.ExtensionNotFound,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
#: Smallest RSA key that is believed, in bits.
SMALLEST_RSA = 2048
#: More links than this no chain has.
_LONGEST = 6
#: Critical extensions that are understood here; any other one makes a certificate unusable (RFC 5280 §4.2).
_UNDERSTOOD = frozenset(
    {
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.CERTIFICATE_POLICIES,
    }
)


class Untrusted(Exception):
    """A certificate is not believed; the text says why and names nobody."""


def read(path: Path) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a PEM file, or raise OSError or ValueError."""
    found = x509.load_pem_x509_certificates(path.read_bytes())
    if not any(is_root(certificate) for certificate in found):
        raise ValueError(f"{path}: no root is among the certificates")
    return tuple(found)


def is_root(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate is signed by itself."""
    return certificate.issuer == certificate.subject


def path_of(
    certificate: x509.Certificate,
    trusted: Iterable[x509.Certificate],
    untrusted: Iterable[x509.Certificate],
    now: datetime,
) -> tuple[x509.Certificate, ...]:
    """Return the authorities above ``certificate``, a trusted root last, or raise Untrusted.

    Every certificate on the way is good at ``now``, and signed by an authority with a strong digest and key.

    :param untrusted: what the other side sent along; it may stand between, never at the end.
    """
    roots = [one for one in trusted if is_root(one)]
    between = [one for one in (*trusted, *untrusted) if not is_root(one)]
    found: list[x509.Certificate] = []
    last = certificate
    _check(last, now)
    while len(found) < _LONGEST:
        above = next((one for one in (*roots, *between) if _signed(last, one)), None)
        if above is None:
            raise Untrusted("it does not lead up to a root that is trusted")
        _check(above, now)
        _check_authority(above, len([one for one in found if not is_root(one)]))
        found.append(above)
        if above in roots:
            return tuple(found)
        last = above
    raise Untrusted("its chain is too long")


def _signed(certificate: x509.Certificate, above: x509.Certificate) -> bool:
    if certificate.issuer != above.subject:
        return False
    try:
        certificate.verify_directly_issued_by(above)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _check(certificate: x509.Certificate, now: datetime) -> None:
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Untrusted("it, or an authority above it, is not good now")
    try:
        digest, key = certificate.signature_hash_algorithm, certificate.public_key()
        extensions = list(certificate.extensions)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as unknown:
        raise Untrusted("it, or an authority above it, is of a kind that is not known") from unknown
    if not isinstance(digest, DIGESTS):
        raise Untrusted("it, or an authority above it, is signed with a digest that is too weak")
    if not is_strong(key):
        raise Untrusted("it, or an authority above it, has a key that is too weak")
    if any(one.critical and one.oid not in _UNDERSTOOD for one in extensions):
        raise Untrusted("it, or an authority above it, has a critical extension that is not understood")


def is_strong(key: object) -> bool:
    """Tell whether a public key is of a kind and size that is believed."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= SMALLEST_RSA
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(
        key.curve, (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
    )


def _check_authority(above: x509.Certificate, below: int) -> None:
    """Check that a certificate may certify, with ``below`` authorities under it."""
    try:
        basic = above.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound as missing:
        raise Untrusted("what signed it is no authority") from missing
    if not basic.ca or (basic.path_length is not None and below > basic.path_length):
        raise Untrusted("what signed it is no authority, or not for so long a chain")
    try:
        usage = above.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.key_cert_sign:
        raise Untrusted("what signed it may not certify")
