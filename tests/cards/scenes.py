"""One photo of a specimen card: ground, card, light and what spoils it, with its label."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from random import Random
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw

from handlers import specimens
from handlers.photos.card import Picture, Quad, Side, corners
from tests.cards import effects, geometry
from tests.cards.backgrounds import GROUNDS, Pixels
from tests.cards.persons import Person, person

#: Of 240 photos, so many are of each category.
CATEGORIES: Mapping[str, int] = {
    "normal": 90, "clutter": 30, "lowcontrast": 25, "glare": 20, "blur": 15, "tight": 14,
    "finger": 12, "shadow": 10, "partial": 10, "gray": 8, "dark": 6,
}  # fmt: skip
_FINDING = {
    "lowcontrast": "low_contrast", "glare": "glare", "blur": "blur", "finger": "occluded",
    "shadow": "shadow", "partial": "cut_off", "gray": "grey_copy", "dark": "dark",
}  # fmt: skip
_GROUNDS = {
    "clutter": ("clutter", "photo", "page", "texture"),
    "lowcontrast": ("white",),
    "dark": ("wood", "desk", "dark"),
    "": ("dark", "wood", "desk", "texture", "photo", "dark", "wood"),
}
#: Sides of a photo, in pixels.
LONG, SHORT = 2000, 1500
#: A pixel is burnt out from this tone of its darkest channel on.
BURNT = 248
#: How to store an upright picture so that its EXIF orientation turns it upright again.
_STORED = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


@dataclass(frozen=True)
class Scene:
    """A photo and the truth about it.

    :param photo: upright.
    :param label: as in ``labels.json``, without the file's name.
    :param orientation: EXIF orientation under which it is stored.
    """

    photo: Picture
    label: Mapping[str, Any]
    orientation: int
    quality: int
    place: bool

    @property
    def quad(self) -> Quad:
        """The card's sharp corners in its own order, in pixels of the upright photo."""
        return np.array(self.label["corners"], dtype=np.float64)

    def jpeg(self) -> bytes:
        """Return the photo as a telephone would store it, some with the place where it was taken."""
        picture = Image.fromarray(self.photo)
        if self.orientation in _STORED:
            picture = picture.transpose(_STORED[self.orientation])
        exif = Image.Exif()
        exif[0x010F] = "Specimen"
        exif[0x0112] = self.orientation
        if self.place:
            exif.get_ifd(0x8825).update({1: "N", 2: (30.0, 16.0, 27.0), 3: "E", 4: (120.0, 9.0, 18.0)})
        out = BytesIO()
        picture.save(out, "JPEG", quality=self.quality, exif=exif)
        return out.getvalue()


