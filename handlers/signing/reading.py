"""Reading our own signed files again: what stands in their holes."""

import re

from handlers.certificates import der
from handlers.certificates.der import Reader

_RANGE = re.compile(rb"/ByteRange *\[0 ([0-9]+) ([0-9]+) [0-9]+ *\]")


def contents(pdf: bytes, start: int, end: int) -> bytes:
    """Return the DER in a filled hole, without the zeros after it."""
    raw = bytes.fromhex(pdf[start + 1 : end - 1].decode())
    return Reader(raw).whole(der.SEQUENCE)


def token(container: bytes) -> bytes:
    """Return the timestamp token in a CMS signature, or raise DerRefused."""
    signer = _signer(container)
    signer.take(der.OCTETS)
    stamped = signer.inside(0xA1).inside()
    stamped.take(der.OID)
    return stamped.inside(der.SET).whole(der.SEQUENCE)


def value(container: bytes) -> bytes:
    """Return the signature itself in a CMS signature, or raise DerRefused."""
    return _signer(container).take(der.OCTETS)


def holes(pdf: bytes) -> list[tuple[int, int]]:
    """Return where the holes of a PDF's signatures begin and end, in the order they were signed."""
    return sorted((int(start), int(end)) for start, end in _RANGE.findall(pdf))


def _signer(container: bytes) -> Reader:
    """Return a reader that stands before the signature itself."""
    outer = Reader(container).inside()
    outer.take(der.OID)
    data = outer.inside(0xA0).inside()
    for tag in (der.INTEGER, der.SET, der.SEQUENCE, 0xA0):
        data.take(tag)
    signer = data.inside(der.SET).inside()
    for tag in (der.INTEGER, der.SEQUENCE, der.SEQUENCE, 0xA0, der.SEQUENCE):
        signer.take(tag)
    return signer
