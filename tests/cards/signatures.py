"""Photos of signatures on paper, with the exact trace of the pen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from random import Random
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from handlers import specimens
from handlers.photos.card import Picture
from tests.cards import effects
from tests.cards.backgrounds import Pixels
from tests.cards.persons import person

#: Kinds of photo; the last three are not signatures in black or blue ink.
KINDS = ("plain", "shade", "shadow", "ruled", "red", "printed", "blank")
_FINDING = {"red": "wrong_ink", "printed": "not_a_signature", "blank": "blank"}
#: Size of a photo, in pixels.
WIDTH, HEIGHT = 1600, 1200
_INKS = ((24, 24, 28), (38, 38, 42), (30, 44, 108), (36, 62, 150), (22, 30, 70))
_RED = (176, 40, 44)


@dataclass(frozen=True)
class Signed:
    """A photo of a signature and the truth about it.

    :param mask: True where the pen went, in pixels of the photo.
    """

    photo: Picture
    mask: np.ndarray
    label: Mapping[str, Any]

    def jpeg(self) -> bytes:
        """Return the photo as it is uploaded."""
        out = BytesIO()
        Image.fromarray(self.photo).save(out, "JPEG", quality=85)
        return out.getvalue()


def signed(kind: str, seed: int) -> Signed:
    """Make one photo; the same kind and seed make the same one."""
    chance = np.random.default_rng([seed, *kind.encode()])
    name = person(Random(f"{kind} {seed}")).name  # noqa: S311 - a drawing, not a secret
    level = float(chance.uniform(205, 238))
    photo = np.full((HEIGHT, WIDTH, 3), (level + 2, level, level - 5), dtype=np.float32)
    photo += chance.normal(0, 1.2, (HEIGHT // 2, WIDTH // 2, 1)).astype(np.float32).repeat(2, 0).repeat(2, 1)
    if kind == "ruled":
        photo = _ruled(photo, chance)
    trace = _trace(kind, name, seed, chance)
    ink = np.asarray(_RED if kind == "red" else _INKS[chance.integers(len(_INKS))], dtype=np.float32)
    # A pen does not give ink evenly.
    flow = 0.86 + 0.14 * np.asarray(cv2.resize(chance.random((24, 32)).astype(np.float32), (WIDTH, HEIGHT)))
    photo += (trace * flow)[..., None] * (ink - photo)
    frame = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], dtype=np.float64)
    if kind == "shadow" or (kind == "ruled" and chance.random() < 0.4):
        photo = effects.shadow(photo, chance, frame, (0.25, 0.5))
    photo = effects.light(photo, chance, (0.55, 0.8) if kind == "shade" else (0.8, 1.0))
    pixels = effects.develop(photo, chance, (1.5, 4.0))
    found = [_FINDING[kind]] if kind in _FINDING else []
    return Signed(pixels, trace > 0.5, {"kind": "signature", "findings": found, "category": kind})


def _trace(kind: str, name: str, seed: int, chance: np.random.Generator) -> Pixels:
    """Return how much ink lies where, 0 to 1."""
    sheet = Image.new("L", (WIDTH, HEIGHT), 0)
    if kind == "printed":
        face = specimens.font("regular", 44)
        for row in range(9):
            text = "开户云平台测试样本合同条款仅供演示不具法律效力"
            ImageDraw.Draw(sheet).text((180, 250 + 78 * row), text, font=face, fill=255)
    elif kind != "blank":
        wide = int(WIDTH * chance.uniform(0.4, 0.85))
        signature = specimens.ink(name, seed, (wide, int(wide * 0.6)))
        signature = signature.rotate(float(chance.uniform(-12, 12)), Image.Resampling.BICUBIC, expand=True)
        room = (max(0, WIDTH - signature.width), max(0, HEIGHT - signature.height))
        sheet.paste(signature, (int(room[0] * chance.random()), int(room[1] * chance.random())))
    return np.asarray(sheet, dtype=np.float32) / 255


def _ruled(photo: Pixels, chance: np.random.Generator) -> Pixels:
    """Print the lines of a writing pad."""
    tone = np.asarray(((120, 150, 190), (150, 150, 150), (190, 130, 130))[chance.integers(3)], np.float32)
    lines = Image.new("L", (WIDTH, HEIGHT), 0)
    slope, apart = float(chance.uniform(-40, 40)), int(chance.integers(70, 130))
    for y in range(-60, HEIGHT + 60, apart):
        ImageDraw.Draw(lines).line((0, y, WIDTH, y + slope), fill=int(chance.integers(110, 190)), width=3)
    cover = np.asarray(lines, dtype=np.float32)[..., None] / 255
    return photo + cover * (tone - photo)


def signatures(count: int, seed: int) -> Iterator[tuple[str, Signed]]:
    """Make ``count`` photos with their names, all kinds in turn."""
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        yield f"signature_{kind}_{number:03d}.jpg", signed(kind, seed * 100_003 + number)
