"""DER, as little of it as revocation lists and timestamps need: what ``cryptography`` does not write.

The writer joins parts that are DER already; the reader takes one value after the other and refuses
every encoding but the shortest. Bytes in, bytes out: it knows no certificate and no key.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

BOOLEAN, INTEGER, BITS, OCTETS, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
ENUMERATED, UTF8, UTC_TIME, TIME, SEQUENCE, SET = 0x0A, 0x0C, 0x17, 0x18, 0x30, 0x31

#: RFC 5280 §4.1.2.5: dates before this year are written with two digits.
_FOUR_DIGITS_FROM = 2050


class DerRefused(ValueError):
    """The bytes are not the DER that was expected."""


def tlv(tag: int, *parts: bytes) -> bytes:
    """Return one value: its tag, its length, and ``parts`` joined."""
    body = b"".join(parts)
    length = len(body)
    if length < 0x80:
        return bytes((tag, length)) + body
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + body


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE of values."""
    return tlv(SEQUENCE, *parts)


def set_of(parts: Iterable[bytes]) -> bytes:
    """Return a SET OF values, in the order that DER wants."""
    return tlv(SET, *sorted(parts))


def explicit(number: int, *parts: bytes) -> bytes:
    """Return ``[number] EXPLICIT`` round the parts; of a SEQUENCE's contents, ``[number] IMPLICIT``."""
    return tlv(0xA0 | number, *parts)


def integer(number: int, tag: int = INTEGER) -> bytes:
    """Return an INTEGER, or with another ``tag`` what is written like one."""
    return tlv(tag, number.to_bytes((number + (number < 0)).bit_length() // 8 + 1, "big", signed=True))


def octets(content: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(OCTETS, content)


def bits(content: bytes) -> bytes:
    """Return a BIT STRING of whole bytes."""
    return tlv(BITS, b"\0", content)


def true() -> bytes:
    """Return the BOOLEAN that is true; DER leaves a default of false out."""
    return b"\x01\x01\xff"


@lru_cache(maxsize=64)
def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER."""
    first, second, *others = (int(arc) for arc in dotted.split("."))
    if first > 2 or (first < 2 and second > 39):
        raise DerRefused(dotted)
    return tlv(OID, *(_base128(arc) for arc in (first * 40 + second, *others)))


def _base128(arc: int) -> bytes:
    out = [arc & 0x7F]
    while arc := arc >> 7:
        out.append(0x80 | arc & 0x7F)
    return bytes(reversed(out))


def time(moment: datetime) -> bytes:
    """Return a GeneralizedTime in UTC, to the millisecond, without the zeros DER forbids."""
    moment = moment.astimezone(UTC)
    fraction = f"{moment.microsecond // 1000:03d}".rstrip("0")
    return tlv(TIME, f"{moment:%Y%m%d%H%M%S}{'.' if fraction else ''}{fraction}Z".encode())


def date(moment: datetime) -> bytes:
    """Return a time as certificates and revocation lists write it, to the second."""
    moment = moment.astimezone(UTC)
    if moment.year < _FOUR_DIGITS_FROM:
        return tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())


class Reader:
    """Takes DER values one after the other.

    :param data: the contents of a SEQUENCE, or a whole encoding.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def peek(self) -> int | None:
        """Return the tag of the next value, or None at the end."""
        return self._data[self._at] if self._at < len(self._data) else None

    def take(self, tag: int) -> bytes:
        """Return the contents of the next value, which must have this tag, or raise DerRefused."""
        if self.peek() != tag:
            raise DerRefused(f"expected tag {tag:#04x} at {self._at}")
        start, length = self._length(self._at + 1)
        if start + length > len(self._data):
            raise DerRefused(f"cut short at {len(self._data)}")
        self._at = start + length
        return self._data[start : self._at]

    def whole(self, tag: int) -> bytes:
        """Return the next value with its tag and length."""
        begun = self._at
        self.take(tag)
        return self._data[begun : self._at]

    def inside(self, tag: int = SEQUENCE) -> "Reader":
        """Return a reader of the contents of the next value."""
        return Reader(self.take(tag))

    def integer(self) -> int:
        """Return the next value, an INTEGER."""
        content = self.take(INTEGER)
        if not content or (
            len(content) > 1 and content[0] in (0, 0xFF) and content[0] >> 7 == content[1] >> 7
        ):
            raise DerRefused("an integer is not written in its shortest form")
        return int.from_bytes(content, "big", signed=True)

    def end(self) -> None:
        """Return only if nothing follows."""
        if self._at != len(self._data):
            raise DerRefused(f"more than expected at {self._at}")

    def _length(self, at: int) -> tuple[int, int]:
        if at >= len(self._data):
            raise DerRefused(f"cut short at {at}")
        first = self._data[at]
        if first < 0x80:
            return at + 1, first
        size = self._data[at + 1 : at + 1 + (first & 0x7F)]
        # Four bytes of length are more than anybody may send.
        if not 0 < first & 0x7F <= 4 or len(size) != first & 0x7F or size[0] == 0:
            raise DerRefused(f"a length is not written as DER wants at {at}")
        length = int.from_bytes(size, "big")
        if length < 0x80:
            raise DerRefused(f"a length is not written in its shortest form at {at}")
        return at + 1 + len(size), length
