"""PDF's objects, read by a parser of our own that refuses whatever our writers do not write.

It reads less than PDF allows: no comments inside a file, no indirect lengths, no generations but 0, names
and strings in their usual forms. Everything read is remembered by name, so that nothing hides in a corner.
"""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from handlers.verifier.words import Refused

#: Arrays and dictionaries inside each other; agreements have six.
DEEPEST = 24
#: Tokens in one file; a large agreement has 60,000.
MOST_TOKENS = 1_000_000

_SPACE = re.compile(rb"[\x00\t\n\x0c\r ]*")
_TOKEN = re.compile(
    rb"[\x00\t\n\x0c\r ]*(?:"
    rb"/(?P<name>[^\x00\t\n\x0c\r ()<>\[\]{}/%]*)"
    rb"|(?P<ref>(?:0|[1-9][0-9]{0,7}) 0 R(?![^\x00\t\n\x0c\r ()<>\[\]{}/%]))"
    rb"|(?P<number>[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?![^\x00\t\n\x0c\r ()<>\[\]{}/%]))"
    rb"|(?P<mark><<|>>|\[|\])"
    rb"|(?P<hex><[0-9A-Fa-f\t\n\r ]*>)"
    rb"|(?P<string>\()"
    rb"|(?P<word>true|false|null)(?![^\x00\t\n\x0c\r ()<>\[\]{}/%])"
    rb")"
)
_HEAD = re.compile(rb"(0|[1-9][0-9]{0,7}) 0 obj(?![^\x00\t\n\x0c\r ()<>\[\]{}/%])")
_STREAM = re.compile(rb"[\x00\t\n\x0c\r ]*stream\r?\n")
_AFTER_STREAM = re.compile(rb"\r?\n?endstream[\x00\t\n\x0c\r ]*endobj")
_END = re.compile(rb"[\x00\t\n\x0c\r ]*endobj")
_STRING = re.compile(rb"[()\\]")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")
_WORDS = {b"true": True, b"false": False, b"null": None}


class Name(str):
    """A name, without its slash and with its escapes undone."""

    __slots__ = ()


class Ref(NamedTuple):
    """A reference to an object of generation 0."""

    number: int


class Hex(bytes):
    """A string written in hexadecimal digits, and where it stands."""

    start: int
    end: int


@dataclass(frozen=True)
class Stream:
    """A stream: its dictionary, and where its bytes are."""

    entries: dict[str, Any]
    start: int
    end: int


class Parser:
    """Reads objects out of one file or one object stream.

    :param names: every name met is added here.
    """

    def __init__(self, data: bytes, names: set[str]) -> None:
        self.data = data
        self.names = names
        self.tokens = 0

    def space(self, at: int) -> int:
        """Return where the white space at ``at`` ends."""
        found = _SPACE.match(self.data, at)
        return found.end() if found else at

    def indirect(self, at: int) -> tuple[int, Any, int]:
        """Read ``N 0 obj … endobj``; return its number, its value, and where it ends."""
        head = _HEAD.match(self.data, at)
        if head is None:
            raise Refused("structure", f"no object at {at}")
        value, at = self.value(head.end())
        if isinstance(value, dict) and (begun := _STREAM.match(self.data, at)):
            length = value.get("Length")
            if type(length) is not int or length < 0 or value.keys() & {"F", "FFilter", "FDecodeParms"}:
                raise Refused("structure", f"a stream of unknown length at {at}")
            value = Stream(value, begun.end(), begun.end() + length)
            end = _AFTER_STREAM.match(self.data, value.end)
        else:
            end = _END.match(self.data, at)
        if end is None:
            raise Refused("structure", f"an object without end at {at}")
        return int(head[1]), value, end.end()

    def value(self, at: int, depth: int = 0) -> tuple[Any, int]:
        """Read one value; return it and where it ends."""
        found, kind, at = self._token(at)
        if kind == "name":
            return self._name(found), at
        if kind == "number":
            return (float(found) if b"." in found else int(found)), at
        if kind == "ref":
            return Ref(int(found[:-4])), at
        if kind == "word":
            return _WORDS[found], at
        if kind == "string":
            return self._string(at)
        if kind == "hex":
            return self._hex(found, at), at
        if depth >= DEEPEST:
            raise Refused("structure", "too deep")
        if found == b"[":
            return self._array(at, depth + 1)
        if found == b"<<":
            return self._dictionary(at, depth + 1)
        raise Refused("structure", f"a bracket too many at {at}")

    def _token(self, at: int) -> tuple[bytes, str, int]:
        self.tokens += 1
        found = _TOKEN.match(self.data, at)
        if found is None or self.tokens > MOST_TOKENS:
            raise Refused("structure", f"cannot be read at {at}")
        kind = str(found.lastgroup)
        return found[kind], kind, found.end()

    def _array(self, at: int, depth: int) -> tuple[list[Any], int]:
        out: list[Any] = []
        while True:
            after = self.space(at)
            if self.data[after : after + 1] == b"]":
                return out, after + 1
            one, at = self.value(after, depth)
            out.append(one)

    def _dictionary(self, at: int, depth: int) -> tuple[dict[str, Any], int]:
        out: dict[str, Any] = {}
        while True:
            found, kind, at = self._token(at)
            if found == b">>" and kind == "mark":
                return out, at
            if kind != "name" or (key := self._name(found)) in out:
                raise Refused("structure", f"a key twice, or none, at {at}")
            out[key], at = self.value(at, depth)

    def _name(self, raw: bytes) -> Name:
        # Escaped letters are an old way to hide /JavaScript from a search.
        name = Name(_ESCAPED.sub(lambda two: bytes([int(two[1], 16)]), raw).decode("latin-1"))
        self.names.add(name)
        return name

    def _hex(self, raw: bytes, end: int) -> Hex:
        digits = raw[1:-1].translate(None, b"\t\n\r ")
        value = Hex(bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()))
        value.start, value.end = end - len(raw), end
        return value

    def _string(self, at: int) -> tuple[bytes, int]:
        """Read to the closing bracket; escapes stay as they are, since nobody here reads the words."""
        begun, depth = at, 1
        while depth:
            found = _STRING.search(self.data, at)
            self.tokens += 1
            if found is None or self.tokens > MOST_TOKENS:
                raise Refused("structure", f"a string without end at {begun}")
            at = found.end()
            if found[0] == b"\\":
                at += 1
            else:
                depth += 1 if found[0] == b"(" else -1
        return self.data[begun : at - 1], at
