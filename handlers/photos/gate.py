"""The gate: what is taken in at all (domain 3.14, R-093, A-33, A-34).

Only the file's own structure is read here, never its pixels: pure Python, in time linear in the file's
length, and nothing is set aside by what a header claims. So it may run where customers are answered.

A JPEG is a chain of segments up to the end mark; behind it a polyglot would carry its second face. What may
stand there: zeros or end marks; further JPEGs (MPO of dual-lens phones, HDR gain maps); whatever else a phone
appends (a motion photo's MP4, trailers of Samsung and others, which no list could name in full). What may
not: a page or a script, and anything that begins as an archive, a PDF, a GIF or a program. An archive or a
PDF that its readers would find anywhere in the file is refused as well.
"""

import re
from dataclasses import dataclass
from typing import Literal

from handlers.bounded.refused import Refused

#: Largest picture accepted, in bytes, inclusive (R-093 「10M」, A-34).
LIMIT_BYTES = 10 * 1024 * 1024
#: Shortest side, longest side, and all pixels of a picture (domain 3.14).
SHORT_SIDE, LONG_SIDE, ALL_PIXELS = 600, 12_000, 100_000_000
#: Most scans of a progressive picture. Encoders make about ten; each costs a pass over all pixels.
MOST_SCANS = 100
#: Most segments of a file. A phone's has tens; following a segment costs about a microsecond.
MOST_SEGMENTS = 5_000

EMPTY = "图片无法识别，请重新上传"
TOO_LARGE = "图片大小不能超过10M"
NOT_JPEG = "仅支持JPG格式"
TOO_SMALL = "图片尺寸过小，请重新拍摄"
UNREADABLE = "图片无法识别，请重新上传"

HOW_ON_IPHONE = "。请在手机「设置-相机-格式」中选择「兼容性最佳」，重新拍摄后上传"
HOW_ELSEWHERE = "。请用相机直接拍摄，或另存为JPG后上传"

#: How files begin that customers take for pictures. HEIC and AVIF have ``ftyp`` at the fifth byte.
_OTHER_KINDS = (b"\x89PNG", b"GIF8", b"RIFF", b"%PDF-", b"BM", b"II*\0", b"MM\0*")
#: How anything begins that must not follow the end mark.
_SECOND_FACES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b\x08",
    b"%PDF-",
    b"%!PS",
    b"GIF8",
    b"\x7fELF",
    b"MZ",
    b"#!",
)
_MARKUP = re.compile(rb"<(?:script|html|!doctype|svg|iframe|body|\?php)[\s>/]", re.IGNORECASE)
#: A marker inside pixel data: not a stuffed zero, not a restart mark, not a fill byte.
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

_FILL = re.compile(rb"\xff++")
_PADDING = re.compile(rb"(?:\x00++|\xff\xd9|\xff(?=[\x00\xff]))*+")

_EOI, _SOS, _APP1 = 0xD9, 0xDA, 0xE1
#: Restart marks, start, end, and lines counted afterwards (which hides the height); reserved ones.
_OUT_OF_PLACE = frozenset({*range(0xC0), *range(0xD0, 0xDA), 0xDC})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Baseline, extended and progressive Huffman; the others are lossless, differential or arithmetic.
_READABLE_FRAMES = frozenset({0xC0, 0xC1, 0xC2})


class PhotoRefused(Refused):
    """The picture cannot be taken in; the message is for the customer, ``code`` for the journal."""


def unreadable() -> PhotoRefused:
    """Return the refusal of a file that is no picture in truth."""
    return PhotoRefused("unreadable", UNREADABLE)


@dataclass(frozen=True)
class Header:
    """What a JPEG says of itself.

    :param width: in pixels, as stored, before ``orientation`` is applied; likewise ``height``.
    :param components: 1 grey, 3 colour, 4 printing inks.
    :param orientation: 1 to 8, as in EXIF.
    """

    width: int
    height: int
    components: int
    progressive: bool
    orientation: int

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height of the upright picture, in pixels."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def look(content: bytes, name: str = "") -> Header:
    """Judge an uploaded file without decoding it.

    :param name: as the customer's machine gave it; without an ending only the content decides.
    :raises PhotoRefused: with the reason of domain 3.14.
    """
    if not content:
        raise PhotoRefused("empty", EMPTY)
    if len(content) > LIMIT_BYTES:
        raise PhotoRefused("too_large", TOO_LARGE)
    if not content.startswith(b"\xff\xd8\xff"):
        raise PhotoRefused("not_jpeg", NOT_JPEG + _how(content))
    ending = re.search(r"\.([^./\\]*)$", name.strip())
    if ending and ending[1].lower() not in {"jpg", "jpeg"}:
        raise PhotoRefused("not_jpeg", NOT_JPEG)
    header = parse(content)
    if header.width * header.height > ALL_PIXELS or max(header.width, header.height) > LONG_SIDE:
        raise PhotoRefused("too_many_pixels", UNREADABLE)
    if min(header.width, header.height) < SHORT_SIDE:
        raise PhotoRefused("too_few_pixels", TOO_SMALL)
    # Every block of 8 × 8 pixels takes a bit at least; a decoder would fill up with grey what is missing.
    if len(content) < header.width * header.height / (64 * 8):
        raise unreadable()
    return header


