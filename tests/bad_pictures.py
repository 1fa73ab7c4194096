"""Pictures as customers should not send them, made from nothing; and jobs as no child should be given."""

import os
import random
import signal
import struct
import time
import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageDraw

from handlers.photos import decoding

#: What must never be found in a picture people are shown.
SECRET = b"<script>alert(1)</script>"


def scene(width: int = 800, height: int = 600, mode: str = "RGB") -> Image.Image:
    """Draw something with a corner of its own: red top left, blue bottom right."""
    across = np.linspace(60, 200, width)[None, :, None]
    down = np.linspace(0, 40, height)[:, None, None]
    picture = Image.fromarray(np.broadcast_to(across + down, (height, width, 3)).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 0, width // 4, height // 4), fill=(220, 20, 20))
    pen.rectangle((width * 3 // 4, height * 3 // 4, width, height), fill=(20, 20, 220))
    return picture.convert(mode)


def jpeg(picture: Image.Image | None = None, **how: Any) -> bytes:
    """Return a picture as JPEG."""
    out = BytesIO()
    (picture or scene()).save(out, "JPEG", **{"quality": 85, **how})
    return out.getvalue()


def other(kind: str) -> bytes:
    """Return a picture of another kind than JPEG."""
    out = BytesIO()
    scene().save(out, kind)
    return out.getvalue()


def heic() -> bytes:
    """Return what the first bytes of an iPhone's own format are."""
    return b"\0\0\0\x24ftypheic\0\0\0\0mif1heic" + bytes(4000)


def padded(size: int) -> bytes:
    """Return a good picture of exactly ``size`` bytes: comments fill it up."""
    good = jpeg()
    left, comments = size - len(good), []
    while left:
        piece = min(left, 65_537)
        piece -= 4 if 0 < left - piece < 4 else 0
        comments.append(b"\xff\xfe" + (piece - 2).to_bytes(2, "big") + bytes(piece - 4))
        left -= piece
    return good[:2] + b"".join(comments) + good[2:]


def segment(marker: int, body: bytes) -> bytes:
    """Return a JPEG segment."""
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body


def with_segment(marker: int, body: bytes, good: bytes | None = None) -> bytes:
    """Return a good picture with a segment of ours at its beginning."""
    good = good or jpeg()
    return good[:2] + segment(marker, body) + good[2:]


def claiming(width: int, height: int, frame: int = 0xC0) -> bytes:
    """Return a small picture whose header claims another size or another way of coding."""
    good = bytearray(jpeg())
    at = good.index(b"\xff\xc0")
    good[at + 1] = frame
    good[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(good)


def turned(orientation: int) -> bytes:
    """Return the scene as a camera held otherwise stores it: upright once its orientation is applied."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Transpose that undoes each orientation
    picture = scene()
    if orientation in back:
        picture = picture.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return jpeg(picture, exif=exif)


def with_place() -> bytes:
    """Return a picture that says where it was taken, and more."""
    exif = Image.Exif()
    exif[0x010F] = "SECRET CAMERA"
    exif.get_ifd(0x8825).update({1: "N", 2: (31.0, 14.0, 7.0), 3: "E", 4: (121.0, 28.0, 9.0)})
    return with_segment(0xFE, SECRET, jpeg(exif=exif, icc_profile=profile()))


def profile() -> bytes:
    """Return a colour profile."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def two_in_one() -> bytes:
    """Return an MPO, as phones with two lenses make it."""
    out = BytesIO()
    scene().save(out, "MPO", save_all=True, append_images=[scene(640, 640)])
    return out.getvalue()


def archive() -> bytes:
    """Return a ZIP."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("evil.txt", "x" * 200)
    return out.getvalue()


def motion() -> bytes:
    """Return what a motion photo has behind its end: a film, and the maker's own marks."""
    film = b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + random.Random(7).randbytes(200_000)  # noqa: S311
    return film + b"MotionPhoto_Data" + b"SEFH\x6b\0\0\0\x01\0\0\0" + bytes(12) + b"\x18\0\0\0SEFT"


def mutated(count: int, seed: int) -> Iterator[bytes]:
    """Yield broken JPEGs: bytes changed, pieces cut out, doubled or exchanged."""
    chance = random.Random(seed)  # noqa: S311
    small = scene(640, 600)
    kinds = [
        jpeg(small, quality=40),
        jpeg(small, quality=30, progressive=True),
        jpeg(small.convert("L"), quality=40),
        jpeg(small.convert("CMYK"), quality=30),
        jpeg(small, quality=40, restart_marker_rows=2),
        with_segment(
            0xE1, b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", jpeg(small)
        ),
        jpeg(small, quality=40, icc_profile=profile()),
    ]
    for _ in range(count):
        bad = bytearray(chance.choice(kinds))
        # Most damage goes where the structure is: the first kilobyte.
        for _ in range(chance.choice((1, 1, 2, 5, 20))):
            at = chance.randrange(2, chance.choice((700, len(bad))))
            match chance.randrange(5):
                case 0 | 1:
                    bad[at] = chance.choice((0, 0xFF, chance.randrange(256)))
                case 2:
                    del bad[at : at + chance.randrange(1, 40)]
                case 3:
                    bad[at:at] = bad[at : at + chance.randrange(1, 400)]
                case _:
                    bad[at : at + 2] = chance.randbytes(2)
        bad[:3] = b"\xff\xd8\xff"
        yield bytes(bad)


# Jobs for children.


def pid() -> int:
    """Say who did it."""
    return os.getpid()


def again(value: Any) -> Any:
    """Give back what was given."""
    return value


def surroundings() -> dict[str, str]:
    """Say what the environment is."""
    return dict(os.environ)


def decode(content: bytes) -> list[int]:
    """Decode a picture and say how large it is."""
    return list(decoding.decode(content, 200).pixels.shape)


def sleep() -> None:
    """Hang without doing anything."""
    time.sleep(600)


def spin() -> None:
    """Hang and do much."""
    while True:
        pass


def eat() -> int:
    """Want more memory than there is for a child."""
    return len(bytearray(3 << 30))


def crash() -> None:
    """Do as a decoder does that writes where it must not."""
    os.kill(os.getpid(), signal.SIGSEGV)


def fail() -> None:
    """Be wrong."""
    raise LookupError("a job was wrong")


def end_once(mark: str) -> str:
    """End as if killed from outside, but only the first time."""
    try:
        with open(mark, "x"):
            os.kill(os.getpid(), signal.SIGKILL)
    except FileExistsError:
        pass
    return "done"


def memory() -> int:
    """Say how much memory this process has used at most, in bytes."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
