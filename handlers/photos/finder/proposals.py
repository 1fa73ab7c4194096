"""Quads that may be the card: straight lines in a small photo, two against two.

Line segments of several channels vote for lines; lines of two directions, with those of the frame, are
combined two by two; each side is scored once by the edge under it, and a quad by its four sides and by
how well it could be a slanted view of the card. The scores only order the proposals: what is printed on
the card decides.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from handlers.photos.card import Quad
from handlers.photos.finder.cues import Cues, Map
from handlers.photos.finder.geometry import Floats, areas, aspect_errors, convex, crossings

Mask = NDArray[np.uint8]

#: Lines kept in each direction, and the steps in which they are told apart: degrees and pixels.
LINES, STEP_ANGLE, STEP_OFFSET = 18, 1.0, 2.0
#: How far a line may lean from its direction, in degrees.
LEAN = 32.0
#: Samples along a side, and the part of it they cover: the corners of the card are round.
SAMPLES, FROM, TO = 25, 0.09, 0.91
#: Least share of the frame a card covers, and how far its corners may lie outside, as a share of the frame.
LEAST_AREA, BEYOND = 0.04, 0.15
#: How many votes a side of a hull has: it stands for a whole region, not for one step of brightness.
HULL_VOTES = 2
#: Quads whose shape is looked at, of all that combine.
MOST = 4000
#: What covering the foreground counts for, beside edges, and the steps in pixels in which it is told.
GROUND, GRID = 0.6, 12
#: What a side counts for of which nothing can be seen.
UNSEEN = 0.35


@dataclass(frozen=True)
class Proposal:
    """A quad with the edge support of its sides, 0 to 1 each, and the score that orders it."""

    quad: Quad
    support: Floats
    score: float


def segments(cues: Cues, quick: bool) -> Floats:
    """Return line segments (n, 4) of all channels, or of two: x, y of both ends, in pixels."""
    found = []
    detector = cv2.createLineSegmentDetector(cv2.LSD_REFINE_NONE, 0.8)
    for channel in cues.channels[::3] if quick else cues.channels:
        steps = np.abs(np.diff(channel[::2, ::2], axis=1))
        # Gain that brings three times the usual step to the detector's own threshold of about 5 levels.
        gain = float(np.clip(6.0 / (3.0 * float(np.median(steps)) + 1e-3), 2.0, 14.0))
        middle = float(np.median(channel))
        levels = np.clip((channel - middle) * gain + 128, 0, 255).astype(np.uint8)
        lines = detector.detect(levels)[0]
        if lines is not None:
            found.append(np.asarray(lines, dtype=np.float64).reshape(-1, 4))
    found.append(hull_sides(cues.channels[-1]))
    return np.concatenate(found)


def hull_sides(distance: Map) -> Floats:
    """Return the long sides (n, 4) of what differs from the background, each as often as HULL_VOTES."""
    width, height = distance.shape[1], distance.shape[0]
    sides = []
    flat = cv2.medianBlur(np.clip(distance * 8, 0, 255).astype(np.uint8), 5)
    otsu, _ = cv2.threshold(flat, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    for level in (0.5 * otsu, otsu, 1.5 * otsu):
        mask = cv2.morphologyEx((flat > level).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours:
            if cv2.contourArea(contour) < LEAST_AREA * width * height:
                continue
            hull = cv2.approxPolyDP(cv2.convexHull(contour), 0.006 * (width + height), True)
            corners = np.asarray(hull, dtype=np.float64).reshape(-1, 2)
            sides.append(np.c_[corners, np.roll(corners, -1, axis=0)])
    if not sides:
        return np.empty((0, 4))
    found = np.concatenate(sides)
    length = np.linalg.norm(found[:, 2:] - found[:, :2], axis=1)
    return np.tile(found[length > 0.1 * max(width, height)], (HULL_VOTES, 1))


def varied(lines: Floats, weights: Floats) -> Floats:
    """Return the heaviest lines, but not all of one direction: planks and printed rows come in dozens."""
    angle = np.degrees(np.arctan2(lines[:, 1], lines[:, 0])) % 180.0
    apart = np.abs((angle[:, None] - angle[None] + 90) % 180 - 90)
    before = np.sum((apart < 3.0) & (weights[None] > weights[:, None]), axis=1)
    return lines[np.argsort(-weights * 0.87**before)[:LINES]]


def lines_of(pieces: Floats, width: int, height: int) -> tuple[Floats, Floats]:
    """Merge segments to lines by their votes; return lines (n, 3), the heaviest first, and their weights."""
    start, end = pieces[:, :2], pieces[:, 2:]
    along = end - start
    length = np.linalg.norm(along, axis=1)
    keep = length > 0.03 * max(width, height)
    start, along, length = start[keep], along[keep], length[keep]
    angle = np.degrees(np.arctan2(along[:, 0], -along[:, 1])) % 180.0
    normal = np.stack([np.cos(np.radians(angle)), np.sin(np.radians(angle))], axis=1)
    centre = np.array([width / 2, height / 2])
    offset = np.sum(normal * (start + along / 2 - centre), axis=1)
    reach = np.hypot(width, height) / 2
    bins = int(2 * reach / STEP_OFFSET) + 1
    votes = np.zeros((int(180 / STEP_ANGLE), bins), dtype=np.float32)
    row = np.minimum((angle / STEP_ANGLE).astype(int), votes.shape[0] - 1)
    column = np.clip(((offset + reach) / STEP_OFFSET).astype(int), 0, bins - 1)
    np.add.at(votes, (row, column), length)
    # A line at 180° is one at 0° with its offset reversed.
    wrapped = np.vstack([votes[-4:, ::-1], votes, votes[:4, ::-1]])
    smooth = cv2.GaussianBlur(wrapped, (0, 0), 1.0)
    peaks = (smooth >= cv2.dilate(smooth, np.ones((5, 5), np.uint8))) & (smooth > 0)
    rows, columns = np.nonzero(peaks[4:-4])
    order = np.argsort(-smooth[rows + 4, columns])[:160]
    rows, columns = rows[order], columns[order]
    # The peak's place to a fraction of a step: its neighbourhood's centre of gravity.
    near = np.arange(-2, 3)
    padded = np.pad(wrapped, ((0, 0), (2, 2)))
    patch = padded[
        rows[:, None, None] + 4 + near[None, :, None], columns[:, None, None] + 2 + near[None, None, :]
    ]
    total = np.maximum(patch.sum(axis=(1, 2)), 1e-6)
    exact_angle = (rows + 0.5 + (patch.sum(axis=2) @ near) / total) * STEP_ANGLE
    exact_offset = (columns + 0.5 + (patch.sum(axis=1) @ near) / total) * STEP_OFFSET - reach
    way = np.radians(exact_angle)
    normals = np.stack([np.cos(way), np.sin(way)], axis=1)
    return np.c_[normals, exact_offset + normals @ centre], np.asarray(smooth[rows + 4, columns], np.float64)


def directions(lines: Floats, weights: Floats) -> list[float]:
    """Return up to two directions, in degrees from 0 to 90, in which lines lie along and across."""
    angle = np.degrees(np.arctan2(lines[:, 1], lines[:, 0])) % 90.0
    votes = np.bincount(np.minimum(angle.astype(int), 89), weights, minlength=90)
    kernel = np.exp(-0.5 * (np.arange(-24, 25) / 8.0) ** 2)
    smooth = np.convolve(np.r_[votes[-24:], votes, votes[:24]], kernel, mode="valid")
    first = int(np.argmax(smooth))
    away = np.abs((np.arange(90) - first + 45) % 90 - 45)
    second = int(np.argmax(np.where(away >= 22, smooth, -1)))
    return [first + 0.5, second + 0.5]


def side_support(cues: Cues, starts: Floats, ends: Floats) -> Floats:
    """Return the edge support, 0 to 1, of segments between points (n, 2); UNSEEN out of the frame."""
    step = np.linspace(FROM, TO, SAMPLES, dtype=np.float32)
    begin = starts.astype(np.float32)
    along = ends.astype(np.float32) - begin
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), np.float32(1e-6))
    normal_x, normal_y = -along[:, 1:] / length, along[:, :1] / length
    x = begin[:, :1] + along[:, :1] * step
    y = begin[:, 1:] + along[:, 1:] * step
    width, height = cues.size
    gx, gy = cues.gx.ravel(), cues.gy.ravel()
    best = np.zeros(x.shape, dtype=np.float32)
    for shift in (-1.2, 0.0, 1.2):
        column = np.clip(x + (normal_x * np.float32(shift) + np.float32(0.5)), 0, width - 1).astype(np.int32)
        row = np.clip(y + (normal_y * np.float32(shift) + np.float32(0.5)), 0, height - 1).astype(np.int32)
        place = row * np.int32(width) + column
        np.maximum(best, np.abs(gx.take(place) * normal_x + gy.take(place) * normal_y), out=best)
    visible = (x > 1.5) & (x < width - 2.5) & (y > 1.5) & (y < height - 2.5)
    seen = visible.sum(axis=1)
    strength = np.where(visible, best / (best + 1), 0).sum(axis=1, dtype=np.float64) / np.maximum(seen, 1)
    return np.where(seen < SAMPLES // 4, UNSEEN, strength)


def combine(cues: Cues, first: Floats, second: Floats, ground: Mask | None) -> tuple[Floats, Floats, Floats]:
    """Return quads of two lines of each direction with the supports of their sides, and their scores."""
    width, height = cues.size
    points = crossings(first, second)
    one, two = np.triu_indices(len(first), 1)
    three, four = np.triu_indices(len(second), 1)
    # Support of each line's stretch between two lines of the other direction, computed once.
    rows = side_support(cues, points[:, three].reshape(-1, 2), points[:, four].reshape(-1, 2))
    columns = side_support(cues, points[one].reshape(-1, 2), points[two].reshape(-1, 2))
    along = rows.reshape(len(first), len(three))
    across = columns.reshape(len(one), len(second))
    a, b = (grid.ravel() for grid in np.meshgrid(np.arange(len(one)), np.arange(len(three)), indexing="ij"))
    i, j, k, m = one[a], two[a], three[b], four[b]
    quads = np.stack([points[i, k], points[i, m], points[j, m], points[j, k]], axis=1)
    support = np.stack([along[i, b], across[a, m], along[j, b], across[a, k]], axis=1)
    area = areas(quads)
    flipped = area < 0
    # Run the other way round: corners 0, 3, 2, 1 have the sides 3, 2, 1, 0.
    quads[flipped] = quads[flipped][:, [0, 3, 2, 1]]
    support[flipped] = support[flipped][:, [3, 2, 1, 0]]
    frame = np.array([width, height])
    fits = (
        (np.abs(area) > LEAST_AREA * width * height)
        & np.all((quads > -BEYOND * frame) & (quads < (1 + BEYOND) * frame), axis=(1, 2))
        & convex(quads)
    )
    quads, support, area = quads[fits], support[fits], np.abs(area[fits])
    score = 0.6 * support.mean(axis=1) + 0.4 * support.min(axis=1)
    likely = score >= np.sort(score)[-MOST] if len(score) > MOST else np.ones(len(score), dtype=bool)
    quads, support, area, score = quads[likely], support[likely], area[likely], score[likely]
    if ground is None:
        error, _ = aspect_errors(quads, width, height)
        score = score - 1.5 * np.maximum(error - 0.05, 0.0)
    else:
        score = score + GROUND * covered(quads, ground)
    score = score + 0.08 * np.sqrt(area / (width * height))
    return quads, support, score


def covered(quads: Floats, ground: Mask) -> Floats:
    """Return how well quads and the foreground cover each other, 0 to 1, told by a grid of places."""
    height, width = ground.shape
    y, x = (axis.ravel() for axis in np.mgrid[4:height:GRID, 4:width:GRID])
    shown = ground[y, x] > 0
    inside = np.ones((len(quads), len(x)), dtype=bool)
    for side in range(4):
        start, end = quads[:, side].astype(np.float32), quads[:, (side + 1) % 4].astype(np.float32)
        along = end - start
        offset = along[:, 0] * start[:, 1] - along[:, 1] * start[:, 0]
        inside &= along[:, :1] * np.float32(y) - along[:, 1:] * np.float32(x) > offset[:, None]
    both = (inside & shown).sum(axis=1)
    return np.asarray(both / np.maximum((inside | shown).sum(axis=1), 1), dtype=np.float64)


def propose(cues: Cues, count: int, ground: Mask | None = None, *, quick: bool = False) -> list[Proposal]:
    """Return the best quads of a small photo, the best first, none like another.

    :param ground: where something lies on the background (1, else 0): look for a quad that covers it, of any
        shape, instead of one of the card's shape.
    :param quick: look only at lightness and background, and only along the plainest direction.
    """
    width, height = cues.size
    lines, weights = lines_of(segments(cues, quick), width, height)
    frame = np.array([[1.0, 0, 0], [1, 0, width - 1], [0, 1, 0], [0, 1, height - 1]])
    everything: list[tuple[Floats, Floats, Floats]] = []
    if len(lines):
        angle = np.degrees(np.arctan2(lines[:, 1], lines[:, 0])) % 180.0
        frame_angle = np.array([0.0, 0, 90, 90])
        for direction in directions(lines, weights)[: 1 if quick else 2]:
            families = []
            for way in (direction, direction + 90):
                near = np.abs((angle - way + 90) % 180 - 90) < LEAN
                frame_near = np.abs((frame_angle - way + 90) % 180 - 90) < LEAN
                families.append(np.vstack([varied(lines[near], weights[near]), frame[frame_near]]))
            everything.append(combine(cues, families[0], families[1], ground))
    if not everything:
        return []
    quads, support, score = (np.concatenate(parts) for parts in zip(*everything, strict=True))
    kept: list[Proposal] = []
    for index in np.argsort(-score)[:1500]:
        quad = quads[index]
        if all(unlike(quad, other.quad, 0.012 * max(width, height)) for other in kept):
            kept.append(Proposal(quad, support[index], float(score[index])))
            if len(kept) == count:
                break
    return kept


def unlike(one: Quad, other: Quad, pixels: float) -> bool:
    """Say whether two quads differ, in any order of their corners, by more than ``pixels`` at some corner."""
    apart = np.linalg.norm(one[:, None] - other[None], axis=2)
    return bool(apart.min(axis=1).max() > pixels)
