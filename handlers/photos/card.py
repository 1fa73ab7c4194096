"""The resident ID card: its measures, and pictures of it (GA 448; sizes of ISO/IEC 7810 ID-1).

A quad is a float64 array of shape (4, 2): the card's corners in the card's own order, top-left, top-right,
bottom-right, bottom-left, as x, y in pixels; corners are the sharp ones where the straight sides meet, not
the rounded ones. A picture is a uint8 array of shape (height, width, 3), RGB.
"""

from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Picture: TypeAlias = NDArray[np.uint8]
Quad: TypeAlias = NDArray[np.float64]
Side = Literal["front", "back"]

#: Width and height of the card, and the radius of its corners, in millimetres.
WIDTH_MM, HEIGHT_MM, CORNER_MM = 85.6, 54.0, 3.18
#: Size of a straightened card, in pixels.
CARD_WIDTH, CARD_HEIGHT = 1200, 757
#: Pixels of a straightened card to one millimetre.
SCALE = CARD_WIDTH / WIDTH_MM


def homography(source: Quad, target: Quad) -> NDArray[np.float64]:
    """Return the 3 × 3 matrix that takes the four points ``source`` to ``target``."""
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    solved = np.linalg.solve(np.asarray(rows), np.asarray(target, dtype=np.float64).reshape(8))
    return np.append(solved, 1.0).reshape(3, 3)


def project(matrix: NDArray[np.float64], points: NDArray[Any]) -> NDArray[np.float64]:
    """Return points (n, 2) seen through a homography."""
    there = np.c_[np.asarray(points, dtype=np.float64), np.ones(len(points))] @ matrix.T
    return np.asarray(there[:, :2] / there[:, 2:], dtype=np.float64)


def corners(width: float = CARD_WIDTH, height: float = CARD_HEIGHT) -> Quad:
    """Return the quad of an upright picture that shows the card and nothing else."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float64)


def warp(photo: Picture, quad: Quad, width: int = CARD_WIDTH, height: int = CARD_HEIGHT) -> Picture:
    """Return the card straightened, upright in its own order of corners; black where the photo ends.

    Coordinates count from the upper left edge of the first pixel, so its centre is at 0.5, 0.5. A card
    much larger in the photo than in the result is averaged over, not skipped through.
    """
    sides = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
    # Linear interpolation sees two pixels a side: beyond that, straighten larger and reduce by areas.
    finer = int(np.clip(np.floor(max(sides[0], sides[2]) / width), 1, 4))
    size = (width * finer, height * finer)
    matrix = homography(corners(*size) - 0.5, quad - 0.5)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    straight = cv2.warpPerspective(photo, matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    if finer > 1:
        straight = cv2.resize(straight, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(straight, dtype=np.uint8)
