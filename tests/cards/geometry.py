"""Where a card lies in a photo: a flat card in space, seen by a camera."""

import numpy as np

from handlers.photos.card import HEIGHT_MM, WIDTH_MM, Quad

#: Turned and tilted cards are placed again until they suit, at most so often.
_TRIES = 200


def _seen(chance: np.random.Generator, turn: float, tilt: float) -> Quad:
    """Return the card's corners as a camera sees them, around the origin, in millimetres or so.

    :param turn: in the plane, in degrees.
    :param tilt: most about either axis, in degrees.
    """
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (WIDTH_MM / 2, HEIGHT_MM / 2)
    points = np.c_[half, np.zeros(4)]
    a, b = np.radians(chance.uniform(-tilt, tilt, 2))
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    points = points @ about_x.T @ about_y.T
    away = chance.uniform(2.2, 4.5) * WIDTH_MM
    flat = points[:, :2] * (away / (away + points[:, 2:]))
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return np.asarray(flat @ np.array([[c, s], [-s, c]]), dtype=np.float64)


def area(quad: Quad) -> float:
    """Return the area of a quad in square pixels."""
    x, y = quad.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def inside(chance: np.random.Generator, width: int, height: int, fill: tuple[float, float]) -> Quad:
    """Place a card wholly in the frame.

    :param fill: least and most size, 1 being the largest that just fits.
    """
    quarter = int(chance.integers(4)) * 90
    wide = (width > height) == (quarter % 180 == 0)
    if not wide and chance.random() < 0.7:
        quarter += 90
    skew = chance.uniform(-45, 45) if chance.random() < 0.12 and fill[0] < 0.9 else chance.uniform(-11, 11)
    if fill[0] >= 0.9:
        skew = chance.uniform(-2.5, 2.5)
    quad = _seen(chance, quarter + skew, 22 if fill[0] < 0.9 else 6)
    low, high = quad.min(0), quad.max(0)
    size = chance.uniform(*fill) * min((width - 8) / (high - low)[0], (height - 8) / (high - low)[1])
    quad = (quad - low) * size
    room = np.array([width, height]) - quad.max(0)
    return quad + 4 + (room - 8).clip(0) * chance.uniform(0, 1, 2)


def cut(chance: np.random.Generator, width: int, height: int) -> Quad:
    """Place a card so that one or two of its corners are outside the frame, by 2 to 15 % of its width."""
    for _ in range(_TRIES):
        quad = inside(chance, width, height, (0.89, 1.0))
        long = float(np.linalg.norm(quad[1] - quad[0]))
        way = ((1, 0), (-1, 0), (0, 1), (0, -1))[chance.integers(4)]
        edge = np.array([width if way[0] > 0 else 0, height if way[1] > 0 else 0])
        reach = (quad * way).sum(1).max() - float(np.dot(edge, way))
        quad = quad + np.array(way) * (chance.uniform(0.02, 0.15) * long - reach)
        outside = outside_by(quad, width, height) > 0.012 * long
        if 1 <= outside.sum() <= 2:
            return quad
    raise AssertionError("no such place; the frame is too odd")


def outside_by(quad: Quad, width: int, height: int) -> np.ndarray:
    """Return for each corner how far it lies outside the frame, in pixels; 0 within."""
    return np.maximum.reduce([-quad[:, 0], quad[:, 0] - width, -quad[:, 1], quad[:, 1] - height, np.zeros(4)])
