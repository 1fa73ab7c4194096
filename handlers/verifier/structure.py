"""A file's revisions, each byte of them explained.

Read from the end by the chain of cross-reference sections; every revision must consist of the objects that
its section lists, one after the other, and of nothing else: what no section names cannot lie in the file.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Any

from handlers.verifier.objects import Parser, Ref, Stream
from handlers.verifier.words import Refused

#: Largest file that is looked at, in bytes.
LARGEST = 20 * 1024 * 1024
#: An agreement, signed, sealed, with evidence, dated: four revisions, or three.
MOST_REVISIONS = 6
MOST_OBJECTS = 20_000
#: What compressed tables and objects may unfold to, all together, in bytes.
MOST_UNFOLDED = 32 * 1024 * 1024

_HEADER = re.compile(rb"%PDF-(?:1\.[4-7]|2\.0)\r?\n%[\x80-\xff]{4,16}\r?\n")
_FOOTER = re.compile(rb"[\x00\t\n\x0c\r ]*startxref\r?\n(0|[1-9][0-9]{0,9})\r?\n%%EOF")
_EOL = re.compile(rb"\r?\n")
_SECTION = re.compile(rb"(0|[1-9][0-9]{0,7}) (0|[1-9][0-9]{0,7})[ ]?\r?\n")
_ENTRY = re.compile(rb"([0-9]{10}) ([0-9]{5}) ([nf])(?: \n| \r|\r\n)")
_TRAILER_KEYS = frozenset({"Size", "Root", "Info", "ID", "Prev"})
_TABLE_KEYS = frozenset({"Type", "W", "Index", "Length", "Filter", "DecodeParms"})


@dataclass(frozen=True)
class Revision:
    """One revision: what it adds to those before it."""

    #: Values by object number.
    objects: dict[int, Any]
    #: Objects that the writer needs for itself: object streams and the cross-reference stream.
    containers: frozenset[int]
    trailer: dict[str, Any]
    start: int
    #: Just after its %%EOF.
    end: int
    #: The same with the end of that line, where there is one.
    line_end: int


@dataclass(frozen=True)
class _Table:
    places: dict[int, int]
    packed: dict[int, tuple[int, int]]
    trailer: dict[str, Any]
    #: Where the section begins.
    at: int
    own: int | None
    end: int
    line_end: int


class File:
    """A file, read.

    :raises Refused: it is not built as ours are.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.names: set[str] = set()
        self._parser = Parser(data, self.names)
        self._unfolded = 0
        self._check_ends()
        tables = self._tables()
        self.revisions: list[Revision] = []
        begun = self._header_end
        for table in reversed(tables):
            self.revisions.append(self._revision(table, begun))
            begun = table.end

    def _check_ends(self) -> None:
        if len(self.data) > LARGEST:
            raise Refused("too_large")
        if not self.data.startswith(b"%PDF-"):
            raise Refused("not_pdf")
        head = _HEADER.match(self.data)
        if head is None:
            raise Refused("structure", "its first lines")
        self._header_end = head.end()
        tail = self.data.rfind(b"%%EOF")
        if tail < 0:
            raise Refused("cut_short")
        if self.data[tail + 5 :] not in (b"", b"\n", b"\r\n"):
            raise Refused("after_end" if b"startxref" in self.data[max(0, tail - 64) : tail] else "cut_short")

    def _tables(self) -> list[_Table]:
        """Return the sections, the last first; each begins before the one that names it, so none returns."""
        found = self.data.rfind(b"startxref")
        footer = _FOOTER.match(self.data, found) if found >= 0 else None
        if footer is None:
            raise Refused("cut_short", "no startxref at the end")
        tables = [self._table(int(footer[1]), len(self.data))]
        if tables[0].line_end != len(self.data):
            raise Refused("structure", "the last section is not at the end")
        while (previous := tables[-1].trailer.get("Prev")) is not None:
            if type(previous) is not int or not 0 < previous < tables[-1].at:
                raise Refused("structure", "a previous section that is not before")
            if len(tables) >= MOST_REVISIONS:
                raise Refused("added", "too many revisions")
            tables.append(self._table(previous, tables[-1].at))
        return tables

    def _table(self, at: int, limit: int) -> _Table:
        read = self._plain_table if self.data.startswith(b"xref", at) else self._stream_table
        places, packed, trailer, own, end = read(at)
        if "Encrypt" in trailer:
            raise Refused("encrypted")
        if trailer.keys() - _TRAILER_KEYS or not isinstance(trailer.get("Root"), Ref):
            raise Refused("structure", "a trailer with more, or less")
        footer = _FOOTER.match(self.data, end)
        if footer is None or int(footer[1]) != at or footer.end() > limit:
            raise Refused("structure", "a section that does not name itself")
        line = _EOL.match(self.data, footer.end())
        return _Table(places, packed, trailer, at, own, footer.end(), line.end() if line else footer.end())

    def _plain_table(
        self, at: int
    ) -> tuple[dict[int, int], dict[int, tuple[int, int]], dict[str, Any], int | None, int]:
        places: dict[int, int] = {}
        begun = _EOL.match(self.data, at + 4)
        at = begun.end() if begun else at + 4
        while head := _SECTION.match(self.data, at):
            at = head.end()
            first, count = int(head[1]), int(head[2])
            if count > MOST_OBJECTS:
                raise Refused("structure", "too many objects")
            for number in range(first, first + count):
                entry = _ENTRY.match(self.data, at)
                if entry is None or number in places:
                    raise Refused("structure", f"a broken table at {at}")
                at = entry.end()
                if entry[3] == b"n" and number and entry[2] == b"00000":
                    places[number] = int(entry[1])
                elif number or entry[3] != b"f":
                    raise Refused("replaced", f"object {number} is struck out")
        if not self.data.startswith(b"trailer", at):
            raise Refused("structure", "a table without trailer")
        trailer, end = self._parser.value(at + 7)
        if not isinstance(trailer, dict):
            raise Refused("structure", "a table without trailer")
        return places, {}, trailer, None, end

    def _stream_table(
        self, at: int
    ) -> tuple[dict[int, int], dict[int, tuple[int, int]], dict[str, Any], int | None, int]:
        own, stream, end = self._parser.indirect(at)
        if not isinstance(stream, Stream) or stream.entries.get("Type") != "XRef":
            raise Refused("structure", "no section where one should be")
        entries, rows = stream.entries, self.unfold(stream)
        widths, size = entries.get("W"), entries.get("Size")
        if not (isinstance(widths, list) and len(widths) == 3 and type(size) is int):
            raise Refused("structure", "a broken section")
        if not all(type(width) is int and 0 <= width <= 8 for width in widths) or widths[0] > 1:
            raise Refused("structure", "a broken section")
        index = entries.get("Index", [0, size])
        if not isinstance(index, list) or not all(type(n) is int and 0 <= n < 10**8 for n in index):
            raise Refused("structure", "a broken section")
        numbers: list[int] = []
        for first, count in zip(index[::2], index[1::2], strict=True):
            if count > MOST_OBJECTS:
                raise Refused("structure", "too many objects")
            numbers.extend(range(first, first + count))
        width = sum(widths)
        if len(rows) != width * len(numbers) or len(set(numbers)) != len(numbers):
            raise Refused("structure", "a section of another length")
        places, packed = self._rows(rows, widths, numbers)
        if places.pop(own, at) != at:
            raise Refused("structure", "a section that lies about itself")
        return places, packed, {k: v for k, v in entries.items() if k not in _TABLE_KEYS}, own, end

    def _rows(
        self, rows: bytes, widths: list[int], numbers: list[int]
    ) -> tuple[dict[int, int], dict[int, tuple[int, int]]]:
        places: dict[int, int] = {}
        packed: dict[int, tuple[int, int]] = {}
        one, two, width = widths[0], widths[0] + widths[1], sum(widths)
        for row, number in enumerate(numbers):
            line = rows[row * width : (row + 1) * width]
            kind = line[0] if one else 1
            middle, last = int.from_bytes(line[one:two], "big"), int.from_bytes(line[two:], "big")
            if kind == 1 and last == 0 and number:
                places[number] = middle
            elif kind == 2 and number:
                packed[number] = (middle, last)
            elif kind or number:
                raise Refused("replaced", f"object {number} is struck out")
        return places, packed

    def _revision(self, table: _Table, begun: int) -> Revision:
        objects: dict[int, Any] = {}
        at = self._parser.space(begun)
        if len(table.places) + len(table.packed) > MOST_OBJECTS:
            raise Refused("structure", "too many objects")
        for number, place in sorted(table.places.items(), key=lambda one: one[1]):
            # Where the last one ends the next begins: there is no room for what the section does not list.
            if place != at:
                raise Refused("hidden", f"something at {at} that is not listed")
            found, objects[number], end = self._parser.indirect(place)
            if found != number:
                raise Refused("structure", f"object {number} is called {found}")
            at = self._parser.space(end)
        if at != table.at:
            raise Refused("hidden", f"something at {at} that is not listed")
        containers = {table.own} if table.own is not None else set()
        for container in sorted({where for where, _ in table.packed.values()}):
            containers.add(container)
            objects |= self._unpack(container, objects.get(container), table)
        if len(objects) < len(table.packed):
            raise Refused("structure", "objects in two places")
        listed = {
            number
            for number, one in objects.items()
            if isinstance(one, Stream) and one.entries.get("Type") in ("ObjStm", "XRef")
        }
        if listed - containers:
            raise Refused("hidden", "an object stream that nobody uses")
        return Revision(
            {number: one for number, one in objects.items() if number not in containers},
            frozenset(containers),
            table.trailer,
            begun,
            table.end,
            table.line_end,
        )

    def _unpack(self, container: int, stream: Any, table: _Table) -> dict[int, Any]:
        """Read an object stream, which must hold what the section says, in this order, and nothing else."""
        if not isinstance(stream, Stream) or stream.entries.get("Type") != "ObjStm":
            raise Refused("structure", "objects in what is no object stream")
        wanted = sorted(
            (index, number) for number, (where, index) in table.packed.items() if where == container
        )
        count, first = stream.entries.get("N"), stream.entries.get("First")
        if "Extends" in stream.entries or count != len(wanted) or type(first) is not int:
            raise Refused("hidden", "an object stream with more than is listed")
        text = self.unfold(stream)
        told = text[:first].split()
        if len(told) != 2 * len(wanted) or not all(piece.isdigit() for piece in told):
            raise Refused("structure", "a broken object stream")
        parser, objects = Parser(text, self.names), {}
        parser.tokens = self._parser.tokens
        at = parser.space(first)
        for place, (index, number) in enumerate(wanted):
            if index != place or int(told[2 * place]) != number or number in table.places:
                raise Refused("structure", "a broken object stream")
            if first + int(told[2 * place + 1]) != at:
                raise Refused("hidden", "something in an object stream that is not listed")
            objects[number], at = parser.value(at)
            at = parser.space(at)
        if at != len(text):
            raise Refused("hidden", "something in an object stream that is not listed")
        self._parser.tokens = parser.tokens
        return objects

    def unfold(self, stream: Stream) -> bytes:
        """Return the bytes of a stream that is plain or deflated, within limits."""
        raw = self.data[stream.start : stream.end]
        how = stream.entries.get("Filter")
        if isinstance(how, list) and len(how) <= 1:
            how = how[0] if how else None
        parameters = stream.entries.get("DecodeParms")
        if parameters not in (None, {}, [], [None]):
            raise Refused("structure", "a predictor")
        return self._inflated(raw, how)

    def _inflated(self, raw: bytes, how: Any) -> bytes:
        if how is None:
            return raw
        if how != "FlateDecode":
            raise Refused("structure", "an unusual filter")
        unfolding = zlib.decompressobj()
        left = MOST_UNFOLDED - self._unfolded
        try:
            out = unfolding.decompress(raw, left + 1)
        except zlib.error as broken:
            raise Refused("structure", "a broken stream") from broken
        self._unfolded += len(out)
        if self._unfolded > MOST_UNFOLDED:
            raise Refused("too_much", "it unfolds to too much")
        if not unfolding.eof or unfolding.unused_data.strip(b"\r\n"):
            raise Refused("structure", "a broken stream")
        return out
