"""The resident ID card: its measures, and pictures of it (GA 448; sizes of ISO/IEC 7810 ID-1).

A quad is a float64 array of shape (4, 2): the card's corners in the card's own order, top-left, top-right,
bottom-right, bottom-left, as x, y in pixels; corners are the sharp ones where the straight sides meet, not
the rounded ones. A picture is a uint8 array of shape (height, width, 3), RGB.
"""

from typing import Any, Literal, TypeAlias

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
