"""Timestamps (RFC 3161): our own unit says that a digest existed at a moment of real time.

Requests are read and tokens written by hand: a tenth of what generic ASN.1 libraries take. A request that
is not in order is refused with the failure the standard has for it; a doubted clock dates nothing.
"""

import secrets
import time
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from engine.store import Database, Keyring
from handlers.certificates import der
from handlers.certificates.der import DerRefused, Reader
from handlers.certificates.pkcs11 import Module
from handlers.certificates.profiles import Company
from handlers.certificates.protocol import AuthorityDown, ClockDoubted, NoAuthority
from handlers.certificates.realtime import RealTime
from handlers.certificates.units import Unit, Units

#: Largest request that is looked at, in bytes; usual ones have about 70.
MOST_BYTES = 4096
#: RFC 3161 leaves the size of a nonce open; nobody needs more bytes than this.
LONGEST_NONCE = 32
#: How exact a date is, in seconds.
ACCURACY = 1
#: Seconds for which a process goes on with the unit it knows.
_KNOWN_FOR = 60

_SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
#: Digests that are dated, with their lengths in bytes; SHA-1 and MD5 prove nothing any more.
DIGESTS = {
    der.oid("2.16.840.1.101.3.4.2.1"): 32,
    der.oid("2.16.840.1.101.3.4.2.2"): 48,
    der.oid("2.16.840.1.101.3.4.2.3"): 64,
}

_TST_INFO = der.oid("1.2.840.113549.1.9.16.1.4")
_SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
_CONTENT_TYPE = der.oid("1.2.840.113549.1.9.3")
_MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.4")
_SIGNING_CERTIFICATE_V2 = der.oid("1.2.840.113549.1.9.16.2.47")
_ECDSA_SHA256 = der.sequence(der.oid("1.2.840.10045.4.3.2"))

_GRANTED, _REJECTION = 0, 2
_BAD_ALGORITHM, _BAD_REQUEST, _BAD_FORMAT = 0, 2, 5
_NO_TIME, _BAD_POLICY, _BAD_EXTENSION, _FAILURE = 14, 15, 16, 25


class _Rejected(Exception):
    """A request gets no token.

    :param failure: bit of PKIFailureInfo.
    """

    def __init__(self, failure: int) -> None:
        super().__init__(failure)
        self.failure = failure


@dataclass(frozen=True)
class _Asked:
    imprint: bytes
    nonce: int | None
    with_certificate: bool


