"""Small agreements with an empty hole for the customer's signature, each one revision, as ours are.

They are written by hand: a few hundred genuine files in seconds. Real agreements, rendered from HTML, are
judged beside them by tests of the rooms that make them.
"""

import zlib
from dataclasses import dataclass
from random import Random

#: Bytes of the hexadecimal string between ``<`` and ``>``.
HOLE = 16384


@dataclass(frozen=True)
class Paper:
    """A PDF with an empty hole: ``pdf[start:end]`` is ``<000…>``."""

    pdf: bytes
    start: int
    end: int

    def filled(self, signature: bytes) -> bytes:
        """Return the PDF with a signature in its hole."""
        told = signature.hex().encode()
        told += b"0" * (self.end - self.start - 2 - len(told))
        return self.pdf[: self.start + 1] + told + self.pdf[self.end - 1 :]


def paper(
    pages: int = 1, *, words: str = "Agreement", filler: int = 0, streams: bool = False, extra: str = ""
) -> Paper:
    """Return an agreement.

    :param filler: bytes of a picture that does not compress, for the size.
    :param streams: with an object stream and a cross-reference stream, as WeasyPrint writes.
    :param extra: entries of the catalogue, for attacks that prepare the document.
    """
    noise = Random(words).randbytes(filler)  # noqa: S311 - a picture of nothing
    bodies: dict[int, bytes] = {}
    first_page, sig, field = 10, 8, 9
    kids = " ".join(f"{first_page + 2 * n} 0 R" for n in range(pages))
    bodies[1] = f"<</Type/Catalog/Pages 2 0 R/AcroForm 3 0 R/Metadata 6 0 R/Lang(zh){extra}>>".encode()
    bodies[2] = f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode()
    bodies[3] = b"<</Fields[9 0 R]/SigFlags 3>>"
    bodies[4] = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    bodies[5] = f"<</Title({words})/Producer(Kaihu)/CreationDate(D:20260318100000+08'00')>>".encode()
    bodies[6] = _stream(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", "/Type/Metadata/Subtype/XML")
    bodies[7] = _stream(
        noise.ljust(16, b"\0"),
        "/Type/XObject/Subtype/Image/Width 4/Height 4/ColorSpace/DeviceGray/BitsPerComponent 8",
    )
    hole = b"<" + b"0" * HOLE + b">"
    bodies[sig] = (
        b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M(D:20260318100000+08'00')"
        b"/ByteRange[0 ********** ********** **********]/Contents" + hole + b">>"
    )
    bodies[field] = b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Customer)/V 8 0 R/F 132/Rect[0 0 0 0]/P 10 0 R>>"
    for number in range(pages):
        at = first_page + 2 * number
        annots = "/Annots[9 0 R]" if number == 0 else ""
        bodies[at] = (
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {at + 1} 0 R{annots}"
            f"/Resources<</Font<</F1 4 0 R>>/XObject<</X1 7 0 R>>>>>>"
        ).encode()
        text = f"BT /F1 12 Tf 60 780 Td ({words}, page {number + 1}) Tj ET /X1 Do".encode()
        bodies[at + 1] = _stream(zlib.compress(text), "/Filter/FlateDecode")
    pdf = _with_streams(bodies) if streams else _plain(bodies)
    return _measured(pdf, hole)


def _stream(data: bytes, entries: str) -> bytes:
    return f"<<{entries}/Length {len(data)}>>\nstream\n".encode() + data + b"\nendstream"


def _head() -> bytearray:
    return bytearray(b"%PDF-1.7\n%\xf0\x9f\x96\xa4\n")


def _plain(bodies: dict[int, bytes]) -> bytes:
    out = _head()
    places = {}
    for number, body in sorted(bodies.items()):
        places[number] = len(out)
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    begun, size = len(out), max(bodies) + 1
    out += f"xref\n0 {size}\n0000000000 65535 f \n".encode()
    for number in range(1, size):
        out += f"{places[number]:010d} 00000 n \n".encode()
    ids = "<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>"
    out += f"trailer\n<</Size {size}/Root 1 0 R/Info 5 0 R/ID[{ids}]>>\nstartxref\n{begun}\n%%EOF\n".encode()
    return bytes(out)


def _with_streams(bodies: dict[int, bytes]) -> bytes:
    """Put all that is no stream and no signature into an object stream."""
    inside = [n for n, body in sorted(bodies.items()) if n != 8 and not body.endswith(b"endstream")]
    out = _head()
    places = {}
    for number, body in sorted(bodies.items()):
        if number not in inside:
            places[number] = len(out)
            out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    pack = max(bodies) + 1
    index, packed = [], b""
    for number in inside:
        index.append(f"{number} {len(packed)}")
        packed += bodies[number] + b" "
    told = " ".join(index).encode() + b" "
    places[pack] = len(out)
    body = _stream(
        zlib.compress(told + packed),
        f"/Type/ObjStm/N {len(inside)}/First {len(told)}/Filter/FlateDecode",
    )
    out += f"{pack} 0 obj\n".encode() + body + b"\nendobj\n"
    begun, size = len(out), pack + 2
    places[pack + 1] = begun
    rows = b"\0" + (0).to_bytes(4, "big") + b"\xff\xff"
    for number in range(1, size):
        if number in inside:
            rows += b"\2" + pack.to_bytes(4, "big") + inside.index(number).to_bytes(2, "big")
        else:
            rows += b"\1" + places[number].to_bytes(4, "big") + b"\0\0"
    ids = "<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>"
    xref = _stream(
        zlib.compress(rows),
        f"/Type/XRef/Size {size}/W[1 4 2]/Root 1 0 R/Info 5 0 R/ID[{ids}]/Filter/FlateDecode",
    )
    out += f"{pack + 1} 0 obj\n".encode() + xref + f"\nendobj\nstartxref\n{begun}\n%%EOF\n".encode()
    return bytes(out)


def _measured(pdf: bytes, hole: bytes) -> Paper:
    start = pdf.index(hole)
    end = start + len(hole)
    blank = b"[0 ********** ********** **********]"
    ranges = f"[0 {start:010d} {end:010d} {len(pdf) - end:010d}]".encode()
    return Paper(pdf.replace(blank, ranges, 1), start, end)
