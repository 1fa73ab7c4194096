"""Manipulations that need no key: every one of ``revisions``, and changes of a file's bytes."""

import re
from collections.abc import Callable, Iterator

from tests.attacks.revisions import LIE, REVISIONS, STORE, Change


def _range(number: int, told: str) -> Change:
    """Write another byte range into the place of signature ``number``, of the same length."""

    def change(pdf: bytes) -> bytes:
        found = list(re.finditer(rb"/ByteRange ?\[([^\]]*)\] *", pdf))[number]
        numbers = found[1].split()
        new = told.format(*(n.decode() for n in numbers), huge=10**15).encode()
        made = b"/ByteRange[" + new + b"]"
        return pdf[: found.start()] + made.ljust(len(found[0])) + pdf[found.end() :]

    return change


RANGES = {
    "zero": "0 0 0 0",
    "odd": "0 {1} {2}",
    "five": "0 {1} {2} 1 1",
    "empty": "",
    "negative": "0 {1} {2} -1",
    "negative start": "-1 {1} {2} {3}",
    "huge": "0 {1} {2} {huge}",
    "overlap": "0 {2} {1} {3}",
    "whole": "0 {2} {2} {3}",
    "shifted": "1 {1} {2} {3}",
    "short": "0 {1} {2} 0",
    "swapped": "{2} {3} 0 {1}",
    "real": "0.0 {1} {2} {3}",
    "names": "/a /b",
    "twice": "0 9 0 9",
}


def _hole(number: int, made: Callable[[bytes], bytes]) -> Change:
    def change(pdf: bytes) -> bytes:
        found = list(re.finditer(rb"/Contents ?<([0-9A-Fa-f]+)>", pdf))[number]
        new = made(found[1])
        assert len(new) == len(found[1])
        assert new != found[1]
        return pdf[: found.start(1)] + new + pdf[found.end(1) :]

    return change


HOLES: dict[str, Callable[[bytes], bytes]] = {
    "last digit": lambda hole: hole[:-1] + b"1",
    "padding": lambda hole: hole[:-900] + b"00ff" * 225,
    "one case changed": lambda hole: hole[:40] + hole[40:400].swapcase() + hole[400:],
    "white space": lambda hole: hole[:-2] + b"\n\n",
    "all zeros": lambda hole: b"0" * len(hole),
    "all ones": lambda hole: b"f" * len(hole),
    "indefinite length": lambda hole: b"3080" + hole[8:] + b"0000",
    "longer length": lambda hole: b"3082ffff" + hole[8:],
    "a bit of the signature": lambda hole: (
        hole[:3000] + (b"0" if hole[3000:3001] != b"0" else b"1") + hole[3001:]
    ),
    "first bytes": lambda hole: b"31" + hole[2:],
}


def _bytes(pdf: bytes) -> Iterator[tuple[str, bytes]]:
    """Change bytes in place, or at the ends."""
    for name, tail in {
        "comment after the end": b"% free\n",
        "space after the end": b" ",
        "nought after the end": b"\0",
        "second newline": b"\n",
        "second end": b"%%EOF\n",
        "another file after the end": pdf[:2000],
        "object after the end": b"11 0 obj\n" + LIE + b"\nendobj\n",
        "megabyte after the end": b"\n" * (1 << 20),
    }.items():
        yield f"trailing {name}", pdf + tail
    for name, head in {
        "newline": b"\n",
        "nought": b"\0",
        "file": b"%PDF-1.4\n",
        "bom": b"\xef\xbb\xbf",
    }.items():
        yield f"leading {name}", head + pdf
    yield "header version", pdf.replace(b"%PDF-1.7", b"%PDF-1.6", 1)
    yield "header second line", pdf.replace(b"\xf0\x9f", b"\xf0\x8f", 1)
    yield "no last newline and more", pdf[:-1] + b"\r"
    for cut in (1, 2, 7, 30, 400, 5000, len(pdf) // 2, len(pdf) - 900, len(pdf) - 20):
        yield f"cut by {cut}", pdf[:-cut]
    yield "text changed", pdf.replace(b"/Type/Pages/Kids", b"/Type/Pages/kids", 1)
    yield "page size changed", pdf.replace(b"0 0 595 842", b"0 0 595 843", 1)
    yield "form flags changed", pdf.replace(b"/SigFlags 3", b"/SigFlags 1", 1)
    yield "claimed time changed", pdf.replace(b"/M(D:20260318", b"/M(D:20250318", 1)
    yield "title changed in place", pdf.replace(b"/Producer(Kaihu)", b"/Producer(Kaixx)", 1)
    yield "signature kind changed", pdf.replace(b"ETSI.CAdES.detached", b"adbe.pkcs7.detached", 1)
    yield "signature without range", pdf.replace(b"/ByteRange", b"/ByteRanje", 1)
    yield "signature without contents", pdf.replace(b"/Contents<", b"/Kontents<", 1)
    yield "field without value", pdf.replace(b"/V 8 0 R", b"/W 8 0 R", 1)
    yield "null signature", pdf.replace(b"/V 8 0 R", b"/V null ", 1)
    yield "swa gap with a guest", _wrapped(pdf)
    yield "swa moved tail", _moved(pdf)


def _wrapped(pdf: bytes) -> bytes:
    """Shift the signed tail and put a guest into the gap that the byte range leaves."""
    end = pdf.index(b">", pdf.index(b"/Contents<")) + 1
    guest = b"/Guest(" + b"x" * 100 + b")"
    made = pdf[:end] + guest + pdf[end:]
    return _range(0, "0 {1} " + str(end + len(guest)) + " {3}")(made)


def _moved(pdf: bytes) -> bytes:
    end = pdf.index(b">", pdf.index(b"/Contents<")) + 1
    made = pdf[:end] + b">>\nendobj\n11 0 obj\n" + LIE + b"\nendobj\n" + pdf[end:]
    return _range(0, f"0 {{1}} {len(made) - len(pdf) + end} {{3}}")(made)


def of(pdf: bytes, *, archived: bool) -> Iterator[tuple[str, bytes]]:
    """Return every manipulation of one genuine file, by name."""
    yield from _bytes(pdf)
    for name, change in {**REVISIONS, **(STORE if archived else {})}.items():
        yield name, change(pdf)
    for number in (0, 2) if archived else (0,):
        for name, told in RANGES.items():
            yield f"range {number} {name}", _range(number, told)(pdf)
        for name, made in HOLES.items():
            yield f"hole {number} {name}", _hole(number, made)(pdf)
    if archived:
        ends = [found.end() for found in re.finditer(rb"%%EOF\n", pdf)]
        yield "archive cut back to the seal", pdf[: ends[1]]
        yield "archive cut back to the evidence", pdf[: ends[2]]
        holes = [found[1] for found in re.finditer(rb"/Contents ?<([0-9A-Fa-f]+)>", pdf)]
        size = len(holes[0])
        yield "seal is the customer's signature", _hole(1, lambda hole: holes[0])(pdf)
        yield "customer's signature is the seal", _hole(0, lambda hole: holes[1])(pdf)
        yield "archive is the customer's signature", _hole(2, lambda hole: holes[0])(pdf)
        at = holes[0].index(b"06092a864886f70d010702", 100) - 8
        length = 8 + 2 * int(holes[0][at + 4 : at + 8], 16)
        token = holes[0][at : at + length].ljust(size, b"0")
        yield "archive is the customer's timestamp", _hole(2, lambda hole: token)(pdf)
