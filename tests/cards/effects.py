"""What spoils a photo: glare, fingers, shadows, blur, lens, light and noise.

A photo here is a float32 array of shape (height, width, 3), 0 to 255 and beyond; it is changed in place
where that is cheap, so use what a function returns.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handlers.photos.card import Quad, corners, homography, project

Pixels = NDArray[Any]


def _grid(photo: Pixels, step: int) -> tuple[Pixels, Pixels]:
    """Return x and y of every ``step``-th pixel."""
    y, x = np.mgrid[0 : photo.shape[0] : step, 0 : photo.shape[1] : step]
    return x.astype(np.float32), y.astype(np.float32)


def _full(mask: Pixels, photo: Pixels) -> Pixels:
    size = (photo.shape[1], photo.shape[0])
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR))[..., None]


def on_card(quad: Quad, *points: tuple[float, float]) -> NDArray[np.float64]:
    """Return points given as shares of the card's width and height, in pixels of the photo."""
    return project(homography(corners(1, 1), quad), np.array(points))


def glare(photo: Pixels, chance: np.random.Generator, quad: Quad) -> Pixels:
    """Burn one to three spots into the card."""
    x, y = _grid(photo, 2)
    long = float(np.linalg.norm(quad[1] - quad[0]))
    for _ in range(int(chance.integers(1, 4))):
        cx, cy = on_card(quad, (chance.uniform(0.12, 0.85), chance.uniform(0.15, 0.85)))[0]
        a, b = long * chance.uniform(0.06, 0.15, 2)
        turn = chance.uniform(0, np.pi)
        u = ((x - cx) * np.cos(turn) + (y - cy) * np.sin(turn)) / a
        v = ((y - cy) * np.cos(turn) - (x - cx) * np.sin(turn)) / b
        away = u * u + v * v
        photo += 270 * _full(1 / (1 + away**3), photo)
    return photo


def fingers(photo: Pixels, chance: np.random.Generator, quad: Quad) -> Pixels:
    """Lay one or two finger tips over the card's edge."""
    short = float(np.linalg.norm(quad[3] - quad[0]))
    for _ in range(int(chance.integers(1, 3))):
        along, deep = chance.uniform(0.12, 0.88), chance.uniform(0.10, 0.26)
        sides = ((along, 1 - deep), (along, deep), (deep * 0.6, along), (1 - deep * 0.6, along))
        ends = ((along + 0.1, 1.5), (along - 0.1, -0.5), (-0.4, along + 0.15), (1.4, along - 0.15))
        pick = int(chance.choice(4, p=(0.35, 0.15, 0.25, 0.25)))
        tip, root = on_card(quad, sides[pick], ends[pick])
        x, y = _grid(photo, 2)
        line = root - tip
        share = np.clip(((x - tip[0]) * line[0] + (y - tip[1]) * line[1]) / float(line @ line), 0, 1)
        away = np.hypot(x - tip[0] - share * line[0], y - tip[1] - share * line[1])
        radius = short * chance.uniform(0.075, 0.11)
        tone = np.asarray(((198, 146, 118), (170, 116, 92), (142, 94, 76))[chance.integers(3)], np.float32)
        round_ = 0.5 + 0.5 * np.sqrt(np.clip(1 - (away / radius) ** 2, 0, 1))
        shade = _full(np.clip(1.25 - away / (radius * 1.25), 0, 1) * 0.45, photo)
        photo *= 1 - shade
        cover = _full(np.clip((radius - away) / 2 + 0.5, 0, 1), photo)
        photo += cover * (tone * _full(round_, photo) - photo)
    return photo


def shadow(photo: Pixels, chance: np.random.Generator, quad: Quad, deep: tuple[float, float]) -> Pixels:
    """Let something throw its shadow across photo and card; ``deep`` is the least and most light taken."""
    height, width = photo.shape[0] // 8, photo.shape[1] // 8
    cx, cy = on_card(quad, (chance.uniform(0.15, 0.85), chance.uniform(0.15, 0.85)))[0] / 8
    turn = chance.uniform(0, 2 * np.pi)
    far = 3 * max(width, height)
    u, v = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    bend = chance.uniform(-0.5, 0.5) * u
    points = [(cx, cy), (cx, cy) + far * (v + bend), (cx, cy) + far * u, (cx, cy) + far * (bend - v)]
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(points)).astype(np.int32)], 255)
    soft = cv2.GaussianBlur(mask, (0, 0), max(width, height) * float(chance.uniform(0.008, 0.03)))
    photo *= 1 - float(chance.uniform(*deep)) * _full(soft.astype(np.float32) / 255, photo)
    return photo


def blur(photo: Pixels, chance: np.random.Generator, quad: Quad) -> Pixels:
    """Take sharpness away, out of focus or by a moving hand."""
    long = float(np.linalg.norm(quad[1] - quad[0]))
    if chance.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(photo, (0, 0), long * float(chance.uniform(0.0018, 0.0034))))
    reach = max(9, round(long * float(chance.uniform(0.007, 0.013))))
    kernel = np.zeros((reach, reach), np.float32)
    turn = float(chance.uniform(0, np.pi))
    half = (reach - 1) / 2
    dx, dy = half * np.cos(turn), half * np.sin(turn)
    ends = [(round(half - dx), round(half - dy)), (round(half + dx), round(half + dy))]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1, cv2.LINE_AA)
    return np.asarray(cv2.filter2D(photo, -1, kernel / kernel.sum()), dtype=np.float32)


def light(photo: Pixels, chance: np.random.Generator, gain: tuple[float, float]) -> Pixels:
    """Set exposure and white balance, and let the frame's corners and one side fall off."""
    x, y = _grid(photo, 16)
    height, width = photo.shape[:2]
    off_centre = ((x - width / 2) ** 2 + (y - height / 2) ** 2) / (width**2 + height**2) * 4
    turn = chance.uniform(0, 2 * np.pi)
    slope = ((x / width - 0.5) * np.cos(turn) + (y / height - 0.5) * np.sin(turn)) * chance.uniform(0, 0.3)
    field = (1 - chance.uniform(0.05, 0.3) * off_centre) * (1 + slope) * chance.uniform(*gain)
    warm = float(chance.uniform(-0.07, 0.07))
    photo *= _full(field, photo)
    photo *= np.array([1 + warm, 1 + float(chance.uniform(-0.015, 0.015)), 1 - warm], np.float32)
    return photo


def develop(photo: Pixels, chance: np.random.Generator, noise: tuple[float, float]) -> NDArray[np.uint8]:
    """Soften a little as lenses do, add the sensor's noise and round to whole tones."""
    photo = np.asarray(cv2.GaussianBlur(photo, (0, 0), float(chance.uniform(0.35, 0.65))))
    tile = chance.normal(0, chance.uniform(*noise), (512, 512, 3)).astype(np.float32)
    times = (-(-photo.shape[0] // 512), -(-photo.shape[1] // 512), 1)
    photo += np.tile(tile, times)[: photo.shape[0], : photo.shape[1]]
    return np.clip(photo + 0.5, 0, 255).astype(np.uint8)
