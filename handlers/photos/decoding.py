"""Decoding: the pixels of an uploaded picture, upright, in sRGB, and nothing else of it (domain 3.14, §1.7).

Runs in a bounded child only (``pool``): this is where bytes from outside reach a decoder written in C.
Pictures of more than 50 million pixels are decoded at a reduced scale. Orientation is the gate's; the colour
profile is applied and dropped. What comes out is made from pixels alone, so no comment, place or thumbnail of
the original can be in it: re-saving with Pillow keeps comments and EXIF.
"""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

from handlers.photos import gate
from handlers.photos.card import Picture

#: Most pixels decoded at full scale (domain 3.14).
FULL_SCALE_PIXELS = 50_000_000

# The gate decides; this is for whoever forgets to ask it. Pillow warns above it and refuses twice as many.
Image.MAX_IMAGE_PIXELS = gate.ALL_PIXELS

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Decoded:
    """A picture that was decoded.

    :param pixels: upright, perhaps smaller than the original.
    :param full_width: of the upright original, in pixels; likewise ``full_height``.
    """

    pixels: Picture
    full_width: int
    full_height: int


def decode(content: bytes, longest: int | None = None) -> Decoded:
    """Decode a picture that passed the gate.

    :param longest: longest side of the result, in pixels; None for as large as is decoded at all.
    :raises PhotoRefused: as unreadable.
    """
    header = gate.parse(content)
    try:
        plain: Image.Image = Image.open(BytesIO(content), formats=["JPEG", "MPO"])
        if plain.size != (header.width, header.height):
            raise gate.unreadable()
        # The decoder halves, up to three times, as long as the result stays above this.
        scale = min(1.0, longest / max(plain.size)) if longest else 1.0
        if header.width * header.height > FULL_SCALE_PIXELS:
            scale = min(scale, 0.5)
        plain.draft(None, (int(plain.width * scale), int(plain.height * scale)))
        profile = plain.info.get("icc_profile")
        plain.load()
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as broken:
        raise gate.unreadable() from broken
    if longest:
        plain = _reduced(plain, longest)
    plain = _in_srgb(plain, profile)
    if header.orientation in _TURNS:
        plain = plain.transpose(_TURNS[header.orientation])
    full_width, full_height = header.upright
    return Decoded(np.array(plain, dtype=np.uint8), full_width, full_height)


def encode(pixels: Picture, quality: int = 92) -> bytes:
    """Return pixels as a baseline JPEG that holds nothing but them.

    :param quality: 1 to 95, as libjpeg counts.
    """
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "JPEG", quality=quality)
    return out.getvalue()


def reduced(pixels: Picture, longest: int) -> Picture:
    """Return a picture whose longer side is at most ``longest`` pixels."""
    return np.array(_reduced(Image.fromarray(pixels), longest), dtype=np.uint8)


def _reduced(picture: Image.Image, longest: int) -> Image.Image:
    scale = longest / max(picture.size)
    if scale >= 1:
        return picture
    smaller = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(smaller, Image.Resampling.BICUBIC, reducing_gap=2.0)


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return a picture in sRGB; a profile that is broken or of another kind of picture is left aside."""
    if profile and picture.mode in {"RGB", "CMYK"}:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            if "srgb" in ImageCms.getProfileDescription(source).lower() and picture.mode == "RGB":
                return picture
            turned = ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            turned = None
        if turned is not None:
            return turned
    return picture.convert("RGB")
