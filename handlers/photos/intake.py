"""Photos: which pictures are taken in, and what is kept of them (domain 3.14, R-093, A-33, A-34).

The content decides, not the name or the declared type. Both are kept: the original as it came, sealed,
and an upright copy without metadata, which is what people look at.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from engine import Step, operator

#: Largest picture accepted, in bytes, inclusive (R-093 「10M」, A-34).
LIMIT_BYTES = 10 * 1024 * 1024
#: Shortest side, longest side, and all pixels of a picture (domain 3.14).
SHORT_SIDE, LONG_SIDE, ALL_PIXELS = 600, 12_000, 100_000_000
#: Longest side of the copy people look at, in pixels.
COPY_SIDE = 1600
_JPEG_START = b"\xff\xd8\xff"

TOO_LARGE = "图片大小不能超过10M"
NOT_JPEG = "仅支持JPG格式"
TOO_SMALL = "图片尺寸过小，请重新拍摄"
UNREADABLE = "图片无法识别，请重新上传"


class PhotoRefused(Exception):
    """The picture cannot be taken in; the message is for the customer, ``code`` for the journal."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Photo:
    """A picture that was taken in.

    :param width: in pixels, upright, of the original.
    :param copy: JPEG, upright, without metadata, at most :data:`COPY_SIDE` long.
    """

    original: bytes
    copy: bytes
    width: int
    height: int


def accept(content: bytes) -> Photo:
    """Look at an uploaded picture and make the copy of it.

    :raises PhotoRefused: with the reason of domain 3.14.
    """
    if len(content) > LIMIT_BYTES:
        raise PhotoRefused("too_large", TOO_LARGE)
    if not content.startswith(_JPEG_START):
        raise PhotoRefused("not_jpeg", NOT_JPEG)
    try:
        with Image.open(BytesIO(content), formats=["JPEG", "MPO"]) as picture:
            width, height = picture.size
            if width * height > ALL_PIXELS or max(width, height) > LONG_SIDE:
                raise PhotoRefused("too_many_pixels", UNREADABLE)
            if min(width, height) < SHORT_SIDE:
                raise PhotoRefused("too_few_pixels", TOO_SMALL)
            # Decoded at a reduced scale: enough for the copy, and a picture of 100 million pixels
            # costs no more than a small one.
            picture.draft("RGB", (COPY_SIDE, COPY_SIDE))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as broken:
        raise PhotoRefused("unreadable", UNREADABLE) from broken
    turned = (upright.width > upright.height) != (width > height)
    upright.thumbnail((COPY_SIDE, COPY_SIDE))
    out = BytesIO()
    Image.frombytes("RGB", upright.size, upright.tobytes()).save(out, "JPEG", quality=88, optimize=True)
    return Photo(content, out.getvalue(), *((height, width) if turned else (width, height)))


@operator("photos.accept")
def accepted(step: Step) -> dict[str, Any]:
    """Note which pictures the customer gave, for everything that follows in the diagram."""
    photos = step.data.get("photos") or {}
    return {"slots": sorted(slot for slot in ("front", "back", "signature") if photos.get(slot))}
