"""Timestamp tokens as they come back: about this signature, from a source we trust, of this minute.

Read by hand, like everything that a customer waits for; a token of another make (RSA, longer digests, a chain
of certificates) is read as well, as long as it is DER.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from handlers.certificates import CertificateFault, Timestamps, der, timestamp_request
from handlers.certificates.der import DerRefused, Reader
from handlers.signing.cms import CONTENT_TYPE, MESSAGE_DIGEST, SHA256, SIGNED_DATA, SIGNING_CERTIFICATE_V2
from handlers.signing.protocol import Stamp, StampRefused, StampsDown

#: Farthest that a token's time may be from this machine's: one of the two clocks is wrong.
FARTHEST = timedelta(seconds=60)
#: Longest token that is taken; with its certificates it must fit into a PDF's hole beside ours.
MOST_BYTES = 6000
#: Most certificates between a source's and the one that we trust.
MOST_ABOVE = 4

_TST_INFO = der.oid("1.2.840.113549.1.9.16.1.4")
_DIGESTS: dict[bytes, hashes.HashAlgorithm] = {
    der.oid("2.16.840.1.101.3.4.2.1"): hashes.SHA256(),
    der.oid("2.16.840.1.101.3.4.2.2"): hashes.SHA384(),
    der.oid("2.16.840.1.101.3.4.2.3"): hashes.SHA512(),
}
_SIGNED_WITH: dict[bytes, hashes.HashAlgorithm | None] = {
    der.oid("1.2.840.10045.4.3.2"): hashes.SHA256(),
    der.oid("1.2.840.10045.4.3.3"): hashes.SHA384(),
    der.oid("1.2.840.10045.4.3.4"): hashes.SHA512(),
    der.oid("1.2.840.113549.1.1.11"): hashes.SHA256(),
    der.oid("1.2.840.113549.1.1.12"): hashes.SHA384(),
    der.oid("1.2.840.113549.1.1.13"): hashes.SHA512(),
    der.oid("1.2.840.113549.1.1.1"): None,  # RSA with the digest that is named beside it
}
#: Smallest RSA key whose signature counts, in bits.
_SMALLEST_RSA = 2048


@dataclass(frozen=True)
class Rules:
    """Whose tokens count.

    :param anchors: certificates that are trusted, as DER.
    :param policies: under which tokens must stand, dotted; empty: under any.
    """

    anchors: frozenset[bytes]
    policies: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Signer:
    """What a token's one signer said."""

    digest: hashes.HashAlgorithm
    #: Signed attributes by type, each the contents of its SET; and all of them as they were signed.
    attributes: Mapping[bytes, bytes]
    signed: bytes
    algorithm: bytes
    signature: bytes


def fetch(timestamps: Timestamps, digest: bytes) -> Stamp:
    """Have a SHA-256 digest dated, or raise StampsDown; the token is not judged yet."""
    nonce = secrets.randbits(64) | 1
    try:
        answer = timestamps.answer(timestamp_request(digest, nonce))
    except (CertificateFault, OSError) as down:
        raise StampsDown(f"the timestamp source: {type(down).__name__}") from down
    try:
        body = Reader(answer).inside()
        status = body.inside().integer()
        if status not in (0, 1):
            raise StampsDown(f"the timestamp source refuses with status {status}")
        return Stamp(body.whole(der.SEQUENCE), nonce)
    except DerRefused as malformed:
        raise StampsDown("the timestamp source answers with something else") from malformed


