"""Specimen ID cards and signatures: pictures that demonstrations and tests use in place of real ones.

Nobody may take one for genuine: the portrait is a drawing, 「样本」 is printed over it, and the persons are
invented. Measures are those of the resident ID card (GA 448), in millimetres from its top left corner;
fonts are the ones the web page uses too, from ``node_modules``, or Debian's package fonts-noto-cjk.
"""

import random
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from io import BytesIO
from math import cos, pi, sin
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from handlers.photos.card import CORNER_MM, HEIGHT_MM, WIDTH_MM, Quad, corners, homography

#: Characters on one line of the address.
ADDRESS_LINE = 11
#: Size of a photographed specimen, in pixels.
PHOTO = (1600, 1200)

_INK, _LABEL, _RED = (22, 22, 26), (62, 128, 178), (200, 48, 48)
_SIGNED = (28, 32, 58)
#: Printed where the counter does not know since when a card is valid.
_SOME_DAY = date(2016, 1, 1)
_HOUSE = Path(__file__).resolve().parent.parent / "node_modules" / "@expo-google-fonts" / "noto-sans-sc"
_DEBIAN = Path("/usr/share/fonts/opentype/noto")
#: Where each weight is looked for, best first.
_FONTS: Mapping[str, tuple[Path, ...]] = {
    "thin": (
        _HOUSE / "200ExtraLight" / "NotoSansSC_200ExtraLight.ttf",
        _HOUSE / "400Regular" / "NotoSansSC_400Regular.ttf",
        _DEBIAN / "NotoSansCJK-Regular.ttc",
    ),
    "regular": (_HOUSE / "400Regular" / "NotoSansSC_400Regular.ttf", _DEBIAN / "NotoSansCJK-Regular.ttc"),
    "medium": (_HOUSE / "500Medium" / "NotoSansSC_500Medium.ttf", _DEBIAN / "NotoSansCJK-Regular.ttc"),
    "bold": (_HOUSE / "700Bold" / "NotoSansSC_700Bold.ttf", _DEBIAN / "NotoSansCJK-Bold.ttc"),
}


class FontMissing(Exception):
    """No Chinese font is installed: run ``npm ci``, or install Debian's package fonts-noto-cjk."""


class Customer(Protocol):
    """What of a customer is printed on the card."""

    @property
    def name(self) -> str: ...
    @property
    def id_number(self) -> str: ...
    @property
    def id_address(self) -> str: ...
    @property
    def valid_from(self) -> date | None: ...
    @property
    def valid_until(self) -> date | None: ...


@lru_cache(maxsize=64)
def font(weight: str, size: int) -> ImageFont.FreeTypeFont:
    """Return a font of ``size`` pixels."""
    for path in _FONTS[weight]:
        if path.is_file():
            # 2 is Simplified Chinese in Debian's collection.
            return ImageFont.truetype(str(path), size, index=2 if path.suffix == ".ttc" else 0)
    raise FontMissing(FontMissing.__doc__)


class _Sheet:
    """A card being drawn, in millimetres."""

    def __init__(self, tint: str, px_per_mm: float) -> None:
        self.scale = px_per_mm
        width, height = round(WIDTH_MM * px_per_mm), round(HEIGHT_MM * px_per_mm)
        self.picture = _paper(tint, width, height).copy()
        self.draw = ImageDraw.Draw(self.picture)

    def box(self, *millimetres: float) -> tuple[float, ...]:
        return tuple(value * self.scale for value in millimetres)

    def write(
        self,
        at: tuple[float, float],
        text: str,
        size: float,
        *,
        weight: str = "regular",
        fill: tuple[int, int, int] = _INK,
        pitch: float | None = None,
    ) -> None:
        """Write ``text`` with the top of its line at ``at``; ``pitch`` sets characters apart one by one."""
        face = font(weight, round(size * self.scale))
        for number, part in enumerate(text if pitch else [text]):
            x = at[0] + number * (pitch or 0)
            self.draw.text((x * self.scale, at[1] * self.scale), part, font=face, fill=fill)

    def overprint(self, at: tuple[float, float], size: float) -> None:
        """Print 「样本」 so that what is under it shines through."""
        mask = Image.new("L", self.picture.size, 0)
        face = font("bold", round(size * self.scale))
        ImageDraw.Draw(mask).text((at[0] * self.scale, at[1] * self.scale), "样本", font=face, fill=205)
        self.picture.paste(_RED, (0, 0), mask)


