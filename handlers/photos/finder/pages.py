"""Any sheet of paper in a photo: four corners by its edges and its ground, without knowing its shape."""

import cv2
import numpy as np

from handlers.photos.card import Picture
from handlers.photos.finder.cues import FINE, SMALL, Map, cues, reduced
from handlers.photos.finder.proposals import LEAST_AREA, Mask, propose
from handlers.photos.finder.refine import refine
from handlers.photos.finder.search import Found, contrast


def find_page(photo: Picture) -> Found:
    """Find a page in an upright photo. Nothing is read, so nothing is verified."""
    fine, scale = reduced(photo, FINE)
    small, ratio = reduced(fine, SMALL)
    edges = cues(small)
    best = propose(edges, 1, foreground(edges.channels[-1]))
    if not best:
        return Found(None, None, 0.0, False, 0.0, 0.0, None)
    quad = refine(fine, (best[0].quad + 0.5) / ratio - 0.5).quad + 0.5
    # The upper left corner is the one nearest to the frame's.
    quad = np.roll(quad, -int(np.argmin(quad.sum(axis=1))), axis=0)
    sure = float(np.clip(best[0].score / 3, 0, 0.5))
    return Found(quad / scale, None, sure, False, 0.0, contrast(fine, quad), None)


def foreground(distance: Map) -> Mask:
    """Return, as 0 and 1, the largest region that differs from the background, its dents filled."""
    flat = cv2.medianBlur(np.clip(distance * 8, 0, 255).astype(np.uint8), 5)
    _, mask = cv2.threshold(flat, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = np.zeros(mask.shape, dtype=np.uint8)
    large = [contour for contour in contours if cv2.contourArea(contour) > LEAST_AREA * mask.size]
    if large:
        cv2.fillConvexPoly(filled, cv2.convexHull(max(large, key=cv2.contourArea)), (1,))
    return filled