def check(stamp: Stamp, digest: bytes, rules: Rules, now: datetime) -> datetime:
    """Return when a digest existed, as a token proves it, or raise StampRefused.

    :param now: real time.
    """
    if len(stamp.token) > MOST_BYTES:
        raise StampRefused("stamp_too_long")
    try:
        info, certificates, signer = _read(stamp.token)
        policy, imprint, at, nonce = _info(info)
        _signed(info, certificates, signer)
        source = _source(certificates, signer)
    except (DerRefused, ValueError, TypeError, UnsupportedAlgorithm) as malformed:
        raise StampRefused("stamp_malformed") from malformed
    if not hmac.compare_digest(imprint, der.sequence(SHA256, der.octets(digest))):
        raise StampRefused("stamp_imprint")
    if nonce != stamp.nonce:
        raise StampRefused("stamp_nonce")
    if rules.policies and policy not in {der.oid(known) for known in rules.policies}:
        raise StampRefused("stamp_policy")
    _trust(source, certificates, rules.anchors, at)
    if abs(at - now) > FARTHEST:
        raise StampRefused("stamp_time")
    return at


def source_of(token: bytes) -> bytes:
    """Return the certificate of a token's source, or raise DerRefused."""
    _, certificates, signer = _read(token)
    return _source(certificates, signer)


def _read(token: bytes) -> tuple[bytes, list[bytes], _Signer]:
    whole = Reader(token)
    outer = whole.inside()
    whole.end()
    _expect(outer.whole(der.OID), SIGNED_DATA)
    data = outer.inside(0xA0).inside()
    data.integer()
    data.take(der.SET)
    contents = data.inside()
    _expect(contents.whole(der.OID), _TST_INFO)
    info = contents.inside(0xA0).take(der.OCTETS)
    certificates = []
    if data.peek() == 0xA0:
        along = data.inside(0xA0)
        while along.peek() == der.SEQUENCE:
            certificates.append(along.whole(der.SEQUENCE))
    if data.peek() == 0xA1:
        data.take(0xA1)
    signers = data.inside(der.SET)
    signer = _signer(signers.inside())
    signers.end()
    data.end()
    return info, certificates, signer


def _signer(body: Reader) -> _Signer:
    body.integer()
    # Which certificate signed is taken from the signed attribute, not from here.
    body.take(0x80 if body.peek() == 0x80 else der.SEQUENCE)
    digest = _DIGESTS.get(body.inside().whole(der.OID))
    if digest is None:
        raise DerRefused("a digest that proves nothing")
    signed = body.whole(0xA0)
    attributes: dict[bytes, bytes] = {}
    each = Reader(signed).inside(0xA0)
    while each.peek() is not None:
        one = each.inside()
        name = one.whole(der.OID)
        if name in attributes:
            raise DerRefused("an attribute stands there twice")
        attributes[name] = one.take(der.SET)
        one.end()
    algorithm = body.inside().whole(der.OID)
    signature = body.take(der.OCTETS)
    return _Signer(digest, attributes, b"\x31" + signed[1:], algorithm, signature)


def _info(info: bytes) -> tuple[bytes, bytes, datetime, int | None]:
    whole = Reader(info)
    body = whole.inside()
    whole.end()
    if body.integer() != 1:
        raise DerRefused("another version")
    policy = body.whole(der.OID)
    imprint = body.inside()
    algorithm = imprint.inside().whole(der.OID)
    # A NULL beside the algorithm means the same as none.
    plain = der.sequence(der.sequence(algorithm), imprint.whole(der.OCTETS))
    imprint.end()
    body.integer()
    at = _moment(body.take(der.TIME))
    if body.peek() == der.SEQUENCE:
        body.take(der.SEQUENCE)  # the accuracy
    if body.peek() == der.BOOLEAN:
        body.take(der.BOOLEAN)
    nonce = body.integer() if body.peek() == der.INTEGER else None
    return policy, plain, at, nonce


