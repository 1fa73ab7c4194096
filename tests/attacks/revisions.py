"""Manipulations that need no key, by revisions added to a file.

Named for the classes of the literature: universal forgery (usf), signature wrapping (swa), incremental
saving (isa), shadow, evil annotation, sneaky signature; each on what our files are made of.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

#: Objects of ``papers.paper``.
CATALOG, FORM, FONT, INFO, METADATA, PICTURE, SIGNATURE, FIELD, PAGE, TEXT = 1, 3, 4, 5, 6, 7, 8, 9, 10, 11
Change = Callable[[bytes], bytes]


@dataclass
class Update:
    """A revision to be added.

    :param loose: bytes that no table lists, after the objects.
    :param lines: lines of the table of one's own.
    """

    objects: dict[int, bytes] = field(default_factory=dict)
    trailer: str = "/Root 1 0 R/Info 5 0 R"
    loose: bytes = b""
    lines: str = ""
    previous: int | None = None
    generation: int = 0

    def __call__(self, pdf: bytes) -> bytes:
        """Add it."""
        out = bytearray(pdf if pdf.endswith(b"\n") else pdf + b"\n")
        table = "xref\n0 1\n0000000000 65535 f \n"
        for number, body in self.objects.items():
            table += f"{number} 1\n{len(out):010d} {self.generation:05d} n \n"
            out += f"{number} {self.generation} obj\n".encode() + body + b"\nendobj\n"
        out += self.loose
        begun = len(out)
        before = last(pdf) if self.previous is None else self.previous
        if self.previous == -1:
            before = begun
        size = 1 + max([60, *self.objects])
        table += f"{self.lines}trailer\n<</Size {size}{self.trailer}/Prev {before}>>\n"
        out += f"{table}startxref\n{begun}\n%%EOF\n".encode()
        return bytes(out)


def last(pdf: bytes) -> int:
    """Return where the last cross-reference section stands."""
    return int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])


def stream(data: bytes, entries: str = "") -> bytes:
    """Return a stream's body."""
    return f"<<{entries}/Length {len(data)}>>\nstream\n".encode() + data + b"\nendstream"


def body(pdf: bytes, number: int) -> bytes:
    """Return an object as it stands last."""
    found = re.findall(rb"(?:^|\n)%d 0 obj\n(.*?)\nendobj" % number, pdf, re.DOTALL)
    return bytes(found[-1])


def _with(pdf: bytes, number: int, entry: bytes) -> bytes:
    """Return an object with one more entry."""
    old = body(pdf, number)
    at = old.rindex(b">>")
    return old[:at] + entry + old[at:]


def _catalog(entry: bytes, more: dict[int, bytes] | None = None) -> Change:
    return lambda pdf: Update({CATALOG: _with(pdf, CATALOG, entry), **(more or {})})(pdf)


def _page(entry: bytes, more: dict[int, bytes] | None = None) -> Change:
    return lambda pdf: Update({PAGE: _with(pdf, PAGE, entry), **(more or {})})(pdf)


def _edited(number: int, old: bytes, new: bytes, more: dict[int, bytes] | None = None) -> Change:
    def change(pdf: bytes) -> bytes:
        was = body(pdf, number)
        now = re.sub(old, new, was, count=1)
        assert now != was, (number, old)
        return Update({number: now, **(more or {})})(pdf)

    return change


def _annotation(kind: str, entries: str = "") -> Change:
    made = f"<</Type/Annot/Subtype/{kind}/Rect[50 700 500 800]/F 4{entries}>>".encode()
    return _edited(PAGE, rb"/Annots ?\[", b"/Annots[50 0 R ", {50: made})


LIE = stream(b"BT /F1 40 Tf 60 600 Td (Pay everything) Tj ET")
FORM_X = stream(b"1 0 0 rg 0 0 500 700 re f", "/Type/XObject/Subtype/Form/BBox[0 0 500 700]")
JS = b"<</S/JavaScript/JS(app.alert\\(1\\))>>"
BOMB = zlib.compress(b"\0" * (64 << 20))