@lru_cache(maxsize=8)
def _paper(tint: str, width: int, height: int) -> Image.Image:
    """Return the tinted ground with its fine wavy lines (guilloche)."""
    x = np.linspace(0, WIDTH_MM, width, dtype=np.float32)[None, :]
    y = np.linspace(0, HEIGHT_MM, height, dtype=np.float32)[:, None]
    ends = {
        "front": ((218, 236, 243), (243, 228, 232)),
        "back": ((238, 240, 238), (236, 238, 234)),
    }[tint]
    across = np.clip(0.75 * x / WIDTH_MM + 0.25 * y / HEIGHT_MM, 0, 1)[..., None]
    ground = np.asarray(ends[0], np.float32) * (1 - across) + np.asarray(ends[1], np.float32) * across
    waves = np.sin(11.0 * (y + 0.5 * np.sin(0.22 * x) + 0.06 * np.sin(1.3 * x + 0.8 * y)))
    ground += 2.2 * waves[..., None] * np.asarray((1.0, 0.7, 0.6), np.float32)
    return Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))


def front(
    name: str,
    sex: str,
    ethnic: str,
    birth: date,
    address: str,
    id_number: str,
    *,
    px_per_mm: float = 20.0,
    weight: str = "regular",
) -> Image.Image:
    """Draw the side with the portrait, sharp-cornered and flat.

    :param weight: of the printed values, ``regular`` or ``medium``.
    """
    sheet = _Sheet("front", px_per_mm)
    for y, label in ((5.6, "姓名"), (12.4, "性别"), (18.8, "出生"), (25.6, "住址")):
        sheet.write((5.2, y), label, 2.95, fill=_LABEL, pitch=3.62)
    sheet.write((25.5, 12.4), "民族", 2.95, fill=_LABEL, pitch=3.72)
    for x, label in ((25.2, "年"), (34.7, "月"), (44.5, "日")):
        sheet.write((x, 18.8), label, 2.95, fill=_LABEL)
    sheet.write((5.2, 45.3), "公民身份号码", 2.97, fill=_LABEL)
    sheet.write((15.5, 5.05), name, 4.2 if len(name) < 9 else 3.6, weight="bold")
    sheet.write((15.5, 11.9), sex, 3.6, weight=weight)
    sheet.write((35.5, 11.9), ethnic, 3.6, weight=weight)
    for x, number in ((15.4, birth.year), (29.4, birth.month), (38.9, birth.day)):
        sheet.write((x, 18.35), str(number), 3.68, weight=weight)
    for row in range(0, len(address), ADDRESS_LINE):
        y = 25.15 + 4.98 * row / ADDRESS_LINE
        sheet.write((15.5, y), address[row : row + ADDRESS_LINE], 3.5, weight=weight)
    sheet.write((29.4, 44.1), id_number, 4.2, weight="bold", pitch=2.72)
    _portrait(sheet, sum(map(ord, name)))
    sheet.overprint((59.0, 31.1), 5.9)
    return sheet.picture


