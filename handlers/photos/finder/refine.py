"""From a rough quad to its exact sides: profiles across each side, a straight line through their peaks.

Only the straight part of each side is looked at, 9 to 91 % of it: the card's corners are round, and the
sharp ones are where the sides meet. A side that shows no edge stays where it was.
"""

from dataclasses import dataclass

import numpy as np

from handlers.photos.card import Picture, Quad
from handlers.photos.finder.cues import Map, colours
from handlers.photos.finder.geometry import Floats, areas, convex, crossings, lines_through

#: Places along a side where a profile is taken, and the part of the side they cover.
PLACES, FROM, TO = 64, 0.09, 0.91
#: How far profiles reach to both sides, in pixels of the fine picture: at first, then around the line found.
REACH, NEAR = 17, 2.5
#: Steps of the profiles, in pixels.
STEP = 0.5
#: How far outside the strongest edge the card may go on, in pixels of the fine picture, and how strong the
#: edge at its end must be beside that one.
RIM, OUTER = 9.0, 0.6
#: Least colour step, in ΔE over about 3 pixels, and least share of the places showing it, that make an edge.
LEAST_STEP, LEAST_SHARE = 0.6, 0.35


@dataclass(frozen=True)
class Refined:
    """A refined quad.

    :param support: share of each side's visible places where its edge was found, 0 to 1.
    :param strength: median colour step across each side, in ΔE.
    """

    quad: Quad
    support: Floats
    strength: Floats


def refine(fine: Picture, quad: Quad, reach: float = REACH) -> Refined:
    """Move each side of a quad to the edge beside it.

    :param quad: in pixels of ``fine``, off by at most ``reach`` along its sides.
    """
    starts, ends = quad, np.roll(quad, -1, axis=0)
    first = lines_through(starts, ends)
    lines, _, _ = _fit(fine, starts, ends, first, reach, vote=True)
    corners = _corners(lines)
    if not _sane(corners, quad):
        lines, corners = first, quad
    starts, ends = corners, np.roll(corners, -1, axis=0)
    again, support, strength = _fit(fine, starts, ends, lines, NEAR, vote=False)
    corners = _corners(again)
    if not _sane(corners, quad):
        corners = quad
    return Refined(corners, support, strength)


def _corners(lines: Floats) -> Quad:
    """Return the corners where each side meets the one before it."""
    met = crossings(lines, lines)
    return np.asarray(np.stack([met[3, 0], met[0, 1], met[1, 2], met[2, 3]]), dtype=np.float64)


def _sane(quad: Quad, before: Quad) -> bool:
    """Say whether a refined quad is still one, and of about the size it had."""
    if not np.isfinite(quad).all() or not bool(convex(quad)):
        return False
    share = float(areas(quad)) / max(float(areas(before)), 1.0)
    return 0.7 < share < 1.4


def profiles(fine: Picture, starts: Floats, ends: Floats, reach: float) -> tuple[Floats, Floats, Floats]:
    """Return colour steps across sides.

    :return: steps in ΔE (sides, places, offsets), offsets in pixels along each side's normal, and which
        places (sides, places) lie in the frame.
    """
    height, width = fine.shape[:2]
    along = ends - starts
    length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / length
    share = np.linspace(FROM, TO, PLACES)
    # Two steps more than needed at each end, which smoothing spoils.
    offsets = np.arange(-reach - 1.5 - 2 * STEP, reach + 1.51 + 2 * STEP, STEP)
    base = starts[:, None] + along[:, None] * share[None, :, None]
    points = base[:, :, None] + normal[:, None, None] * offsets[None, None, :, None]
    flat = points.reshape(len(starts) * PLACES, len(offsets), 2).astype(np.float32)
    lab = colours(fine, flat)
    lab = lab.reshape(len(starts), PLACES, len(offsets), 3)
    # Along the side neighbours say the same of an edge, and not of noise.
    lab = (np.roll(lab, 1, axis=1) + lab + np.roll(lab, -1, axis=1)) / np.float32(3)
    gap = round(1.5 / STEP)
    lab, offsets = _smoothed(lab)[:, :, 2:-2], offsets[2:-2]
    steps = np.linalg.norm(lab[:, :, 2 * gap :] - lab[:, :, : -2 * gap], axis=3)
    inside = (
        (base[..., 0] > 1) & (base[..., 0] < width - 2) & (base[..., 1] > 1) & (base[..., 1] < height - 2)
    )
    return np.asarray(steps, dtype=np.float64), offsets[gap:-gap], inside


def _smoothed(lab: Map) -> Map:
    """Smooth colours across the side, by a triangle of about one pixel."""
    return np.asarray((np.roll(lab, 1, axis=2) + 2 * lab + np.roll(lab, -1, axis=2)) / 4, dtype=np.float32)


