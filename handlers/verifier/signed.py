"""Signatures (CAdES) and timestamps (RFC 3161), read by hand: every value known, none left unread.

What a signature does not protect (versions, lists of algorithms and certificates) must be exactly what our
writers write, so that not one bit of it can be changed unnoticed.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256, sha384

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, HashAlgorithm

from handlers.certificates import der
from handlers.certificates.der import DerRefused, Reader
from handlers.verifier.words import Refused

_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
_DATA = der.oid("1.2.840.113549.1.7.1")
_TST_INFO = der.oid("1.2.840.113549.1.9.16.1.4")
_CONTENT_TYPE = der.oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.4")
_SIGNING_TIME = der.oid("1.2.840.113549.1.9.5")
_ALGORITHM_PROTECTION = der.oid("1.2.840.113549.1.9.52")
_SIGNING_CERTIFICATE_V2 = der.oid("1.2.840.113549.1.9.16.2.47")
_TIMESTAMP = der.oid("1.2.840.113549.1.9.16.2.14")
_SHA256, _SHA384 = der.oid("2.16.840.1.101.3.4.2.1"), der.oid("2.16.840.1.101.3.4.2.2")
_ECDSA = {der.oid("1.2.840.10045.4.3.2"): _SHA256, der.oid("1.2.840.10045.4.3.3"): _SHA384}
_HASHES = {_SHA256: sha256, _SHA384: sha384}
_ATTRIBUTES = {_CONTENT_TYPE, _MESSAGE_DIGEST, _SIGNING_CERTIFICATE_V2}
_MORE_ATTRIBUTES = {_SIGNING_TIME, _ALGORITHM_PROTECTION}
_TIME = re.compile(rb"[0-9]{14}(?:\.[0-9]{0,5}[1-9])?Z")
#: Certificates that one signature may bring along.
MOST_CERTIFICATES = 6


@dataclass(frozen=True)
class Signed:
    """A SignedData of one signer, not yet verified."""

    #: What it holds itself: a timestamp's TSTInfo; nothing for a signature on a document.
    content: bytes | None
    certificates: tuple[bytes, ...]
    #: The signer's, one of ``certificates``.
    certificate: bytes
    #: OID of the digest, as DER.
    algorithm: bytes
    #: The SET that was signed.
    attributes: bytes
    digest: bytes
    signature: bytes
    #: The timestamp over ``signature``, as DER.
    timestamp: bytes | None

    @cached_property
    def signer(self) -> x509.Certificate:
        """The signer's certificate."""
        return x509.load_der_x509_certificate(self.certificate)

    def hashed(self, content: bytes) -> bytes:
        """Return a digest by the signature's own algorithm."""
        return _HASHES[self.algorithm](content).digest()

    def check(self, digest: bytes) -> None:
        """Verify that this signs ``digest`` with the certificate's key, or raise Refused."""
        if digest != self.digest:
            raise Refused("changed")
        check_signature(self.signer, self.signature, self.attributes, self.algorithm == _SHA384)


@dataclass(frozen=True)
class Token:
    """A timestamp, not yet verified."""

    signed: Signed
    algorithm: bytes
    imprint: bytes
    #: Dotted.
    policy: str
    time: datetime

    def covers(self, content: bytes) -> bool:
        """Tell whether it dates ``content``."""
        return _HASHES[self.algorithm](content).digest() == self.imprint


def check_signature(certificate: x509.Certificate, signature: bytes, content: bytes, long: bool) -> None:
    """Verify an ECDSA signature, or raise Refused."""
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in ("secp256r1", "secp384r1"):
        raise Refused("algorithm", "a key that is not P-256 or P-384")
    how: HashAlgorithm = SHA384() if long else SHA256()
    try:
        key.verify(signature, content, ec.ECDSA(how))
    except InvalidSignature as wrong:
        raise Refused("signature_wrong") from wrong


def read(encoded: bytes, *, token: bool = False) -> Signed:
    """Read a signature, or with ``token`` a timestamp's shell; or raise Refused."""
    try:
        return _read(encoded, token)
    except DerRefused as wrong:
        raise Refused("timestamp_wrong" if token else "signature_form", str(wrong)) from wrong


