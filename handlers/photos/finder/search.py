"""Finding the card: proposals by edges, order by layout, decision by what is read.

A card that was not verified is never handed on as good: its quad is a prefill for the customer's handles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handlers.photos.card import Picture, Quad, Side, corners, homography, project, warp
from handlers.photos.finder.cues import FINE, SMALL, colours, cues, reduced
from handlers.photos.finder.fallback import agrees, from_anchors, on_sides
from handlers.photos.finder.geometry import ASPECT, Floats, outside, overlap
from handlers.photos.finder.proposals import propose
from handlers.photos.finder.refine import FROM, REACH, TO, refine
from handlers.photos.finder.turning import likeness, turn
from handlers.photos.reader import Anchor, Reader, Reading

#: Proposals looked at, first and when none of these will do, and how many of them are read.
QUICK, PROPOSALS, READINGS = 2, 8, 3
#: Likeness to the layout of a card of which little is covered, and that a candidate must have to be read.
SURE, POSSIBLE = 0.62, 0.35
#: Likeness that ends the search; below, a line of print beside the card may have passed for a side.
ENDS: Mapping[Side, float] = {"front": 0.72, "back": 0.755}
#: Share of each side along which an edge must show for the search to end, and where all print is in place.
CLEAR, FAINT = 0.5, 0.3
#: How far outside its place a side is sought when the print says so, and inside, as shares of the card's
#: height; and the likeness from which on it says nothing of the kind.
ELSEWHERE, CLOSE = (0.04, 0.10, -0.05), 0.73
#: Lead below which the other way up is read as well.
UNCLEAR = 0.15
#: Share of a side by which a corner may lie outside the frame before the card counts as cut off.
CUT_OFF = 0.005
#: Width of the rings compared inside and outside the card, as a share of its height.
RING = 0.02
#: How far sides without an edge are moved outwards, as a share of the card's height, so that nothing is cut.
MARGIN = 0.008
#: Reach of the refinement of a quad made from words, in pixels of the fine picture.
WIDE_REACH = 26.0
#: The same once some of its sides are certain, and the share of a side along which an edge then shows.
SHORT_REACH, CERTAIN = 10.0, 0.8


@dataclass(frozen=True)
class Located:
    """A quad with the way it lies, in pixels of the fine picture.

    :param support: share of each side along which an edge was found, 0 to 1, in the card's own order.
    """

    quad: Quad
    side: Side
    likeness: float
    lead: float
    support: Floats


@dataclass(frozen=True)
class Found:
    """Where the card is.

    :param quad: corners in pixels of the photo, in the card's own order; none when nothing was found.
    :param confidence: 0 to 1; at most 0.5 when not verified.
    :param verified: its content was read or its labels lie where they belong.
    :param cut_off: how far a corner lies outside the frame, as a share of a side; 0 when complete.
    :param contrast: mean colour difference between card and background along the sides, in ΔE.
    :param reading: what was read of it, if anything was.
    """

    quad: Quad | None
    side: Side | None
    confidence: float
    verified: bool
    cut_off: float
    contrast: float
    reading: Reading | None


def locate(photo: Picture) -> list[Located]:
    """Return where the card may be, in pixels of ``photo``, the likeliest first; nothing is read."""
    fine, scale = reduced(photo, FINE)
    return [replace(found, quad=found.quad / scale) for found in candidates(fine)]


def find(photo: Picture, reader: Reader) -> Found:
    """Find the card in an upright photo.

    :param reader: reads the candidates; what it can verify decides.
    """
    fine, scale = reduced(photo, FINE)
    likely = candidates(fine)
    read: list[tuple[Located, Reading]] = []
    for way in _worth_reading(likely):
        reading = reader.read(warp(photo, way.quad / scale), way.side)
        if reading.verified and _bounded(way):
            return _found(fine, scale, way, reading, verified=True)
        read.append((way, reading))
        if reading.verified:
            break
    # What could be read may still end in the wrong place where no edge shows it: the labels tell.
    anchors = reader.anchors(fine)
    for way, reading in read:
        if _bounded(way) and agrees(way.quad, way.side, anchors):
            return _found(fine, scale, way, reading, verified=True)
    anchored = _anchored(fine, anchors)
    if anchored is not None:
        reading = reader.read(warp(photo, anchored.quad / scale), anchored.side)
        verified = reading.verified or agrees(anchored.quad, anchored.side, anchors)
        return _found(fine, scale, anchored, reading, verified=verified)
    for way, reading in sorted(read, key=lambda one: not one[1].verified):
        return _found(fine, scale, way, reading, verified=False)
    if likely:
        return _found(fine, scale, likely[0], None, verified=False)
    return Found(None, None, 0.0, False, 0.0, 0.0, None)


def _bounded(way: Located) -> bool:
    """Say whether edges, or fainter ones and the print together, show where the card ends on every side."""
    least = float(way.support.min())
    return least >= CLEAR or (least >= FAINT and way.likeness >= CLOSE)


def candidates(fine: Picture) -> list[Located]:
    """Return refined and turned quads, in pixels of ``fine``, those that follow the layout best first.

    A quad that follows it closely ends the search: no other can do much better.
    """
    small, ratio = reduced(fine, SMALL)
    edges = cues(small)
    found: list[Located] = []
    for quick in (True, False):
        for proposal in propose(edges, QUICK if quick else PROPOSALS, quick=quick):
            first = located(fine, (proposal.quad + 0.5) / ratio)
            found += first
            if first[0].likeness >= ENDS[first[0].side] and first[0].lead >= UNCLEAR and _bounded(first[0]):
                return sorted(found, key=_promise)
    found.sort(key=_promise)
    return [settled(fine, found[0]), *found[1:]] if found else []


def _promise(way: Located) -> float:
    """Return what candidates are ordered by, the least first: likeness above all, then the weakest side."""
    return -way.likeness - 0.15 * float(way.support.min())


def settled(fine: Picture, way: Located) -> Located:
    """Return the card a quad nearly is: while its print says that a side lies elsewhere, look there for it.

    A line printed on the card, the rim of a shadow or of the portrait, may pass for a side of it.
    """
    for _ in range(2):
        if not POSSIBLE <= way.likeness < CLOSE:
            break
        shares = np.concatenate([np.eye(4) * share for share in ELSEWHERE])
        moved = [widened(way.quad, share) for share in shares]
        likes = [likeness(fine, quad, way.side) for quad in moved]
        best = int(np.argmax(likes))
        if likes[best] < way.likeness + 0.01:
            break
        again = located(fine, moved[best])[0]
        if again.likeness <= way.likeness:
            break
        way = again
    return way


def located(fine: Picture, rough: Quad, reach: float = REACH) -> list[Located]:
    """Refine a rough quad and return the one or two ways it probably lies, the likelier first."""
    refined = refine(fine, rough - 0.5, reach)
    ways = turn(fine, refined.quad + 0.5)
    found = []
    for way in ways[:2] if ways[0].lead < UNCLEAR else ways[:1]:
        first = int(np.argmin(np.linalg.norm(refined.quad + 0.5 - way.quad[0], axis=1)))
        support = np.roll(refined.support, -first)
        found.append(Located(way.quad, way.side, way.likeness, way.lead, support))
    return found


def _worth_reading(likely: Sequence[Located]) -> list[Located]:
    """Choose what to read: those that may be a card, none of them twice."""
    chosen: list[Located] = []
    for way in likely:
        again = any(
            overlap(way.quad, other.quad) > 0.97
            and way.side == other.side
            and _same_way_up(way.quad, other.quad)
            for other in chosen
        )
        if way.likeness >= POSSIBLE and not again:
            chosen.append(way)
    return chosen[:READINGS]


def _same_way_up(one: Quad, other: Quad) -> bool:
    """Say whether the upper sides of two cards run about the same way."""
    return float((one[1] - one[0]) @ (other[1] - other[0])) > 0


def _anchored(fine: Picture, anchors: Sequence[Anchor]) -> Located | None:
    """Return the card the words show, its sides on edges where there are any, else with a margin."""
    height, width = fine.shape[:2]
    words = from_anchors(anchors, width, height)
    if words is None:
        return None
    refined = refine(fine, words.quad - 0.5, WIDE_REACH)
    quad, support = refined.quad + 0.5, refined.support
    if support.min() < CERTAIN:
        # With the sides that are sure, the words tell better where the others are.
        nearer = on_sides(quad, list(np.flatnonzero(support >= CERTAIN)), words.side, anchors)
        if nearer is not None:
            refined = refine(fine, nearer - 0.5, SHORT_REACH)
            quad, support = refined.quad + 0.5, refined.support
    worse = likeness(fine, quad, words.side) < likeness(fine, words.quad, words.side) - 0.02
    if worse or not agrees(quad, words.side, anchors):
        quad, support = words.quad, np.zeros(4)
    quad = widened(quad, np.where(support < CLEAR, MARGIN, 0.0))
    return Located(quad, words.side, likeness(fine, quad, words.side), 0.0, support)


def widened(quad: Quad, shares: Floats) -> Quad:
    """Return a quad with each side moved outwards by a share of the card's height."""
    left, top, right, bottom = -shares[3], -shares[0], shares[1], shares[2]
    to_photo = homography(np.array([[0, 0], [ASPECT, 0], [ASPECT, 1], [0, 1]], dtype=np.float64), quad)
    wider = [[left, top], [ASPECT + right, top], [ASPECT + right, 1 + bottom], [left, 1 + bottom]]
    return project(to_photo, np.array(wider))


