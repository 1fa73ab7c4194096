"""Incremental updates of the PDFs that we write: new objects at the end, everything before as it was.

Made by hand, for files of our own press alone (one first revision with cross-reference streams): a general
writer would write the title and the metadata anew, which nobody may change after a signature.
Whatever looks different is refused, never guessed at. Bytes in, bytes out.
"""

import re
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha256

from handlers.signing.protocol import NotArchived

#: Makes what goes into a hole, of the SHA-256 of everything else.
Fill = Callable[[bytes], bytes]

_END = re.compile(rb"startxref\r?\n([0-9]{1,10})\r?\n%%EOF\r?\n?\Z")
_OBJECT = re.compile(rb"([0-9]{1,8}) 0 obj\s*")
_STREAM = re.compile(rb"([0-9]{1,8}) 0 obj\s*<<((?:[^>]|>(?!>))*)>>\s*stream\r?\n")
_ENTRY = rb"/%b\s*(\[[^\]]*\]|[0-9]+ 0 R|/[A-Za-z0-9]+|[0-9]+)"
_ID = re.compile(rb"/ID\s*\[\s*(\([^()\\]*\)|<[0-9A-Fa-f]*>)\s*(?:\([^()\\]*\)|<[0-9A-Fa-f]*>)\s*\]")
_REFERENCE = re.compile(rb"([0-9]+) 0 R")
#: Widths of the columns of the cross-reference streams that we write.
_KIND, _PLACE, _LAST = 1, 4, 1


class Original:
    """A PDF that is to be updated.

    :raises NotArchived: it is not built like those of our press.
    """

    def __init__(self, pdf: bytes) -> None:
        self.pdf = pdf if pdf.endswith(b"\n") else pdf + b"\n"
        end = _END.search(self.pdf, max(0, len(self.pdf) - 64))
        if end is None:
            raise NotArchived("no end of a PDF")
        self.section = int(end[1])
        #: Where each object is: (its place,) or (its object stream, its number there).
        self._places: dict[int, tuple[int, ...]] = {}
        self._unfolded: dict[int, list[bytes]] = {}
        trailer = self._read(self.section)
        self.size = int(_entry(trailer, b"Size"))
        self.root = _referred(_entry(trailer, b"Root"))
        self.info = _entry(trailer, b"Info")
        known = _ID.search(trailer)
        if known is None:
            raise NotArchived("a PDF without an identity")
        self.identity = known[1]

    def raw(self, number: int) -> bytes:
        """Return an object as it is written, without its frame."""
        place = self._places.get(number)
        if place is None:
            raise NotArchived(f"object {number} is missing")
        if len(place) == 2:
            return self._packed(place[0])[place[1]]
        begun = _OBJECT.match(self.pdf, place[0])
        end = self.pdf.find(b"endobj", place[0])
        if begun is None or int(begun[1]) != number or end < 0:
            raise NotArchived(f"object {number} is not where it should be")
        return self.pdf[begun.end() : end].strip()

    def _read(self, at: int) -> bytes:
        """Read a section and those before it; return the last one's dictionary."""
        head, content = self._stream(at)
        widths = [int(one) for one in _entry(head, b"W").strip(b"[]").split()]
        index = [int(one) for one in _entry(head, b"Index").strip(b"[]").split()]
        numbers = [
            n for begin, many in zip(index[::2], index[1::2], strict=True) for n in range(begin, begin + many)
        ]
        kind, place = widths[0], widths[0] + widths[1]
        if len(content) != sum(widths) * len(numbers):
            raise NotArchived("a section of another length")
        for line, number in enumerate(numbers):
            row = content[line * sum(widths) : (line + 1) * sum(widths)]
            told = int.from_bytes(row[:kind], "big")
            found = int.from_bytes(row[kind:place], "big"), int.from_bytes(row[place:], "big")
            if told and number not in self._places:
                self._places[number] = found[:1] if told == 1 else found
        if b"/Prev" in head:
            before = int(_entry(head, b"Prev"))
            if not 0 < before < at:
                raise NotArchived("a section before that is not before")
            self._read(before)
        return head

    def _packed(self, number: int) -> list[bytes]:
        if number not in self._unfolded:
            head, content = self._stream(self._places[number][0])
            first = int(_entry(head, b"First"))
            places = [int(one) for one in content[:first].split()][1::2]
            ends = [*places[1:], len(content) - first]
            self._unfolded[number] = [
                content[first + begin : first + end].strip() for begin, end in zip(places, ends, strict=True)
            ]
        return self._unfolded[number]

    def _stream(self, at: int) -> tuple[bytes, bytes]:
        found = _STREAM.match(self.pdf, at)
        if found is None:
            raise NotArchived(f"no stream at {at}")
        length = int(_entry(found[2], b"Length"))
        raw = self.pdf[found.end() : found.end() + length]
        try:
            return found[2], zlib.decompress(raw) if b"/FlateDecode" in found[2] else raw
        except zlib.error as broken:
            raise NotArchived(f"a broken stream at {at}") from broken