def _packed(objects: dict[int, bytes], *, count: int | None = None, extra: bytes = b"") -> Change:
    """Add a revision with an object stream and a cross-reference stream."""

    def change(pdf: bytes) -> bytes:
        out = bytearray(pdf)
        index, text = "", b""
        for number, one in objects.items():
            index += f"{number} {len(text)} "
            text += one + b" "
        head = index.encode()
        entries = f"/Type/ObjStm/N {count or len(objects)}/First {len(head)}/Filter/FlateDecode"
        where = len(out)
        out += b"70 0 obj\n" + stream(zlib.compress(head + text + extra), entries) + b"\nendobj\n"
        begun = len(out)
        rows = b"".join(
            b"\2" + (70).to_bytes(4, "big") + place.to_bytes(2, "big") for place in range(len(objects))
        )
        rows += b"\1" + where.to_bytes(4, "big") + b"\0\0" + b"\1" + begun.to_bytes(4, "big") + b"\0\0"
        listed = " ".join(f"{number} 1" for number in objects)
        entries = (
            f"/Type/XRef/Size 72/W[1 4 2]/Index[{listed} 70 1 71 1]/Root 1 0 R/Info 5 0 R/Prev {last(pdf)}"
        )
        out += b"71 0 obj\n" + stream(rows, entries) + b"\nendobj\n"
        return bytes(out) + f"startxref\n{begun}\n%%EOF\n".encode()

    return change


def _table_bomb(pdf: bytes) -> bytes:
    begun = len(pdf)
    entries = f"/Type/XRef/Size 9000000/W[1 4 2]/Root 1 0 R/Info 5 0 R/Prev {last(pdf)}/Filter/FlateDecode"
    made = b"71 0 obj\n" + stream(BOMB, entries) + b"\nendobj\n"
    return pdf + made + f"startxref\n{begun}\n%%EOF\n".encode()


def _loop(pdf: bytes) -> bytes:
    once = Update({50: b"null"})(pdf)
    return Update({51: b"null"}, previous=len(once) + 60)(once)


def _sneaky(pdf: bytes) -> bytes:
    """Add a signature field with an appearance, whose signature is a copy of the customer's."""
    objects = {
        50: b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Second)/V 51 0 R/F 132/Rect[50 100 500 800]"
        b"/P 10 0 R/AP<</N 52 0 R>>>>",
        51: body(pdf, SIGNATURE),
        52: FORM_X,
        FORM: re.sub(rb"/Fields ?\[", b"/Fields[50 0 R ", body(pdf, FORM)),
        PAGE: re.sub(rb"/Annots ?\[", b"/Annots[50 0 R ", body(pdf, PAGE)),
    }
    return Update(objects)(pdf)


def _fifty_one(pdf: bytes) -> bytes:
    for number in range(51):
        name = f"Archive{number}".encode()
        objects = {
            100 + 2 * number: b"<</Type/Annot/Subtype/Widget/FT/Sig/T(" + name + b")/V "
            + str(101 + 2 * number).encode() + b" 0 R/F 132/Rect[0 0 0 0]/P 10 0 R>>",
            101 + 2 * number: body(pdf, SIGNATURE),
        }  # fmt: skip
        fields = b"/Fields [" + str(100 + 2 * number).encode() + b" 0 R "
        objects[FORM] = re.sub(rb"/Fields ?\[", fields, body(pdf, FORM))
        pdf = Update(objects)(pdf)
    return pdf


