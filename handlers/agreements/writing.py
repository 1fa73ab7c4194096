"""Writing a paper: HTML to PDF/A with an empty place for the customer's signature.

The signature field is part of the first and only revision, so that what is shown is what is signed, and
signing needs one hash. The same input gives the same bytes. Nothing is fetched but our two fonts and the
signature's picture that is handed in.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING, Any

from handlers.agreements import glyphs, sheet
from handlers.agreements.documents import Document
from handlers.agreements.templates import words

if TYPE_CHECKING:
    from weasyprint import Document as Laid

#: Room for the signature, in hexadecimal digits.
HOLE = 16384
FIELD = "Customer"
REASON = "本人已阅读并同意"
_RANGE = b"/ByteRange[0 " + b" " * 34 + b"]"
_CONTENTS = b"/Contents<"
#: Print, and may not be moved; an invisible field of no size needs no appearance.
_FLAGS = 132
#: Resolution of the signature's picture on paper, in dots per inch.
_DPI = 220

PACKAGES = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"


class PangoMissing(Exception):
    """Papers cannot be written here: Debian's text libraries are missing."""

    def __init__(self) -> None:
        super().__init__(f"papers cannot be written; as root: apt-get install -y {PACKAGES}")


class ForeignReference(Exception):
    """A paper would have had to fetch something."""


class PictureRefused(Exception):
    """The signature's picture is no JPEG that can be drawn."""


@dataclass(frozen=True)
class Written:
    """A paper with an empty hole.

    :param start: where the hole's ``<`` stands; ``end``: just behind its ``>``.
    :param digest: SHA-256 of everything but the hole.
    """

    pdf: bytes
    start: int
    end: int
    digest: bytes


def write(document: Document, body: str, of: sheet.Particulars, signed_at: datetime) -> Written:
    """Write one paper.

    :param body: the document filled in, see ``templates.render``.
    :param signed_at: real time that the signature field claims.
    :raises MissingGlyph: the font lacks a character of it.
    :raises PangoMissing: the machine lacks libraries.
    """
    html = sheet.page(document, body, of)
    glyphs.must_have(words(html))
    if of.signature is not None:
        _must_be_jpeg(of.signature)
    return _with_hole(_press().print(html, of.signature, _field(signed_at)))


def warm() -> None:
    """Load fonts and libraries, so that the first customer does not wait for it."""
    _press()


def _must_be_jpeg(content: bytes) -> None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(content), formats=["JPEG"]) as picture:
            picture.load()
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as wrong:
        raise PictureRefused from wrong


class _Press:
    """WeasyPrint with our two fonts, one paper at a time: Pango is not made for threads."""

    def __init__(self) -> None:
        try:
            import weasyprint
            from PIL import ImageFile
            from weasyprint.text.fonts import FontConfiguration
            from weasyprint.urls import FatalURLFetchingError
        except OSError as missing:
            raise PangoMissing from missing
        # WeasyPrint lets Pillow read pictures that break off, for the whole process; ours must not.
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        self._weasyprint = weasyprint
        self._fatal = FatalURLFetchingError
        self._lock = threading.Lock()
        self._fonts = FontConfiguration()
        self._style = weasyprint.CSS(
            string=sheet.STYLE, font_config=self._fonts, url_fetcher=self._fetcher(None)
        )

    def print(self, html: str, signature: bytes | None, finisher: Callable[["Laid", Any], None]) -> bytes:
        """Return a PDF of ``html``."""
        with self._lock:
            page = self._weasyprint.HTML(string=html, url_fetcher=self._fetcher(signature))
            try:
                made: bytes = page.write_pdf(
                    stylesheets=[self._style],
                    font_config=self._fonts,
                    pdf_variant="pdf/a-3u",
                    dpi=_DPI,
                    finisher=finisher,
                )
            except self._fatal as foreign:
                # A BaseException of WeasyPrint's; a worker is not to end by it.
                raise ForeignReference from foreign
        return made

    def _fetcher(self, signature: bytes | None) -> Any:
        """Return what gives out two fonts and one picture, and stops at anything else."""
        from weasyprint.urls import URLFetcher, URLFetcherResponse

        class OnlyOurs(URLFetcher):  # type: ignore[misc]
            def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
                name = url.removeprefix(sheet.FONT)
                if name in ("400", "700"):
                    return URLFetcherResponse(url, glyphs.FILES[int(name)].read_bytes())
                if url == sheet.SIGNATURE and signature is not None:
                    return URLFetcherResponse(url, signature, {"Content-Type": "image/jpeg"})
                raise ValueError("a paper fetches nothing")

        return OnlyOurs(fail_on_errors=True)


@lru_cache(maxsize=1)
def _press() -> _Press:
    return _Press()


def _field(signed_at: datetime) -> Callable[["Laid", Any], None]:
    """Return what puts the signature field and its hole into a PDF."""

    def finish(laid: "Laid", pdf: Any) -> None:
        import pydyf

        class Signature(pydyf.Object):  # type: ignore[misc]
            #: Stands in the file as it is: the hole's place must be found and stay.
            compressible = False

            @property
            def data(self) -> bytes:
                moment = f"(D:{signed_at.astimezone(UTC):%Y%m%d%H%M%S}Z)".encode()
                entry: bytes = (
                    b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M"
                    + moment
                    + b"/Reason "
                    + pydyf.String(REASON).data
                    + _RANGE
                    + _CONTENTS
                    + b"0" * HOLE
                    + b">>>"
                )
                return entry

        pages = [o for o in pdf.objects if isinstance(o, pydyf.Dictionary) and o.get("Type") == "/Page"]
        last = pages[-1]
        signature = Signature()
        pdf.add_object(signature)
        widget = pydyf.Dictionary(
            {
                "Type": "/Annot",
                "Subtype": "/Widget",
                "FT": "/Sig",
                "T": pydyf.String(FIELD),
                "V": signature.reference,
                "F": _FLAGS,
                "Rect": pydyf.Array([0, 0, 0, 0]),
                "P": last.reference,
            }
        )
        pdf.add_object(widget)
        last.setdefault("Annots", pydyf.Array()).append(widget.reference)
        form = pydyf.Dictionary({"Fields": pydyf.Array([widget.reference]), "SigFlags": 3})
        pdf.add_object(form)
        pdf.catalog["AcroForm"] = form.reference

    return finish


def _with_hole(pdf: bytes) -> Written:
    """Write into a PDF what its signature will cover."""
    at = pdf.index(_RANGE + _CONTENTS)
    start = at + len(_RANGE) + len(_CONTENTS) - 1
    end = start + HOLE + 2
    told = f"/ByteRange[0 {start} {end} {len(pdf) - end}".encode()
    made = pdf[:at] + told.ljust(len(_RANGE) - 1) + b"]" + pdf[at + len(_RANGE) :]
    return Written(made, start, end, sha256(made[:start] + made[end:]).digest())