class Update:
    """What is added to a PDF: objects by number."""

    def __init__(self, original: Original) -> None:
        self.original = original
        self.objects: dict[int, bytes] = {}
        self._next = original.size

    def add(self, content: bytes) -> int:
        """Add an object; return its number."""
        number, self._next = self._next, self._next + 1
        self.objects[number] = content
        return number

    def raw(self, number: int) -> bytes:
        """Return an object as it stands now."""
        return self.objects.get(number) or self.original.raw(number)

    def extend(self, number: int, key: bytes, reference: int) -> None:
        """Add a reference to a list of an object; the list is made when there is none."""
        raw, added = self.raw(number), b"%d 0 R" % reference
        found = re.search(rb"/%b\s*\[([^\]\[]*)\]" % key, raw)
        if found is not None:
            listed = found[1].strip() + b" " + added
            self.objects[number] = raw[: found.start(1)] + listed.strip() + raw[found.end(1) :]
        elif b"/" + key in raw:
            raise NotArchived(f"/{key.decode()} is no plain list")
        else:
            self.enter(number, b"/%b [%b]" % (key, added))

    def enter(self, number: int, entry: bytes) -> None:
        """Add an entry to an object that is a dictionary and has none like it."""
        raw = self.raw(number)
        if not (raw.startswith(b"<<") and raw.endswith(b">>")) or entry.split()[0] in raw:
            raise NotArchived(f"object {number} cannot take an entry")
        self.objects[number] = raw[:-2] + entry + raw[-2:]

    def written(self) -> bytes:
        """Return the whole file."""
        original, parts, places = self.original, [self.original.pdf], {}
        at = len(original.pdf)
        for number, content in sorted(self.objects.items()):
            places[number] = at
            parts.append(b"%d 0 obj\n%b\nendobj\n" % (number, content))
            at += len(parts[-1])
        section, places[self._next] = self._next, at
        rows = b"".join(
            b"\x01" + place.to_bytes(_PLACE, "big") + bytes(_LAST) for _, place in sorted(places.items())
        )
        entries = (
            b"/Type /XRef",
            b"/Index [%b]" % b" ".join(b"%d 1" % number for number in sorted(places)),
            b"/W [%d %d %d]" % (_KIND, _PLACE, _LAST),
            b"/Size %d/Root %d 0 R/Info %b" % (section + 1, original.root, original.info),
            b"/ID [%b <%b>]" % (original.identity, _identity(self.objects)),
            b"/Prev %d/Length %d" % (original.section, len(rows)),
        )
        framed = b"%d 0 obj\n<<%b>>\nstream\n%b\nendstream\nendobj\n"
        parts.append(framed % (section, b"".join(entries), rows))
        parts.append(b"startxref\n%d\n%%%%EOF\n" % at)
        return b"".join(parts)


class Hole:
    """A signature's dictionary with room for what will stand in it.

    :param entries: what it has besides the hole and what the hole leaves out.
    :param digits: room, in hexadecimal digits.
    """

    _RANGE = b"/ByteRange [0 " + b" " * 34 + b"]"

    def __init__(self, entries: bytes, digits: int) -> None:
        self._digits = digits
        self.content = b"<<" + entries + self._RANGE + b"/Contents <" + b"0" * digits + b">>>"

    def filled(self, pdf: bytes, fill: Fill) -> bytes:
        """Return ``pdf``, which has this dictionary once, with its hole filled."""
        at = pdf.rindex(self.content) + self.content.index(self._RANGE)
        start = pdf.index(b"<", at)
        end = start + self._digits + 2
        told = b"/ByteRange [0 %d %d %d" % (start, end, len(pdf) - end)
        head = pdf[:at] + told.ljust(len(self._RANGE) - 1) + b"]" + pdf[at + len(self._RANGE) : start]
        tail = pdf[end:]
        summed = sha256(head)
        summed.update(tail)
        digits = fill(summed.digest()).hex().encode()
        if len(digits) > self._digits:
            raise NotArchived(f"{len(digits)} digits for a hole of {self._digits}")
        return b"".join((head, b"<", digits.ljust(self._digits, b"0"), b">", tail))


def stream(content: bytes) -> bytes:
    """Return a stream object."""
    packed = zlib.compress(content)
    return b"<</Filter /FlateDecode/Length %d>>\nstream\n%b\nendstream" % (len(packed), packed)


def reference_in(raw: bytes, key: bytes) -> int:
    """Return the object to which an entry refers."""
    return _referred(_entry(raw, key))


def first_in(raw: bytes, key: bytes) -> int:
    """Return the first object to which a list refers."""
    found = _REFERENCE.search(_entry(raw, key))
    if found is None:
        raise NotArchived(f"/{key.decode()} is empty")
    return int(found[1])


def _entry(raw: bytes, key: bytes) -> bytes:
    found = re.findall(_ENTRY % key, raw)
    if len(found) != 1:
        raise NotArchived(f"/{key.decode()} stands there {len(found)} times")
    return bytes(found[0])


def _referred(value: bytes) -> int:
    found = _REFERENCE.fullmatch(value)
    if found is None:
        raise NotArchived("a reference was expected")
    return int(found[1])


def _identity(objects: Mapping[int, bytes]) -> bytes:
    summed = sha256()
    for number, content in sorted(objects.items()):
        summed.update(b"%d %d " % (number, len(content)) + content)
    return summed.hexdigest()[:32].encode()