def _moment(content: bytes) -> datetime:
    text = content.decode("ascii")
    seconds, _, fraction = text.removesuffix("Z").partition(".")
    if not text.endswith("Z") or not seconds.isdigit() or len(seconds) != 14 or len(fraction) > 9:
        raise DerRefused("a time is not written as DER wants")
    at = datetime.strptime(seconds, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    return at + timedelta(seconds=float(f"0.{fraction}")) if fraction else at


def _signed(info: bytes, certificates: Sequence[bytes], signer: _Signer) -> None:
    """Return only if the one signer signed just this."""
    _expect(signer.attributes.get(CONTENT_TYPE, b""), _TST_INFO)
    summed = hashes.Hash(signer.digest)
    summed.update(info)
    _expect(signer.attributes.get(MESSAGE_DIGEST, b""), der.octets(summed.finalize()))
    if signer.algorithm not in _SIGNED_WITH:
        raise DerRefused("a signature that proves nothing")
    digest = _SIGNED_WITH[signer.algorithm] or signer.digest
    key = x509.load_der_x509_certificate(_source(certificates, signer)).public_key()
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signer.signature, signer.signed, ec.ECDSA(digest))
        elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= _SMALLEST_RSA:
            key.verify(signer.signature, signer.signed, padding.PKCS1v15(), digest)
        else:
            raise DerRefused("a kind of key that proves nothing")
    except InvalidSignature:
        raise StampRefused("stamp_signature") from None


def _source(certificates: Sequence[bytes], signer: _Signer) -> bytes:
    """Return the certificate which the signer says is its own, by hash (RFC 5816)."""
    names = signer.attributes.get(SIGNING_CERTIFICATE_V2)
    if names is None:
        raise DerRefused("the token is bound to no certificate")
    first = Reader(names).inside().inside().inside()
    digest: hashes.HashAlgorithm | None = hashes.SHA256()
    if first.peek() == der.SEQUENCE:
        digest = _DIGESTS.get(first.inside().whole(der.OID))
    wanted = first.take(der.OCTETS)
    if digest is not None:
        for one in certificates:
            summed = hashes.Hash(digest)
            summed.update(one)
            if hmac.compare_digest(summed.finalize(), wanted):
                return one
    raise DerRefused("the token's certificate is not there")


def _trust(source: bytes, certificates: Sequence[bytes], anchors: frozenset[bytes], at: datetime) -> None:
    if not _for_dating(source):
        raise StampRefused("stamp_purpose")
    chain = _chain(source, tuple(sorted(certificates)), anchors)
    if chain is None:
        raise StampRefused("stamp_source")
    if not all(begin <= at <= end for begin, end in chain):
        raise StampRefused("stamp_source_over")


@lru_cache(maxsize=16)
def _for_dating(source: bytes) -> bool:
    """Whether a certificate is for timestamps and nothing else (RFC 3161 §2.3)."""
    extensions = x509.load_der_x509_certificate(source).extensions
    try:
        purposes = extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return purposes.critical and list(purposes.value) == [ExtendedKeyUsageOID.TIME_STAMPING]


@lru_cache(maxsize=16)
def _chain(
    source: bytes, certificates: tuple[bytes, ...], anchors: frozenset[bytes]
) -> list[tuple[datetime, datetime]] | None:
    """Return when each certificate from the source up to one we trust is valid, or None."""
    known = [x509.load_der_x509_certificate(one) for one in certificates]
    trusted = [x509.load_der_x509_certificate(one) for one in sorted(anchors)]
    below = x509.load_der_x509_certificate(source)
    spans = []
    for _ in range(MOST_ABOVE + 1):
        spans.append((below.not_valid_before_utc, below.not_valid_after_utc))
        top = next((one for one in trusted if one == below or _signs(one, below)), None)
        if top is not None:
            return [*spans, (top.not_valid_before_utc, top.not_valid_after_utc)]
        above = next((one for one in known if one != below and _signs(one, below)), None)
        if above is None:
            return None
        below = above
    return None


def _signs(above: x509.Certificate, below: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
        return above.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False


def _expect(found: bytes, wanted: bytes) -> None:
    if found != wanted:
        raise DerRefused("something else stands there")


def imprint(signature: bytes) -> bytes:
    """Return what a timestamp over a signature dates."""
    return sha256(signature).digest()
