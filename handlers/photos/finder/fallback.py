"""Finding the card by its words, when its edges do not tell: label anchors, a homography, then edges again.

An anchor is a printed label that was read in the photo and whose place on every card is known. The anchors
also verify: a quad in which they lie where they belong shows the card, whatever its edges look like.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from handlers.photos.card import HEIGHT_MM, WIDTH_MM, Quad, Side, corners, homography, project
from handlers.photos.finder.geometry import Floats, areas, aspect_errors, convex, lines_through
from handlers.photos.reader import Anchor

#: Anchors needed, and how far one may lie from its place, in millimetres (14 pixels of a card of 856).
ENOUGH, TOLERANCE_MM = 4, 1.4
#: Greatest error of aspect and right angle of a quad made from anchors (see ``aspect_errors``).
ASPECT_GUARD = 0.18
#: What a point of an exactly known side counts for beside one of an anchor.
SIDE_WEIGHT = 4.0


@dataclass(frozen=True)
class Anchored:
    """The card as its anchors show it.

    :param fitting: how many anchors agree.
    :param residual_mm: median distance of these from their places.
    """

    quad: Quad
    side: Side
    fitting: int
    residual_mm: float


def residuals(quad: Quad, anchors: Sequence[Anchor]) -> Floats:
    """Return how far, in millimetres, each anchor lies from its place if ``quad`` is the card."""
    to_card = homography(quad, corners(WIDTH_MM, HEIGHT_MM))
    here = np.array([anchor.points_px.mean(axis=0) for anchor in anchors])
    there = np.array([anchor.points_mm.mean(axis=0) for anchor in anchors])
    return np.asarray(np.linalg.norm(project(to_card, here) - there, axis=1))


def agrees(quad: Quad, side: Side, anchors: Sequence[Anchor]) -> bool:
    """Say whether enough anchors lie where they belong if ``quad`` is the card, and few do not."""
    own = [anchor for anchor in anchors if anchor.side == side]
    if len(own) < ENOUGH:
        return False
    fitting = int(np.sum(residuals(quad, own) < TOLERANCE_MM))
    return fitting >= ENOUGH and fitting >= 0.6 * len(own)


def from_anchors(anchors: Sequence[Anchor], width: int, height: int) -> Anchored | None:
    """Return the card that most anchors of one side agree on; None when they do not tell.

    :param width: of the photo the anchors were read in, in pixels.
    """
    best: Anchored | None = None
    for side in ("front", "back"):
        own = [anchor for anchor in anchors if anchor.side == side]
        if len(own) < 2:
            continue
        here = np.concatenate([anchor.points_px for anchor in own]).astype(np.float64)
        there = np.concatenate([anchor.points_mm for anchor in own]).astype(np.float64)
        # Two millimetres of tolerance, in pixels of this photo.
        scale = float(np.ptp(here, axis=0).max() / max(float(np.ptp(there, axis=0).max()), 1.0))
        for matrix in _matrices(there, here, 1.6 * scale, len(own)):
            quad = project(matrix, corners(WIDTH_MM, HEIGHT_MM))
            if not np.isfinite(quad).all() or not bool(convex(quad)):
                continue
            if not 0.02 < float(areas(quad)) / (width * height) < 4.0:
                continue
            if float(aspect_errors(quad[None], width, height)[0][0]) > ASPECT_GUARD:
                continue
            apart = residuals(quad, own)
            fits = apart < TOLERANCE_MM
            if not fits.any():
                continue
            found = Anchored(quad, side, int(fits.sum()), float(np.median(apart[fits])))
            if best is None or (found.fitting, -found.residual_mm) > (best.fitting, -best.residual_mm):
                best = found
    return best


def _matrices(there: Floats, here: Floats, tolerance: float, count: int) -> list[Floats]:
    """Return the maps from card to photo worth trying: with perspective, affine, and similar."""
    found: list[Floats] = []
    if count >= ENOUGH:
        matrix, _ = cv2.findHomography(there, here, cv2.RANSAC, tolerance, maxIters=2000, confidence=0.999)
        if matrix is not None:
            found.append(np.asarray(matrix, dtype=np.float64))
    for estimate in (cv2.estimateAffine2D, cv2.estimateAffinePartial2D):
        flat, _ = estimate(there, here, method=cv2.RANSAC, ransacReprojThreshold=tolerance)
        if flat is not None:
            found.append(np.vstack([np.asarray(flat, dtype=np.float64), [0.0, 0.0, 1.0]]))
    return found


def on_sides(quad: Quad, sure: Sequence[int], side: Side, anchors: Sequence[Anchor]) -> Quad | None:
    """Return the card of which some sides are known exactly, the others as the anchors have them.

    The homography is the least-squares solution of the direct linear transform (Hartley & Zisserman, 4.1): an
    anchor's point goes to its place in the photo, a point of a known side to that side's line.

    :param quad: of which the sides ``sure`` (0 the upper one, clockwise) are taken.
    """
    own = [anchor for anchor in anchors if anchor.side == side]
    fits = residuals(quad, own) < 2 * TOLERANCE_MM if own else np.zeros(0)
    if fits.sum() < ENOUGH:
        return None
    # Both planes are brought to about unit size, or the equations would weigh differently.
    unit = float(np.linalg.norm(quad[1] - quad[0]))
    flat = corners(WIDTH_MM, HEIGHT_MM) / WIDTH_MM
    here = np.concatenate([a.points_px for a, fit in zip(own, fits, strict=True) if fit])
    there = np.concatenate([a.points_mm for a, fit in zip(own, fits, strict=True) if fit]) / WIDTH_MM
    shown = (here - quad[0]) / unit
    rows = []
    for (x, y), (u, v) in zip(there, shown, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, -u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, -v])
    lines = lines_through((quad - quad[0]) / unit, (np.roll(quad, -1, axis=0) - quad[0]) / unit)
    for index in sure:
        a, b, c = SIDE_WEIGHT * lines[index]
        for share in (0.1, 0.5, 0.9):
            x, y = flat[index] + (flat[(index + 1) % 4] - flat[index]) * share
            rows.append([a * x, a * y, a, b * x, b * y, b, -c * x, -c * y, -c])
    matrix = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)
    if abs(matrix[2, 2]) < 1e-9:
        return None
    found = project(matrix, flat) * unit + quad[0]
    return found if np.isfinite(found).all() and bool(convex(found)) else None
