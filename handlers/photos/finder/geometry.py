"""Plane geometry of quads and lines, for many of them at once.

A line is n · p = c with a unit normal n, kept as (nx, ny, c) in pixels. Quads are (n, 4, 2), their corners
clockwise on the screen (y grows downwards).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from handlers.photos.card import HEIGHT_MM, WIDTH_MM, Quad

Floats = NDArray[np.float64]

#: Width to height of the card.
ASPECT = WIDTH_MM / HEIGHT_MM
#: Focal lengths tried, as shares of the photo's long side: wide phone cameras to tele lenses and cut-outs.
FOCAL_LENGTHS = (0.7, 0.9, 1.2, 1.8, 4.0)


def lines_through(starts: Floats, ends: Floats) -> Floats:
    """Return the lines (n, 3) through pairs of points."""
    along = ends - starts
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return np.asarray(np.c_[normal, np.sum(normal * starts, axis=1)], dtype=np.float64)


def crossings(first: Floats, second: Floats) -> Floats:
    """Return the points (n, m, 2) where each of ``first`` meets each of ``second``; far off when parallel."""
    a, b = first[:, None, :], second[None, :, :]
    turn = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    turn = np.where(np.abs(turn) < 1e-6, 1e-6, turn)
    x = (a[..., 2] * b[..., 1] - a[..., 1] * b[..., 2]) / turn
    y = (a[..., 0] * b[..., 2] - a[..., 2] * b[..., 0]) / turn
    return np.stack([x, y], axis=-1)


def areas(quads: Floats) -> Floats:
    """Return signed areas in square pixels, positive when the corners run clockwise on the screen."""
    x, y = quads[..., 0], quads[..., 1]
    after_x, after_y = np.roll(x, -1, axis=-1), np.roll(y, -1, axis=-1)
    return np.asarray(0.5 * np.sum(x * after_y - after_x * y, axis=-1))


def convex(quads: Floats) -> NDArray[np.bool_]:
    """Say which quads are convex and run clockwise on the screen."""
    side = np.roll(quads, -1, axis=-2) - quads
    after = np.roll(side, -1, axis=-2)
    return np.asarray(np.all(side[..., 0] * after[..., 1] - side[..., 1] * after[..., 0] > 0, axis=-1))


def overlap(one: Quad, other: Quad) -> float:
    """Return intersection over union of two convex quads, 0 to 1."""
    shared = intersection(one, other)
    union = abs(float(areas(one))) + abs(float(areas(other))) - shared
    return shared / union if union > 0 else 0.0


def intersection(one: Quad, other: Quad) -> float:
    """Return the area two convex quads share, in square pixels."""
    return float(cv2.intersectConvexConvex(one.astype(np.float32), other.astype(np.float32))[0])


def aspect_errors(quads: Floats, width: float, height: float) -> tuple[Floats, Floats]:
    """Say how far quads are from a slanted view of the card, and which way they lie.

    Zhang & He, "Whiteboard scanning and image enhancement" (2007), eq. 11, 12 and 20: a quad tells width to
    height of the rectangle it shows once the focal length is known, with the principal point in the centre
    of the photo. The focal length is not known, so the kindest of :data:`FOCAL_LENGTHS` counts.

    :return: errors, about the relative error of the aspect plus that of the right angle, 0 for a card; and
        the natural logarithm of width to height, side 0 counting as width.
    """
    unit = max(width, height)
    flat = (quads - np.array([width / 2, height / 2])) / unit
    points = np.concatenate([flat, np.ones((*flat.shape[:-1], 1))], axis=-1)
    top_left, top_right, low_right, low_left = (points[..., i, :] for i in range(4))

    def triple(a: Floats, b: Floats, c: Floats) -> Floats:
        found = np.sum(np.cross(a, b) * c, axis=-1)
        return np.asarray(np.where(np.abs(found) < 1e-12, 1e-12, found))

    k2 = triple(top_left, low_right, low_left) / triple(top_right, low_right, low_left)
    k3 = triple(top_left, low_right, top_right) / triple(low_left, low_right, top_right)
    across = k2[..., None] * top_right - top_left
    down = k3[..., None] * low_left - top_left
    best = np.full(quads.shape[:-2], np.inf)
    ratio = np.zeros(quads.shape[:-2])
    for focal in FOCAL_LENGTHS:
        weight = np.array([1 / focal**2, 1 / focal**2, 1.0])
        wide = np.sqrt(np.sum(across**2 * weight, axis=-1)) + 1e-12
        high = np.sqrt(np.sum(down**2 * weight, axis=-1)) + 1e-12
        skew = np.abs(np.sum(across * down * weight, axis=-1)) / (wide * high)
        logarithm = np.log(wide / high)
        error = np.abs(np.abs(logarithm) - np.log(ASPECT)) + skew
        ratio = np.where(error < best, logarithm, ratio)
        best = np.minimum(error, best)
    return best, ratio


def outside(quad: Quad, width: float, height: float) -> float:
    """Return how far the worst corner lies outside the frame, as a share of the quad's shorter side."""
    beyond = np.maximum(np.maximum(-quad, quad - np.array([width, height])), 0.0)
    sides = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
    return float(beyond.max() / max(float(sides.min()), 1.0))


def turned(quad: Quad, quarters: int) -> Quad:
    """Return the same corners, the first one ``quarters`` of a turn further on."""
    return np.roll(quad, -quarters, axis=0)