def _portrait(sheet: _Sheet, person: int) -> None:
    """Draw somebody who does not exist; ``person`` picks hair, skin and clothes."""
    draw, box = sheet.draw, sheet.box
    skin = ((236, 205, 178), (222, 184, 154), (205, 162, 134))[person % 3]
    hair = ((24, 22, 22), (46, 36, 30))[person // 3 % 2]
    clothes = ((98, 20, 32), (24, 82, 62), (44, 56, 84), (226, 226, 222), (58, 66, 74))[person // 6 % 5]
    draw.rectangle(box(54.5, 6.2, 80.0, 38.2), fill=(232, 243, 247))
    draw.pieslice(box(56.6, 28.3, 77.9, 48.1), 180, 360, fill=clothes)
    draw.ellipse(box(60.8, 10.0, 73.6, 22.3), fill=hair)
    draw.rectangle(box(64.65, 24.0, 69.75, 30.5), fill=skin)
    draw.ellipse(box(61.9, 11.9, 72.5, 27.6), fill=skin)
    for x in (63.5, 68.3):
        draw.rectangle(box(x, 17.2, x + 2.6, 17.65), fill=hair)
        draw.ellipse(box(x + 0.45, 18.3, x + 2.1, 19.3), fill=(24, 22, 22))
    draw.rectangle(box(66.9, 19.6, 67.6, 22.2), fill=tuple(tone - 26 for tone in skin))
    draw.rectangle(box(65.65, 23.7, 68.75, 24.3), fill=(158, 70, 70))


def back(
    authority: str,
    valid_from: date,
    valid_to: date | None,
    *,
    px_per_mm: float = 20.0,
    weight: str = "regular",
) -> Image.Image:
    """Draw the side with the emblem; no ``valid_to`` is 长期."""
    sheet = _Sheet("back", px_per_mm)
    for dy, width, tint in ((0.0, 0.62, (198, 214, 214)), (1.95, 0.36, (208, 221, 221))):
        line = [
            (x * px_per_mm, (30.0 + dy + 2.4 * sin(x / 5.2 + 2.1) + 1.6 * sin(x / 9.0)) * px_per_mm)
            for x in np.arange(20.0, WIDTH_MM + 1, 0.5)
        ]
        sheet.draw.line(line, fill=tint, width=max(1, round(width * px_per_mm)), joint="curve")
    _emblem(sheet)
    sheet.write((27.1, 5.6), "中华人民共和国", 5.5, pitch=7.3)
    sheet.write((25.4, 14.2), "居民身份证", 7.9, pitch=11.06)
    sheet.overprint((66.0, 24.0), 5.0)
    sheet.write((18.5, 39.2), "签发机关", 2.97, weight="bold")
    sheet.write((18.5, 45.6), "有效期限", 2.97, weight="bold")
    sheet.write((35.0, 39.35), authority, 3.5, weight=weight)
    until = f"{valid_to:%Y.%m.%d}" if valid_to else "长期"
    sheet.write((35.0, 45.15), f"{valid_from:%Y.%m.%d}-{until}", 3.5, weight=weight)
    return sheet.picture


def _emblem(sheet: _Sheet) -> None:
    """Draw a round shield that recalls the emblem and is not it."""

    def star(x: float, y: float, radius: float) -> None:
        points = [
            (
                (x + radius * (1, 0.4)[tip % 2] * sin(tip * pi / 5)) * sheet.scale,
                (y - radius * (1, 0.4)[tip % 2] * cos(tip * pi / 5)) * sheet.scale,
            )
            for tip in range(10)
        ]
        sheet.draw.polygon(points, fill=(246, 206, 70))

    sheet.draw.ellipse(sheet.box(5.8, 6.3, 20.2, 20.7), fill=(222, 160, 48))
    sheet.draw.ellipse(sheet.box(7.1, 7.6, 18.9, 19.4), fill=(206, 38, 36))
    star(13.0, 10.5, 1.75)
    for x, y in ((10.6, 12.6), (12.05, 13.4), (13.95, 13.4), (15.4, 12.6)):
        star(x, y, 0.72)
    sheet.draw.rectangle(sheet.box(9.45, 14.75, 16.55, 17.3), fill=(236, 190, 62))


def rounded(card: Image.Image) -> Image.Image:
    """Return the card with its corners rounded off, as RGBA."""
    # Drawn four times as large: Pillow does not smooth the edges of shapes.
    large = Image.new("L", (card.width * 2, card.height * 2), 0)
    radius = 2 * card.width * CORNER_MM / WIDTH_MM
    ImageDraw.Draw(large).rounded_rectangle((0, 0, large.width - 1, large.height - 1), radius, fill=255)
    whole = card.convert("RGBA")
    whole.putalpha(large.resize(card.size, Image.Resampling.BOX))
    return whole


def ink(name: str, seed: int, size: tuple[int, int] = (1200, 800)) -> Image.Image:
    """Return where a pen went when it signed ``name``: 255 on the stroke, 0 elsewhere.

    The printed outline of each character is leaned, set unevenly and bent, so that no two seeds agree.
    """
    chance = random.Random(f"{name} {seed}")  # noqa: S311 - a drawing, not a secret
    width, height = size
    letters = name.replace("·", "") or "样本"
    em = round(min(0.62 * height, 0.82 * width / len(letters)))
    sheet = Image.new("L", size, 0)
    x = (width - em * 0.92 * len(letters)) / 2
    for letter in letters:
        tall = round(em * chance.uniform(0.86, 1.08))
        one = Image.new("L", (round(tall * 1.6), round(tall * 1.6)), 0)
        ImageDraw.Draw(one).text(
            (one.width / 2, one.height / 2), letter, font=font("thin", tall), fill=255, anchor="mm",
        )  # fmt: skip
        lean = chance.uniform(0.10, 0.32)
        one = one.transform(
            one.size, Image.Transform.AFFINE,
            (1, lean, -lean * one.height / 2, chance.uniform(-0.05, 0.09), 1, 0), Image.Resampling.BICUBIC,
        )  # fmt: skip
        here = (
            round(x - (one.width - em) / 2),
            round((height - one.height) / 2 + em * chance.uniform(-0.06, 0.06)),
        )
        placed = Image.new("L", size, 0)
        placed.paste(one, here)
        sheet = ImageChops.lighter(sheet, placed)
        x += em * chance.uniform(0.84, 0.96)
    return _bent(sheet, chance, em / 26).filter(ImageFilter.GaussianBlur(0.8))


def _bent(sheet: Image.Image, chance: random.Random, by: float) -> Image.Image:
    """Bend a picture smoothly, by at most ``by`` pixels."""
    across, down = 41, 27
    xs = [round(sheet.width * i / (across - 1)) for i in range(across)]
    ys = [round(sheet.height * j / (down - 1)) for j in range(down)]
    slow, fast = chance.uniform(0.010, 0.016), chance.uniform(0.022, 0.034)
    first, second = chance.uniform(0, 6), chance.uniform(0, 6)
    moved = {
        (i, j): (
            xs[i] + by * (0.7 * sin(slow * ys[j] + first) + 0.3 * sin(fast * xs[i] + second)),
            ys[j] + by * (0.7 * sin(slow * xs[i] + second) + 0.3 * sin(fast * ys[j] + first)),
        )
        for i in range(across)
        for j in range(down)
    }
    mesh = [
        (
            (xs[i], ys[j], xs[i + 1], ys[j + 1]),
            (*moved[i, j], *moved[i, j + 1], *moved[i + 1, j + 1], *moved[i + 1, j]),
        )
        for i in range(across - 1)
        for j in range(down - 1)
    ]
    return sheet.transform(sheet.size, Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)


def signature(name: str, seed: int = 0) -> Image.Image:
    """Draw a signature in blue-black ink on white paper."""
    paper = Image.new("RGB", (1200, 800), (247, 247, 245))
    paper.paste(_SIGNED, (0, 0), ink(name, seed))
    return paper


def on_desk(card: Image.Image, quad: Quad) -> Image.Image:
    """Return a photo of :data:`PHOTO` pixels: a card with its corners at ``quad`` on a dark desk."""
    back_again = homography(quad, corners(card.width, card.height))
    laid = rounded(card).transform(
        PHOTO, Image.Transform.PERSPECTIVE, tuple(back_again.reshape(9)[:8]), Image.Resampling.BICUBIC
    )
    photo = _desk().copy()
    alpha = laid.getchannel("A")
    small = alpha.resize((PHOTO[0] // 8, PHOTO[1] // 8)).filter(ImageFilter.GaussianBlur(2.5))
    shade = ImageChops.offset(small.resize(PHOTO, Image.Resampling.BILINEAR), 5, 9).point(lambda a: a * 0.55)
    photo.paste((8, 8, 9), (0, 0), shade)
    photo.paste(laid, (0, 0), alpha)
    return photo


@lru_cache(maxsize=1)
def _desk() -> Image.Image:
    """Return a dark, slightly grained desk top."""
    chance = np.random.default_rng(7)
    y = np.linspace(0, 1, PHOTO[1], dtype=np.float32)[:, None]
    x = np.linspace(0, 1, PHOTO[0], dtype=np.float32)[None, :]
    grain = chance.normal(0, 2.4, (PHOTO[1], 1)).astype(np.float32)
    spots = np.tile(chance.normal(0, 1.5, (300, 400)).astype(np.float32), (4, 4))
    light = 46 + 10 * (1 - y) - 6 * x + grain + spots
    tones = [Image.fromarray(np.asarray(light * tint, dtype=np.uint8)) for tint in (1.0, 0.94, 0.9)]
    return Image.merge("RGB", tones)


def _quad_on_desk(seed: int) -> Quad:
    """Return corners of a card that fills most of the photo and is turned a little."""
    turn = (2.0, -1.6, 1.2, -2.2)[seed % 4] * pi / 180
    half_width, half_height = 744.0, 744.0 * HEIGHT_MM / WIDTH_MM
    # The far side is a little shorter, as when somebody holds the telephone by hand.
    flat = ((-0.985, -1.0), (0.985, -1.0), (1.0, 1.0), (-1.0, 1.0))
    return np.array(
        [
            (
                PHOTO[0] / 2 + x * half_width * cos(turn) - y * half_height * sin(turn),
                PHOTO[1] / 2 + x * half_width * sin(turn) + y * half_height * cos(turn),
            )
            for x, y in flat
        ]
    )


def _jpeg(picture: Image.Image) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


@lru_cache(maxsize=64)
def _slot(slot: str, name: str, number: str, address: str, start: date | None, end: date | None) -> bytes:
    if slot == "signature":
        return _jpeg(signature(name))
    if slot == "front":
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        sex = "男" if int(number[16]) % 2 else "女"
        ethnic = "维吾尔" if "·" in name else "汉"
        card = front(name, sex, ethnic, born, address, number, px_per_mm=18)
    else:
        card = back(_authority(address), start or _SOME_DAY, end, px_per_mm=18)
    return _jpeg(on_desk(card, _quad_on_desk(sum(map(ord, name)) + (slot == "back"))))


def _authority(address: str) -> str:
    """Return the police office of an address, roughly: where 区 or 县 ends, or else the 市."""
    for sign in ("区", "县", "市"):
        at = address.find(sign, 3)
        if 0 < at < 16 and not address[:at].endswith("自治"):
            place = address[: at + 1]
            start = max(place.rfind("市", 0, at), place.rfind("省", 0, at), place.rfind("自治区", 0, at) + 2)
            return f"{place[start + 1 :] if start > 0 else place}公安局"
    return "样本市公安局"


def for_customer(customer: Customer) -> dict[str, bytes]:
    """Return good uploads for one customer, as JPEG by slot: ``front``, ``back`` and ``signature``."""
    printed = (
        customer.name, customer.id_number, customer.id_address, customer.valid_from, customer.valid_until
    )  # fmt: skip
    return {slot: _slot(slot, *printed) for slot in ("front", "back", "signature")}


def of(slot: str, customer: Customer) -> bytes:
    """Return one of the pictures of :func:`for_customer`; the others are not drawn."""
    return _slot(
        slot,
        customer.name,
        customer.id_number,
        customer.id_address,
        customer.valid_from,
        customer.valid_until,
    )