def _fit(
    fine: Picture, starts: Floats, ends: Floats, lines: Floats, reach: float, *, vote: bool
) -> tuple[Floats, Floats, Floats]:
    """Fit each side anew; return lines, supports and strengths. Sides without an edge keep their line."""
    steps, offsets, inside = profiles(fine, starts, ends, reach)
    share = np.linspace(FROM, TO, PLACES)
    fitted = lines.copy()
    support, strength = np.zeros(len(lines)), np.zeros(len(lines))
    for side in range(len(lines)):
        visible = inside[side]
        if visible.sum() < PLACES // 6:
            continue
        profile, where = steps[side][visible], share[visible]
        near = _voted(profile, where, offsets) if vote else np.zeros(len(where))
        window = np.abs(offsets[None] - near[:, None]) <= (NEAR if vote else reach)
        masked = np.where(window, profile, -1.0)
        peak = np.clip(np.argmax(masked, axis=1), 1, len(offsets) - 2)
        row = np.arange(len(peak))
        before, top, after = profile[row, peak - 1], profile[row, peak], profile[row, peak + 1]
        bend = before - 2 * top + after
        offset = offsets[peak] + STEP * np.where(
            bend < -1e-9, 0.5 * (before - after) / np.minimum(bend, -1e-9), 0.0
        )
        line = _tukey(where, offset, np.minimum(top, 8.0) * (top > LEAST_STEP))
        if line is None:
            continue
        residual = np.abs(line[0] + line[1] * where - offset)
        good = (residual < 1.5) & (top > LEAST_STEP)
        support[side] = float(good.mean())
        strength[side] = float(np.median(top[good])) if good.any() else 0.0
        if support[side] < LEAST_SHARE:
            continue
        along = ends[side] - starts[side]
        normal = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
        ends_of_line = [starts[side] + along * t + normal * (line[0] + line[1] * t) for t in (0.0, 1.0)]
        fitted[side] = lines_through(ends_of_line[0][None], ends_of_line[1][None])[0]
    return fitted, support, strength


def _voted(profile: Floats, where: Floats, offsets: Floats) -> Floats:
    """Return, for each place, the offset of the straight line most places' steps agree on.

    Every place votes with a step that saturates, so a strong edge beside the card (a shadow on wood) does not
    outvote the long faint one.
    """
    votes = profile / (profile + 4.0)
    best, found, slant, place = -1.0, np.zeros(len(where)), 0.0, 0
    chosen = np.zeros(len(offsets))
    count = len(offsets)
    centre = where - 0.5
    row = np.arange(len(where))
    for slope in np.arange(-14.0, 14.1, 1.0):
        shift = np.rint(slope * centre / STEP).astype(int)
        index = np.arange(count)[None, :] + shift[:, None]
        valid = (index >= 0) & (index < count)
        total = np.where(valid, votes[row[:, None], np.clip(index, 0, count - 1)], 0.0).sum(axis=0)
        # A nearer line of the same strength is the likelier one.
        total = total * (1.0 - 0.15 * np.abs(offsets) / np.abs(offsets).max())
        peak = int(np.argmax(total))
        if total[peak] > best:
            best, chosen = float(total[peak]), total
            found, slant, place = offsets[peak] + slope * centre, slope, peak
    # A rim that shines shows two edges: the card ends at the outer one, if it stands out from what is beyond.
    for other in range(max(place - round(RIM / STEP), 8), place - 2):
        beyond = float(np.median(chosen[: other - 3]))
        if (
            chosen[other] >= max(chosen[other - 1], chosen[other + 1])
            and chosen[other] > OUTER * best
            and chosen[other] - beyond > OUTER * (best - beyond)
        ):
            return np.asarray(offsets[other] + slant * centre)
    return found


def _tukey(where: Floats, offset: Floats, weights: Floats) -> tuple[float, float] | None:
    """Fit offset = a + b · where by Tukey's biweight (c = 4.685), eight times; None without points."""
    if (weights > 0).sum() < 8:
        return None
    robust = np.ones(len(where))
    a = b = 0.0
    for _ in range(8):
        weight = weights * robust
        total = weight.sum()
        if total < 1e-6:
            return None
        mean_x, mean_y = (weight * where).sum() / total, (weight * offset).sum() / total
        spread = (weight * (where - mean_x) ** 2).sum()
        if spread < 1e-6:
            return None
        b = float((weight * (where - mean_x) * (offset - mean_y)).sum() / spread)
        a = float(mean_y - b * mean_x)
        residual = offset - a - b * where
        scale = max(1.4826 * float(np.median(np.abs(residual[weights > 0]))), 0.3)
        robust = np.where(np.abs(residual) < 4.685 * scale, (1 - (residual / (4.685 * scale)) ** 2) ** 2, 0.0)
    return a, b