def parse(content: bytes) -> Header:
    """Return what a JPEG says of itself, whatever its size.

    :raises PhotoRefused: as unreadable, if its structure is broken or it is something else as well.
    """
    header, end = _walk(content, 0)
    while content[end:].startswith(b"\xff\xd8\xff"):
        end = _skip_padding(content, _end_of_picture(content, end))
    tail = content[end : end + 8]
    if tail.startswith(_SECOND_FACES) or _MARKUP.search(content, end):
        raise unreadable()
    if b"%PDF-" in content[:1024] or _holds_an_archive(content):
        raise unreadable()
    return header


def _how(content: bytes) -> str:
    """Return how to get a JPG instead of what was sent, if that can be told."""
    if content[4:8] == b"ftyp":
        return HOW_ON_IPHONE
    return HOW_ELSEWHERE if content.startswith(_OTHER_KINDS) else ""


def _walk(content: bytes, start: int) -> tuple[Header, int]:
    """Follow the segments of the picture at ``start``; return its header and where its padding ends."""
    frame: tuple[int, int, int, bool] | None = None
    orientation: int | None = None
    scans, at = 0, start + 2
    for _ in range(MOST_SEGMENTS):
        marker, at = _next_marker(content, at)
        # The end mark, or a file cut off behind a scan: whether enough of it is left, decoding says.
        if marker in (_EOI, None) and frame and scans:
            return Header(*frame, orientation or 1), _skip_padding(content, at)
        if marker is None or marker in _OUT_OF_PLACE:
            raise unreadable()
        body = at + 2
        at += int.from_bytes(content[at:body], "big")
        if at < body or at > len(content):
            raise unreadable()
        if marker in _FRAMES:
            if frame is not None or marker not in _READABLE_FRAMES:
                raise unreadable()
            frame = _frame(content[body:at], progressive=marker == 0xC2)
        elif marker == _APP1 and orientation is None:
            orientation = _orientation(content[body:at])
        elif marker == _SOS:
            scans += 1
            if frame is None or scans > MOST_SCANS:
                raise unreadable()
            at = _end_of_scan(content, at)
    raise unreadable()


def _end_of_picture(content: bytes, start: int) -> int:
    """Return where a further picture in the same file ends; a broken one ends where it breaks."""
    at = start + 2
    for _ in range(MOST_SEGMENTS):
        try:
            marker, after = _next_marker(content, at)
        except PhotoRefused:
            return at
        length = int.from_bytes(content[after : after + 2], "big")
        if marker is None or marker == _EOI or length < 2:
            return after
        at = min(after + length, len(content))
        if marker == _SOS:
            at = _end_of_scan(content, at)
    raise unreadable()


def _end_of_scan(content: bytes, at: int) -> int:
    """Return where the pixel data at ``at`` end: at the next marker, or with the file."""
    found = _MARKER.search(content, at)
    return found.start() if found else len(content)


def _next_marker(content: bytes, at: int) -> tuple[int | None, int]:
    """Return the marker at ``at`` and where it ends, or None at the end of the file.

    :raises PhotoRefused: something else stands there.
    """
    if at >= len(content):
        return None, len(content)
    fill = _FILL.match(content, at)
    if fill is None:
        raise unreadable()
    at = fill.end()
    return (content[at], at + 1) if at < len(content) else (None, at)


def _skip_padding(content: bytes, at: int) -> int:
    """Return where zeros, fill bytes and repeated end marks are over."""
    padding = _PADDING.match(content, at)
    return padding.end() if padding else at


def _frame(body: bytes, *, progressive: bool) -> tuple[int, int, int, bool]:
    """Read a frame header: precision, height, width, number of components, three bytes for each."""
    if len(body) < 6 or len(body) != 6 + 3 * body[5] or body[5] not in (1, 3, 4):
        raise unreadable()
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if not height or not width:
        raise unreadable()
    return width, height, body[5], progressive


def _orientation(body: bytes) -> int | None:
    """Return the orientation from an EXIF segment, 1 if it says none; None if it is no EXIF segment."""
    if not body.startswith(b"Exif\0\0"):
        return None
    tiff = body[6:]
    order: Literal["little", "big"] = "little" if tiff.startswith(b"II") else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    entries = number(4, 4)
    for at in range(entries + 2, min(entries + 2 + 12 * number(entries, 2), len(tiff) - 11), 12):
        if number(at, 2) == 0x0112 and number(at + 2, 2) == 3 and 1 <= number(at + 8, 2) <= 8:
            return number(at + 8, 2)
    return 1


def _holds_an_archive(content: bytes) -> bool:
    """Whether a ZIP reader, which searches from the end, would find its directory in this file.

    The directory's length must lead back to its first entry: four letters alone occur by chance.
    """
    at = len(content)
    while (at := content.rfind(b"PK\x05\x06", max(0, len(content) - 65_557), at)) >= 0:
        directory = at - int.from_bytes(content[at + 12 : at + 16], "little")
        leads_back = directory >= 0 and content[directory : directory + 4] == b"PK\x01\x02"
        if leads_back or content[max(0, at - 20) : at].startswith(b"PK\x06\x07"):
            return True
    return False
