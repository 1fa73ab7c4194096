"""Any sheet of paper in a photo: four corners by its edges alone, without knowing its shape."""

import numpy as np

from handlers.photos.card import Picture
from handlers.photos.finder.cues import FINE, SMALL, cues, reduced
from handlers.photos.finder.proposals import propose
from handlers.photos.finder.refine import refine
from handlers.photos.finder.search import Found, contrast

#: Proposals that are refined before the best supported one is taken.
PROPOSALS = 4


def find_page(photo: Picture) -> Found:
    """Find a page in an upright photo. Nothing is read, so nothing is verified."""
    fine, scale = reduced(photo, FINE)
    small, ratio = reduced(fine, SMALL)
    best, quad = -1.0, None
    for proposal in propose(cues(small), PROPOSALS, aspect=False):
        refined = refine(fine, (proposal.quad + 0.5) / ratio - 0.5)
        score = proposal.score + 0.2 * float(refined.support.min())
        if score > best:
            best, quad = score, refined.quad + 0.5
    if quad is None:
        return Found(None, None, 0.0, False, 0.0, 0.0, None)
    # The upper left corner is the one nearest to the frame's.
    quad = np.roll(quad, -int(np.argmin(quad.sum(axis=1))), axis=0)
    return Found(quad / scale, None, float(np.clip(best / 2, 0, 0.5)), False, 0.0, contrast(fine, quad), None)
