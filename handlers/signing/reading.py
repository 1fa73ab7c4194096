"""Reading our own CMS signatures again: the timestamp that one carries."""

from handlers.certificates import der
from handlers.certificates.der import Reader


def contents(pdf: bytes, start: int, end: int) -> bytes:
    """Return the DER in a filled hole, without the zeros after it."""
    raw = bytes.fromhex(pdf[start + 1 : end - 1].decode())
    return Reader(raw).whole(der.SEQUENCE)


def token(container: bytes) -> bytes:
    """Return the timestamp token in a CMS signature, or raise DerRefused."""
    outer = Reader(container).inside()
    outer.take(der.OID)
    data = outer.inside(0xA0).inside()
    for tag in (der.INTEGER, der.SET, der.SEQUENCE, 0xA0):
        data.take(tag)
    signer = data.inside(der.SET).inside()
    for tag in (der.INTEGER, der.SEQUENCE, der.SEQUENCE, 0xA0, der.SEQUENCE, der.OCTETS):
        signer.take(tag)
    stamped = signer.inside(0xA1).inside()
    stamped.take(der.OID)
    return stamped.inside(der.SET).whole(der.SEQUENCE)