def read_token(encoded: bytes) -> Token:
    """Read a timestamp whose own digest is right, or raise Refused."""
    signed = read(encoded, token=True)
    assert signed.content is not None  # noqa: S101 - narrows the type; _read demands it of a token
    try:
        info = Reader(signed.content)
        body = info.inside()
        info.end()
        if body.integer() != 1:
            raise DerRefused("another version")
        policy = x509.PolicyInformation(x509.ObjectIdentifier(_dotted(body.take(der.OID))), None)
        imprint = body.inside()
        algorithm = _algorithm(imprint)
        hashed = imprint.take(der.OCTETS)
        imprint.end()
        if body.integer() <= 0:
            raise DerRefused("a serial number that is none")
        moment = _moment(body.take(der.TIME))
        if body.peek() == der.SEQUENCE:
            body.take(der.SEQUENCE)  # accuracy
        if body.peek() == der.BOOLEAN and body.take(der.BOOLEAN) != b"\xff":
            raise DerRefused("a default written out")
        if body.peek() == der.INTEGER:
            body.integer()  # nonce
        if body.peek() == 0xA0:
            body.take(0xA0)  # the unit's name
        body.end()
    except (DerRefused, ValueError) as wrong:
        raise Refused("timestamp_wrong", str(wrong)) from wrong
    if signed.hashed(signed.content) != signed.digest:
        raise Refused("timestamp_wrong", "another content")
    return Token(signed, algorithm, hashed, policy.policy_identifier.dotted_string, moment)


def _read(encoded: bytes, token: bool) -> Signed:
    outer = Reader(encoded)
    info = outer.inside()
    outer.end()
    if info.whole(der.OID) != _SIGNED_DATA:
        raise DerRefused("no SignedData")
    wrapped = info.inside(0xA0)
    info.end()
    data = wrapped.inside()
    wrapped.end()
    if data.integer() != (3 if token else 1):
        raise DerRefused("another version")
    algorithms = data.inside(der.SET)
    algorithm = _algorithm(algorithms)
    algorithms.end()
    content = _content(data.inside(), token)
    certificates = _certificates(data)
    signers = data.inside(der.SET)
    data.end()
    signer = signers.inside()
    signers.end()
    if signer.integer() != 1:
        raise DerRefused("another version of the signer")
    who = signer.inside()
    issuer, serial = who.whole(der.SEQUENCE), who.integer()
    who.end()
    if _algorithm(signer) != algorithm:
        raise Refused("algorithm", "two digests")
    attributes = signer.take(0xA0)
    how = signer.inside()
    if _ECDSA.get(how.whole(der.OID)) != algorithm:
        raise Refused("algorithm", "not ECDSA with SHA-256 or SHA-384")
    how.end()
    signature = signer.take(der.OCTETS)
    timestamp = None if token else _timestamp(signer)
    signer.end()
    certificate = _of(certificates, issuer, serial)
    digest = _attributes(attributes, certificate, _TST_INFO if token else _DATA)
    return Signed(
        content,
        certificates,
        certificate,
        algorithm,
        der.tlv(der.SET, attributes),
        digest,
        signature,
        timestamp,
    )


def _algorithm(reader: Reader) -> bytes:
    """Read an AlgorithmIdentifier of a digest."""
    body = reader.inside()
    which = body.whole(der.OID)
    if body.peek() == der.NULL and body.take(der.NULL):
        raise DerRefused("a NULL with content")
    body.end()
    if which not in _HASHES:
        raise Refused("algorithm", "a digest that is not SHA-256 or SHA-384")
    return which


def _content(body: Reader, token: bool) -> bytes | None:
    if body.whole(der.OID) != (_TST_INFO if token else _DATA):
        raise DerRefused("another content")
    content = None
    if token:
        wrapped = body.inside(0xA0)
        content = wrapped.take(der.OCTETS)
        wrapped.end()
    body.end()
    return content


def _certificates(data: Reader) -> tuple[bytes, ...]:
    found: list[bytes] = []
    listed = data.inside(0xA0)
    while listed.peek() is not None:
        found.append(listed.whole(der.SEQUENCE))
    if not 0 < len(found) == len(set(found)) <= MOST_CERTIFICATES:
        raise DerRefused("certificates twice, or too many")
    return tuple(found)


