"""Photos: which pictures are taken in, and what is kept of them (domain 3.14, R-093, A-33, A-34).

The content decides, not the name or the declared type. Both are kept: the original as it came, sealed,
and an upright copy without metadata, which is what people look at.
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from engine import Step, operator
from handlers.photos.gate import (
    ALL_PIXELS,
    LIMIT_BYTES,
    LONG_SIDE,
    NOT_JPEG,
    SHORT_SIDE,
    TOO_LARGE,
    TOO_SMALL,
    UNREADABLE,
    PhotoRefused,
)

__all__ = ["LIMIT_BYTES", "Photo", "PhotoRefused", "accept", "accepted"]

#: Longest side of the copy people look at, in pixels.
COPY_SIDE = 1600
_JPEG_START = b"\xff\xd8\xff"


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
