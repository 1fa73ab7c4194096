"""What a card may lie on: eight kinds of ground, most made here, some from pictures in scikit-image."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from handlers.specimens import font

Pixels = NDArray[Any]
_DATA = Path(skimage.__file__).parent / "data"
_PHOTOS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "hubble_deep_field.jpg",
)
_TEXTURES = ("brick.png", "grass.png", "gravel.png")


@lru_cache(maxsize=16)
def _shipped(name: str) -> Pixels | None:
    """Return a picture of scikit-image; none if this release left it out of the wheel."""
    path = _DATA / name
    if not path.is_file():
        return None
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.float32)


def _fill(picture: Pixels, width: int, height: int) -> Pixels:
    """Enlarge a picture until it covers the frame, and cut its middle out."""
    scale = max(width / picture.shape[1], height / picture.shape[0])
    size = (max(width, round(picture.shape[1] * scale)), max(height, round(picture.shape[0] * scale)))
    large = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    x, y = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(large[y : y + height, x : x + width])


def _clouds(chance: np.random.Generator, width: int, height: int, coarse: int) -> Pixels:
    """Return smooth noise from about -1 to 1; ``coarse`` is the size of its spots in pixels."""
    small = chance.normal(0, 1, (max(3, height // coarse), max(3, width // coarse))).astype(np.float32)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]


def _plain(
    chance: np.random.Generator, width: int, height: int, colour: tuple[float, ...], rough: float = 1.0
) -> Pixels:
    ground = np.full((height, width, 3), colour, dtype=np.float32)
    ground += rough * (5 * _clouds(chance, width, height, 90) + 3 * _clouds(chance, width, height, 9))
    return ground


def dark(chance: np.random.Generator, width: int, height: int) -> Pixels:
    """A dark cloth or desk top."""
    tones = ((34, 32, 30), (58, 54, 52), (24, 40, 72), (22, 52, 40), (104, 60, 40), (46, 46, 52))
    return _plain(chance, width, height, tones[chance.integers(len(tones))])


def wood(chance: np.random.Generator, width: int, height: int) -> Pixels:
    """Boards with a grain along them."""
    tones = ((92, 56, 40), (150, 112, 76), (196, 168, 122), (118, 78, 52))
    tone = np.asarray(tones[chance.integers(len(tones))], dtype=np.float32)
    long = cv2.resize(
        chance.normal(0, 1, (height // 4, 14)).astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    fine = cv2.resize(
        chance.normal(0, 1, (height, 30)).astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR
    )
    ground = tone * (1 + 0.10 * long + 0.05 * fine)[..., None]
    board = int(chance.integers(height // 5, height // 2))
    for y in range(int(chance.integers(0, board)), height, board):
        ground[y : y + 4] *= 0.55
    return (
        ground
        if chance.random() < 0.6
        else np.ascontiguousarray(_fill(ground.transpose(1, 0, 2), width, height))
    )


def texture(chance: np.random.Generator, width: int, height: int) -> Pixels:
    """Brick, grass or gravel, tinted; or regular spots."""
    name = _TEXTURES[chance.integers(len(_TEXTURES))]
    shipped = _shipped(name)
    if shipped is None or chance.random() < 0.25:
        spots = np.sin(_clouds(chance, width, height, 34) * 5)
        return 118 + 88 * spots * np.ones(3, np.float32)
    tint = np.asarray(((1.0, 1.0, 1.0), (1.05, 0.92, 0.8), (0.85, 0.95, 1.05)), np.float32)
    return _fill(shipped, width, height) * tint[chance.integers(3)]


def photo(chance: np.random.Generator, width: int, height: int) -> Pixels:
    """Some photograph."""
    shipped = _shipped(_PHOTOS[chance.integers(len(_PHOTOS))])
    return wood(chance, width, height) if shipped is None else _fill(shipped, width, height)


def page(chance: np.random.Generator, width: int, height: int) -> Pixels:
    """A printed page, somewhat turned."""
    side = int(np.hypot(width, height) / 2)
    sheet = Image.new("L", (side, side), 236)
    draw = ImageDraw.Draw(sheet)
    size = int(chance.integers(18, 34)) // 2
    words = "本协议由甲乙双方共同签署以下条款内容仅供测试使用开户云平台提示投资者注意风险审慎决策合同编号"
    for y in range(0, side, round(size * 1.5)):
        line = "".join(words[i] for i in chance.integers(0, len(words), side // size + 1))
        draw.text((0, y), line, font=font("regular", size), fill=int(chance.integers(40, 70)))
    turned = np.asarray(sheet.rotate(float(chance.uniform(-30, 30)), fillcolor=236), dtype=np.float32)
    x, y = (side - width // 2) // 2, (side - height // 2) // 2
    cut = turned[y : y + height // 2, x : x + width // 2]
    return cv2.resize(cut, (width, height), interpolation=cv2.INTER_LINEAR)[..., None] * np.ones(
        3, np.float32
    )


def white(chance: np.random.Generator, width: int, height: int) -> Pixels:
    """A white desk, hardly darker or lighter than the card."""
    level = float(chance.uniform(214, 240))
    return _plain(chance, width, height, (level + 1, level, level + 2), 0.35)


def clutter(chance: np.random.Generator, width: int, height: int) -> Pixels:
    """Coloured things lying about."""
    ground = (dark, wood, texture)[chance.integers(3)](chance, width, height)
    sheet = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(sheet)
    for _ in range(int(chance.integers(7, 16))):
        x, y = chance.uniform(0, width), chance.uniform(0, height)
        a, b = chance.uniform(40, 260, 2)
        colour = tuple(int(tone) for tone in chance.integers(15, 245, 3))
        if chance.random() < 0.4:
            draw.ellipse((x - a, y - b, x + a, y + b), fill=colour)
        else:
            turn = chance.uniform(0, np.pi)
            u = np.array([np.cos(turn), np.sin(turn)])
            v = np.array([-u[1], u[0]])
            points = [tuple((x, y) + s * a * u + t * b * v) for s, t in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            draw.polygon(points, fill=colour)
    return np.asarray(sheet, dtype=np.float32)


def desk(chance: np.random.Generator, width: int, height: int) -> Pixels:
    """A desk of one middling colour."""
    return _plain(chance, width, height, tuple(float(tone) for tone in chance.uniform(60, 170, 3)))


GROUNDS: Mapping[str, Callable[[np.random.Generator, int, int], Pixels]] = {
    "dark": dark, "wood": wood, "texture": texture, "photo": photo,
    "page": page, "white": white, "clutter": clutter, "desk": desk,
}  # fmt: skip