def _timestamp(signer: Reader) -> bytes | None:
    if signer.peek() is None:
        return None
    unsigned = signer.inside(0xA1)
    one = unsigned.inside()
    unsigned.end()
    if one.whole(der.OID) != _TIMESTAMP:
        raise DerRefused("an unknown attribute without signature")
    values = one.inside(der.SET)
    token = values.whole(der.SEQUENCE)
    values.end()
    one.end()
    return token


def _of(certificates: tuple[bytes, ...], issuer: bytes, serial: int) -> bytes:
    for one in certificates:
        try:
            loaded = x509.load_der_x509_certificate(one)
            matches = loaded.serial_number == serial and loaded.issuer.public_bytes() == issuer
        except ValueError as wrong:
            raise Refused("certificate_form", str(wrong)) from wrong
        if matches:
            return one
    raise Refused("certificate_unbound", "the signer's certificate is missing")


def _attributes(encoded: bytes, certificate: bytes, content_type: bytes) -> bytes:
    """Check the signed attributes; return the digest that they hold."""
    reader = Reader(encoded)
    found: dict[bytes, bytes] = {}
    wholes: list[bytes] = []
    while reader.peek() is not None:
        wholes.append(reader.whole(der.SEQUENCE))
        outer = Reader(wholes[-1])
        one = outer.inside()
        name, values = one.whole(der.OID), one.take(der.SET)
        one.end()
        if name in found:
            raise DerRefused("an attribute twice")
        found[name] = values
    if wholes != sorted(wholes):
        raise DerRefused("attributes out of order")
    if _SIGNING_CERTIFICATE_V2 not in found:
        raise Refused("certificate_unbound", "signingCertificateV2 is missing")
    if found.keys() - _MORE_ATTRIBUTES != _ATTRIBUTES:
        raise DerRefused("other attributes")
    if found[_CONTENT_TYPE] != content_type:
        raise DerRefused("another content")
    _bound(found[_SIGNING_CERTIFICATE_V2], certificate)
    value = Reader(found[_MESSAGE_DIGEST])
    digest = value.take(der.OCTETS)
    value.end()
    return digest


def _bound(encoded: bytes, certificate: bytes) -> None:
    """Check that SigningCertificateV2 names this certificate (RFC 5035)."""
    outer = Reader(encoded)
    body = outer.inside()
    outer.end()
    named = body.inside()
    body.end()
    one = named.inside()
    named.end()
    algorithm = _SHA256
    if one.peek() == der.SEQUENCE:
        algorithm = _algorithm(one)
    hashed = one.take(der.OCTETS)
    loaded = x509.load_der_x509_certificate(certificate)
    if one.peek() == der.SEQUENCE:
        which = one.inside()
        names = which.inside()
        name = names.inside(0xA4)
        names.end()
        if name.whole(der.SEQUENCE) != loaded.issuer.public_bytes():
            raise Refused("certificate_unbound", "another issuer")
        name.end()
        if which.integer() != loaded.serial_number:
            raise Refused("certificate_unbound", "another serial number")
        which.end()
    one.end()
    if hashed != _HASHES[algorithm](certificate).digest():
        raise Refused("certificate_unbound", "another certificate")


def _moment(told: bytes) -> datetime:
    if not _TIME.fullmatch(told):
        raise DerRefused("a time that is not written as DER wants")
    whole, _, fraction = told[:-1].decode().partition(".")
    moment = datetime.strptime(whole + fraction.ljust(6, "0"), "%Y%m%d%H%M%S%f")  # noqa: DTZ007 - below
    return moment.replace(tzinfo=UTC)


def _dotted(content: bytes) -> str:
    arcs, value = [], 0
    for byte in content:
        value = value << 7 | byte & 0x7F
        if value > 1 << 64:
            raise DerRefused("an arc that is too long")
        if byte < 0x80:
            arcs.append(value)
            value = 0
    if not arcs or content[-1] >= 0x80:
        raise DerRefused("an OID cut short")
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