class EmbeddedTimestamps:
    """Our own unit; answers without the caller's session, so that it could as well stand elsewhere.

    :param now: real time; the clock of a demonstration must not be given here.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        company: Company,
        now: RealTime | None = None,
        module: Module | None = None,
    ) -> None:
        self._database = database
        self._units = Units(keyring, module)
        self._policy = der.oid(company.timestamp_policy)
        self._now = now or RealTime()
        self._known: tuple[float, Unit, bytes] | None = None

    def answer(self, request: bytes) -> bytes:
        """Answer a TimeStampReq; see ``protocol.Timestamps``."""
        try:
            asked = _read(request, self._policy)
            unit, attribute = self._unit()
            now = self._now()
            if not unit.certificate.not_valid_before_utc <= now <= unit.certificate.not_valid_after_utc:
                raise _Rejected(_NO_TIME)
        except DerRefused:
            return _refusal(_BAD_FORMAT)
        except _Rejected as rejected:
            return _refusal(rejected.failure)
        except ClockDoubted:
            return _refusal(_NO_TIME)
        except NoAuthority:
            return _refusal(_FAILURE)
        try:
            token = _token(unit, attribute, self._policy, asked, now)
        except (NoAuthority, AuthorityDown):  # the key is in a module that is not there, or does not work
            return _refusal(_FAILURE)
        return der.sequence(der.sequence(der.integer(_GRANTED)), token)

    def _unit(self) -> tuple[Unit, bytes]:
        """Return the unit, looked up anew now and then, with the attribute that names its certificate."""
        moment = time.monotonic()
        if self._known is None or moment - self._known[0] > _KNOWN_FOR:
            with self._database.reading() as session:
                unit = self._units.active(session, "tsa")
            self._known = (moment, unit, _signing_certificate(unit.certificate, unit.der))
        return self._known[1:]


def ask(digest: bytes, nonce: int, *, with_certificate: bool = True) -> bytes:
    """Return a TimeStampReq for a SHA-256 digest."""
    certificate = (der.true(),) if with_certificate else ()
    imprint = der.sequence(_SHA256, der.octets(digest))
    return der.sequence(der.integer(1), imprint, der.integer(nonce), *certificate)


def _read(request: bytes, policy: bytes) -> _Asked:
    if len(request) > MOST_BYTES:
        raise _Rejected(_BAD_REQUEST)
    outer = Reader(request)
    body = outer.inside()
    outer.end()
    if body.integer() != 1:
        raise _Rejected(_BAD_REQUEST)
    imprint = body.whole(der.SEQUENCE)
    _check_imprint(Reader(imprint).inside())
    if body.peek() == der.OID and body.whole(der.OID) != policy:
        raise _Rejected(_BAD_POLICY)
    nonce = body.integer() if body.peek() == der.INTEGER else None
    if nonce is not None and nonce.bit_length() > LONGEST_NONCE * 8:
        raise _Rejected(_BAD_REQUEST)
    with_certificate = False
    if body.peek() == der.BOOLEAN:
        # RFC 3161 lets false be left out; written out it is not DER, but common.
        wanted = body.take(der.BOOLEAN)
        if wanted not in (b"\0", b"\xff"):
            raise DerRefused("a boolean is neither true nor false")
        with_certificate = wanted == b"\xff"
    if body.peek() == 0xA0:
        raise _Rejected(_BAD_EXTENSION)
    body.end()
    return _Asked(imprint, nonce, with_certificate)


def _check_imprint(imprint: Reader) -> None:
    algorithm = imprint.inside()
    digest = imprint.take(der.OCTETS)
    imprint.end()
    length = DIGESTS.get(algorithm.whole(der.OID))
    if algorithm.peek() == der.NULL:
        algorithm.take(der.NULL)
    algorithm.end()
    if length is None:
        raise _Rejected(_BAD_ALGORITHM)
    if len(digest) != length:
        raise _Rejected(_BAD_FORMAT)


def _token(unit: Unit, attribute: bytes, policy: bytes, asked: _Asked, now: datetime) -> bytes:
    info = der.sequence(
        der.integer(1),
        policy,
        asked.imprint,
        der.integer(secrets.randbits(159)),
        der.time(now),
        der.sequence(der.integer(ACCURACY)),
        *([der.integer(asked.nonce)] if asked.nonce is not None else []),
    )
    attributes = (
        der.sequence(_CONTENT_TYPE, der.tlv(der.SET, _TST_INFO)),
        der.sequence(_MESSAGE_DIGEST, der.tlv(der.SET, der.octets(sha256(info).digest()))),
        attribute,
    )
    signed = der.set_of(attributes)  # what is signed is the SET; what is sent, [0] IMPLICIT
    signer = der.sequence(
        der.integer(1),
        _issuer_and_serial(unit.certificate),
        _SHA256,
        b"\xa0" + signed[1:],
        _ECDSA_SHA256,
        der.octets(unit.signing_key().sign(signed, ec.ECDSA(SHA256()))),
    )
    data = der.sequence(
        der.integer(3),
        der.tlv(der.SET, _SHA256),
        der.sequence(_TST_INFO, der.explicit(0, der.octets(info))),
        *([der.explicit(0, unit.der)] if asked.with_certificate else []),
        der.tlv(der.SET, signer),
    )
    return der.sequence(_SIGNED_DATA, der.explicit(0, data))


def _signing_certificate(certificate: x509.Certificate, encoded: bytes) -> bytes:
    """Return the attribute that binds a token to the unit's certificate (RFC 5816, ESSCertIDv2)."""
    name = der.sequence(der.explicit(4, certificate.issuer.public_bytes()))
    which = der.sequence(name, der.integer(certificate.serial_number))
    # SHA-256 is the default and therefore not written.
    bound = der.sequence(der.sequence(der.sequence(der.octets(sha256(encoded).digest()), which)))
    return der.sequence(_SIGNING_CERTIFICATE_V2, der.tlv(der.SET, bound))


def _issuer_and_serial(certificate: x509.Certificate) -> bytes:
    return der.sequence(certificate.issuer.public_bytes(), der.integer(certificate.serial_number))


def unable() -> bytes:
    """Return the answer of a service that cannot date for the moment."""
    return _refusal(_FAILURE)


def no_time() -> bytes:
    """Return the answer of a service that cannot tell the time."""
    return _refusal(_NO_TIME)


def _refusal(failure: int) -> bytes:
    """Return a TimeStampResp without a token; the failure is a bit of its number, the rest unused."""
    content = bytearray(failure // 8 + 1)
    content[-1] = 0x80 >> failure % 8
    reason = der.tlv(der.BITS, bytes([7 - failure % 8]), bytes(content))
    return der.sequence(der.sequence(der.integer(_REJECTION), reason))
