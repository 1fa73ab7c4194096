"""CMS signatures of PAdES (ETSI EN 319 142-1), by hand: a tenth of what generic ASN.1 libraries take.

The attributes are what a customer's key signs, and the customer's browser builds them too: same bytes.
The container is what stands in a PDF's hole. Bytes in, bytes out: no file, no key.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256

from handlers.certificates import der
from handlers.certificates.der import Reader

SIGNED_DATA = der.oid("1.2.840.113549.1.7.2")
CONTENT_TYPE = der.oid("1.2.840.113549.1.9.3")
MESSAGE_DIGEST = der.oid("1.2.840.113549.1.9.4")
SIGNING_CERTIFICATE_V2 = der.oid("1.2.840.113549.1.9.16.2.47")
SHA256 = der.sequence(der.oid("2.16.840.1.101.3.4.2.1"))
ECDSA_SHA256 = der.sequence(der.oid("1.2.840.10045.4.3.2"))
_DATA = der.oid("1.2.840.113549.1.7.1")
_TIMESTAMP_TOKEN = der.oid("1.2.840.113549.1.9.16.2.14")
_IS_DATA = der.sequence(CONTENT_TYPE, der.tlv(der.SET, _DATA))


class HoleTooSmall(ValueError):
    """What should go into a PDF's hole does not fit."""


def attributes(digest: bytes, certificate: bytes) -> bytes:
    """Return the signed attributes as a DER SET OF, as they are signed: what, by which certificate.

    :param digest: SHA-256 of everything but the hole.
    :param certificate: the signer's, as DER.
    """
    is_about = der.sequence(MESSAGE_DIGEST, der.tlv(der.SET, der.octets(digest)))
    return der.set_of((_IS_DATA, is_about, _known(certificate)[0]))


def container(
    certificate: bytes,
    above: Iterable[bytes],
    signed: bytes,
    signature: bytes,
    token: bytes | None = None,
) -> bytes:
    """Return the whole CMS signature.

    :param above: further certificates that go along, as DER.
    :param signed: what :func:`attributes` returned.
    :param signature: an ECDSA signature with SHA-256, as DER.
    :param token: a timestamp over ``signature``; goes along unsigned.
    """
    unsigned = []
    if token is not None:
        stamped = der.sequence(_TIMESTAMP_TOKEN, der.tlv(der.SET, token))
        unsigned.append(der.explicit(1, stamped))
    signer = der.sequence(
        der.integer(1),
        _known(certificate)[1],
        SHA256,
        b"\xa0" + signed[1:],  # what is signed is the SET; what is sent, [0] IMPLICIT
        ECDSA_SHA256,
        der.octets(signature),
        *unsigned,
    )
    data = der.sequence(
        der.integer(1),
        der.tlv(der.SET, SHA256),
        der.sequence(_DATA),
        der.explicit(0, *sorted({certificate, *above})),
        der.tlv(der.SET, signer),
    )
    return der.sequence(SIGNED_DATA, der.explicit(0, data))


def fill(pdf: bytes, start: int, end: int, content: bytes) -> bytes:
    """Return ``pdf`` with ``content`` in its hole; the rest of the hole stays zeros.

    :param start: where the hole's ``<`` stands; ``end``: the first byte after its ``>``.
    :raises HoleTooSmall: there is no such hole, or the content is longer.
    """
    room = end - start - 2
    if room < 2 * len(content) or pdf[start : start + 1] != b"<" or pdf[end - 1 : end] != b">":
        raise HoleTooSmall(f"{2 * len(content)} digits for a hole of {room}")
    return b"".join((pdf[: start + 1], content.hex().encode().ljust(room, b"0"), pdf[end - 1 :]))


@lru_cache(maxsize=256)
def _known(certificate: bytes) -> tuple[bytes, bytes]:
    """Return the attribute that binds a signature to a certificate, and how CMS names the certificate."""
    body = Reader(certificate).inside().inside()
    if body.peek() == 0xA0:
        body.take(0xA0)  # the version
    serial = body.whole(der.INTEGER)
    body.take(der.SEQUENCE)  # the algorithm
    issuer = body.whole(der.SEQUENCE)
    which = der.sequence(der.sequence(der.explicit(4, issuer)), serial)
    # SHA-256 is the default of ESSCertIDv2 and therefore not written.
    bound = der.sequence(der.sequence(der.sequence(der.octets(sha256(certificate).digest()), which)))
    return der.sequence(SIGNING_CERTIFICATE_V2, der.tlv(der.SET, bound)), der.sequence(issuer, serial)