def _found(fine: Picture, scale: float, way: Located, reading: Reading | None, *, verified: bool) -> Found:
    """Return what is known of a card, in pixels of the photo."""
    height, width = fine.shape[:2]
    beyond = outside(way.quad, width, height)
    sure = float(np.clip(way.likeness / SURE, 0, 1) * (0.6 + 0.4 * way.support.mean()))
    return Found(
        quad=way.quad / scale,
        side=way.side if verified or way.likeness >= POSSIBLE else None,
        confidence=0.5 + 0.5 * sure if verified else 0.5 * sure,
        verified=verified,
        cut_off=beyond if beyond > CUT_OFF else 0.0,
        contrast=contrast(fine, way.quad),
        reading=reading,
    )


def contrast(fine: Picture, quad: Quad) -> float:
    """Return the mean colour difference, in ΔE, between rings just inside and outside a card's sides."""
    flat = corners(ASPECT, 1.0)
    to_photo = homography(flat, quad)
    share = np.linspace(FROM, TO, 48)
    differences = []
    for side in range(4):
        start, end = flat[side], flat[(side + 1) % 4]
        along = end - start
        normal = np.array([along[1], -along[0]]) / np.hypot(*along)
        line = start + along * share[:, None]
        both = project(to_photo, np.concatenate([line - normal * RING, line + normal * RING])) - 0.5
        lab = colours(fine, both[None].astype(np.float32))[0]
        differences.append(float(np.median(np.linalg.norm(lab[:48] - lab[48:], axis=1))))
    return float(np.mean(differences))