def scene(category: str, seed: int, side: Side | None = None, who: Person | None = None) -> Scene:
    """Make one photo; the same category and seed make the same one.

    :param who: whose card; an invented person's otherwise.
    """
    chance = np.random.default_rng([seed, *category.encode()])
    who = who or person(Random(f"{category} {seed}"))  # noqa: S311 - a drawing, not a secret
    side = side or ("front" if chance.random() < 0.6 else "back")
    width, height = (LONG, SHORT) if chance.random() < 0.55 else (SHORT, LONG)
    if category == "partial":
        quad = geometry.cut(chance, width, height)
    else:
        fill = {"tight": (0.95, 1.0), "blur": (0.66, 0.98)}.get(category, (0.64, 1.0))
        quad = geometry.inside(chance, width, height, fill)
    kinds = _GROUNDS.get(category, _GROUNDS[""])
    ground = GROUNDS[kinds[chance.integers(len(kinds))]](chance, width, height)
    card = _card(who, side, chance, rim=(0, 60) if category == "lowcontrast" else (20, 150))
    if category == "gray":
        card[..., :3] = (card[..., :3] @ np.array([0.3, 0.59, 0.11], np.float32))[..., None] * 0.94 + 6
    photo, mask = _laid(ground, card, quad, chance, weak=category == "lowcontrast")
    photo = _spoilt(photo, category, chance, quad)
    pixels = effects.develop(photo, chance, (2.5, 5.0) if category == "dark" else (0.8, 3.0))
    card_only = mask > 0.5
    darkest = np.minimum(np.minimum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
    burnt = float((darkest[card_only] >= BURNT).mean())
    label = {
        "kind": "card",
        "side": side,
        "corners": [[round(float(x), 1), round(float(y), 1)] for x, y in quad],
        "fields": who.front if side == "front" else who.back,
        "findings": [_FINDING[category]] if category in _FINDING else [],
        "glare_share": round(burnt, 4),
        "frame_share": round(geometry.area(quad) / (width * height), 3),
        "category": category,
    }
    return Scene(
        photo=pixels,
        label=label,
        orientation=int(chance.choice((1, 6, 8, 3), p=(0.55, 0.2, 0.15, 0.1))),
        quality=int(chance.integers(68, 94)),
        place=bool(chance.random() < 0.5),
    )


def _card(who: Person, side: Side, chance: np.random.Generator, rim: tuple[int, int]) -> Pixels:
    """Draw a card as float RGBA, 0 to 255; ``rim`` is the least and most light that its rim catches."""
    weight = "medium" if chance.random() < 0.25 else "regular"
    if side == "front":
        card = specimens.front(
            who.name, who.sex, who.ethnic, who.birth, who.address, who.id_number, weight=weight
        )
    else:
        card = specimens.back(who.authority, who.valid_from, who.valid_to, weight=weight)
    caught = Image.new("L", card.size, 0)
    ImageDraw.Draw(caught).rounded_rectangle(
        (0, 0, card.width - 1, card.height - 1), 63, outline=int(chance.integers(*rim)), width=7
    )
    card.paste((255, 255, 255), (0, 0), caught)
    return np.asarray(specimens.rounded(card), dtype=np.float32)


def _laid(
    ground: Pixels, card: Pixels, quad: Quad, chance: np.random.Generator, *, weak: bool
) -> tuple[Pixels, Pixels]:
    """Lay the card on the ground, with the shadow where it touches; return photo and the card's mask."""
    height, width = ground.shape[:2]
    shrink = float(np.linalg.norm(quad[1] - quad[0])) / card.shape[1]
    if shrink < 0.72:
        # Otherwise thin strokes would fall between the samples.
        card = np.asarray(
            cv2.resize(card, None, fx=max(0.35, shrink), fy=max(0.35, shrink), interpolation=cv2.INTER_AREA)
        )
    card[..., :3] *= card[..., 3:] / 255
    source = (corners(card.shape[1], card.shape[0]) - 0.5).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(source, (quad - 0.5).astype(np.float32))
    seen = np.asarray(cv2.warpPerspective(card, matrix, (width, height), flags=cv2.INTER_LINEAR))
    mask = seen[..., 3] / 255
    reach = float(chance.uniform(4, 14))
    turn = float(chance.uniform(0, 2 * np.pi))
    small = cv2.GaussianBlur(cv2.resize(mask, (width // 4, height // 4)), (0, 0), reach / 4)
    there = np.array([[1, 0, reach / 8 * np.cos(turn)], [0, 1, reach / 8 * np.sin(turn)]], np.float32)
    small = cv2.warpAffine(small, there, (width // 4, height // 4))
    deep = float(chance.uniform(0.03, 0.12) if weak else chance.uniform(0.2, 0.55))
    ground *= 1 - deep * np.asarray(cv2.resize(small, (width, height)))[..., None]
    ground *= 1 - mask[..., None]
    ground += seen[..., :3]
    return ground, mask


def _spoilt(photo: Pixels, category: str, chance: np.random.Generator, quad: Quad) -> Pixels:
    """Do to a photo what its category says, and what happens to any."""
    if category == "shadow" or chance.random() < 0.2:
        photo = effects.shadow(photo, chance, quad, (0.35, 0.6) if category == "shadow" else (0.2, 0.5))
    if category == "finger":
        photo = effects.fingers(photo, chance, quad)
    photo = effects.light(
        photo, chance, {"dark": (0.32, 0.48), "glare": (0.75, 0.95)}.get(category, (0.72, 1.02))
    )
    if category == "glare":
        photo = effects.glare(photo, chance, quad)
    if category == "blur":
        photo = effects.blur(photo, chance, quad)
    return photo


def kinds(count: int) -> list[str]:
    """Return categories in turn, in the proportions of :data:`CATEGORIES`."""
    total = sum(CATEGORIES.values())
    due = dict.fromkeys(CATEGORIES, 0.0)
    chosen = []
    for _ in range(count):
        for name, share in CATEGORIES.items():
            due[name] += share / total
        most = max(due, key=lambda name: due[name])
        due[most] -= 1
        chosen.append(most)
    return chosen


def scenes(count: int, seed: int, category: str | None = None) -> Iterator[tuple[str, Scene]]:
    """Make ``count`` photos with their names; without ``category`` all kinds."""
    for number, kind in enumerate([category] * count if category else kinds(count)):
        yield f"{kind}_{number:03d}.jpg", scene(kind, seed * 100_003 + number)