#: Revisions added after the signatures.
REVISIONS: dict[str, Change] = {
    "isa text replaced": Update({TEXT: LIE}),
    "isa text of another object": _edited(PAGE, rb"/Contents 11 0 R", b"/Contents 50 0 R", {50: LIE}),
    "isa text added": _edited(PAGE, rb"/Contents 11 0 R", b"/Contents[11 0 R 50 0 R]", {50: LIE}),
    "isa picture replaced": Update(
        {PICTURE: stream(b"\xff" * 16, "/Type/XObject/Subtype/Image/Width 4/Height 4")}
    ),
    "isa page added": Update(
        {
            2: b"<</Type/Pages/Kids[50 0 R 10 0 R]/Count 2>>",
            50: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 51 0 R>>",
            51: LIE,
        }
    ),
    "isa pages replaced": _edited(CATALOG, rb"/Pages 2 0 R", b"/Pages 50 0 R", {
        50: b"<</Type/Pages/Kids[51 0 R]/Count 1>>",
        51: b"<</Type/Page/Parent 50 0 R/MediaBox[0 0 595 842]>>",
    }),
    "isa page turned": _page(b"/Rotate 180"),
    "isa page cropped": _page(b"/CropBox[0 0 10 10]"),
    "isa unit of the page": _page(b"/UserUnit 10"),
    "isa nothing at all": Update(),
    "isa another root": Update({50: b"<</Type/Catalog/Pages 2 0 R>>"}, trailer="/Root 50 0 R/Info 5 0 R"),
    "isa no root": Update({50: b"null"}, trailer="/Info 5 0 R"),
    "isa text struck out": Update(lines="11 1\n0000000000 00001 f \n"),
    "isa later generation": Update({TEXT: LIE}, generation=1),
    "isa same object": Update({TEXT: b"null"}),
    "isa unlisted object": Update(loose=b"11 0 obj\n" + LIE + b"\nendobj\n"),
    "isa unlisted comment": Update(loose=b"% nothing to see\n"),
    "isa listed twice": Update({50: b"null"}, lines="50 1\n0000000020 00000 n \n"),
    "isa listed in the past": Update(lines="11 1\n0000000020 00000 n \n"),
    "font swapped": Update({FONT: b"<</Type/Font/Subtype/Type1/BaseFont/ZapfDingbats>>"}),
    "font encoding": _edited(FONT, rb"/Encoding/WinAnsiEncoding", b"/Encoding<</Differences[48/one/zero]>>"),
    "title changed": Update({INFO: b"<</Title(Another agreement)>>"}),
    "title of another object": Update({50: b"<</Title(X)>>"}, trailer="/Root 1 0 R/Info 50 0 R"),
    "no title": Update({50: b"null"}, trailer="/Root 1 0 R"),
    "metadata changed": Update({METADATA: stream(b"<x/>", "/Type/Metadata/Subtype/XML")}),
    "language": _edited(CATALOG, rb"/Lang ?\(zh\)", b"/Lang(en)"),
    "page labels": _catalog(b"/PageLabels<</Nums[0<</S/r>>]>>"),
    "viewer preferences": _catalog(b"/ViewerPreferences<</DisplayDocTitle true>>"),
    "outline": _catalog(b"/Outlines 50 0 R", {50: b"<</Type/Outlines>>"}),
    "version": _catalog(b"/PieceInfo<</X 1>>"),
    "extensions that refer": _catalog(b"/Extensions2<</X 50 0 R>>", {50: LIE}),
    "annotation note": _annotation("Text"),
    "annotation free text": _annotation("FreeText", "/DA(/F1 20 Tf)/Contents(VOID)"),
    "annotation stamp": _annotation("Stamp", "/AP<</N 51 0 R>>"),
    "annotation redaction": _annotation("Redact"),
    "annotation square": _annotation("Square", "/IC[1 1 1]"),
    "annotation link": _annotation("Link", "/A<</S/URI/URI(http://evil.example)>>"),
    "annotation button": _annotation("Widget", "/FT/Btn/T(b)/AP<</N<</Off 7 0 R>>>>"),
    "annotation popup": _annotation("Popup"),
    "annotations gone": _edited(PAGE, rb"/Annots ?\[[^]]*\]", b""),
    "sneaky signature": _sneaky,
    "fifty-one signatures": _fifty_one,
    "open action": _catalog(b"/OpenAction " + JS),
    "open action, escaped": _catalog(b"/Open#41ction " + JS),
    "script of the catalogue": _catalog(b"/Names<</JavaScript<</Names[(a) 50 0 R]>>>>", {50: JS}),
    "script of the page": _page(b"/AA<</O " + JS + b">>"),
    "launch": _catalog(b"/OpenAction<</S/Launch/F(calc.exe)>>"),
    "attachment": _catalog(
        b"/Names<</EmbeddedFiles<</Names[(a) 50 0 R]>>>>",
        {50: b"<</Type/Filespec/F(a.exe)/EF<</F 51 0 R>>>>", 51: stream(b"MZ", "/Type/EmbeddedFile")},
    ),
    "associated file": _catalog(b"/AF[50 0 R]", {50: b"<</Type/Filespec/F(a)/EF<</F 51 0 R>>>>"}),
    "layers": _catalog(b"/OCProperties<</OCGs[50 0 R]/D<</OFF[50 0 R]>>>>", {50: b"<</Type/OCG/Name(a)>>"}),
    "collection": _catalog(b"/Collection<</View/T>>"),
    "permissions": _catalog(b"/Perms<</DocMDP 8 0 R>>"),
    "form without fields": Update({FORM: b"<</Fields[]/SigFlags 3>>"}),
    "form gone": _edited(CATALOG, rb"/AcroForm 3 0 R", b""),
    "form to fill in": _edited(FORM, rb">>\s*\Z", b"/NeedAppearances true>>"),
    "form xfa": _edited(FORM, rb">>\s*\Z", b"/XFA 50 0 R>>", {50: LIE}),
    "form default look": _edited(FORM, rb">>\s*\Z", b"/DA(/F1 0 Tf)>>"),
    "form twice": _edited(CATALOG, rb"/AcroForm 3 0 R", b"/AcroForm 50 0 R", {50: b"<</Fields[9 0 R]>>"}),
    "field renamed": _edited(FIELD, rb"/T\(Customer\)", b"/T(Company)"),
    "field emptied": _edited(FIELD, rb"/V 8 0 R", b""),
    "field with a look": _edited(
        FIELD, rb"/Rect\[0 0 0 0\]", b"/Rect[0 0 595 842]/AP<</N 50 0 R>>", {50: FORM_X}
    ),
    "signature object replaced": lambda pdf: Update({SIGNATURE: body(pdf, SIGNATURE)})(pdf),
    "signature claimed later": _edited(SIGNATURE, rb"/M\(D:2026", b"/M(D:2027"),
    "encrypted": Update(
        {50: b"<</Filter/Standard/V 1/R 2/O(x)/U(y)/P -4>>"},
        trailer="/Root 1 0 R/Info 5 0 R/Encrypt 50 0 R",
    ),
    "prev is itself": Update({50: b"null"}, previous=-1),
    "prev is nowhere": Update({50: b"null"}, previous=7),
    "prev is nought": Update({50: b"null"}, previous=0),
    "prev is beyond": Update({50: b"null"}, previous=10**12),
    "prev in a loop": _loop,
    "two tables at once": Update({50: b"null"}, trailer="/Root 1 0 R/Info 5 0 R/XRefStm 20"),
    "more in the trailer": Update({50: b"null"}, trailer="/Root 1 0 R/Info 5 0 R/More 1"),
    "object stream replaces the page": _packed({PAGE: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"}),
    "object stream hides more": _packed({50: b"null"}, extra=b"<</Type/Catalog>>"),
    "object stream counts wrong": _packed({50: b"null"}, count=3),
    "object stream bomb": _packed({50: b"[" + b"0 " * (20 << 20) + b"]"}),
    "cross-reference stream bomb": _table_bomb,
    "deep nesting": Update({50: b"[" * 100_000 + b"]" * 100_000}),
    "page bomb": Update({TEXT: stream(BOMB, "/Filter/FlateDecode")}),
    "endless string": Update({50: b"(" * 1000}),
}  # fmt: skip

#: Manipulations of the evidence, for archived files.
STORE: dict[str, Change] = {
    "store gone": _edited(CATALOG, rb"/DSS \d+ 0 R", b""),
    "store replaced": _edited(CATALOG, rb"/DSS \d+ 0 R", b"/DSS<<>>"),
    "store replaced by its own": _edited(
        CATALOG, rb"/DSS \d+ 0 R", b"/DSS 50 0 R", {50: b"<</Certs[]/OCSPs[]/CRLs[]>>"}
    ),
}
