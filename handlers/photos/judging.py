"""Judging: what spoils a photo of a card, measured on the straightened card (R-095, R-097, domain 3.14).

On the straightened card nothing depends on the background, and a length in pixels is a length on the card.
Each measure is a function of its own and returns one number; ``findings.LIMITS`` holds what it is compared
with. Light and colour are compared with the card's own paper, so a shadow or a warm lamp is no finding.

Re-shot screens are not judged: no measure yet told their moiré from a card's guilloche.
"""

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handlers.photos.card import HEIGHT_MM, WIDTH_MM, Picture, Quad, Side
from handlers.photos.findings import KINDS, Finding
from handlers.photos.layout import FIELDS, Box

Mask = NDArray[np.bool_]

#: Size in which colour and light are looked at, in pixels, and pixels of it to a millimetre.
SMALL_WIDTH, SMALL_HEIGHT = 300, 189
SMALL = SMALL_WIDTH / WIDTH_MM
#: Lowest channel from which a pixel counts as burnt out, of 255.
BURNT = 247
#: By how much the light falls off within 4 mm around a mirrored lamp, of 255; around overexposed paper it was
#: 10 at most in 160 specimens, around lamps 24 at least.
FALL = 16
#: What is left of the measured sharpness beside a mirrored lamp.
HAZE = 0.7
#: The portrait on the front and a little more, in millimetres: its white ground is no glare.
PORTRAIT = Box(53.8, 5.5, 80.7, 39.0)
#: Pixels of a card's longer side from which its sharpness is taken as measured.
SHARP_LENGTH = 1100.0


def judge(
    card: Picture | None, photo: Picture, quad: Quad | None, side: Side, limits: Mapping[str, float]
) -> tuple[Finding, ...]:
    """Return what spoils the photo.

    :param card: straightened and upright; None when it is not certain, then only ``quad`` is judged.
    :param quad: the card's corners in pixels of ``photo``.
    """
    found: list[Finding] = []

    def compare(measure: float, *steps: tuple[str, str], above: bool = False) -> None:
        """Note the first step whose limit the measure passes; the hardest comes first."""
        for code, limit in steps:
            passed = measure > limits[limit] if above else measure < limits[limit]
            if passed:
                found.append(Finding(code, round(measure, 4), limits[limit], KINDS[code].weight))
                return

    if quad is not None:
        compare(length(quad), ("too_small", "card_pixels"))
        compare(fill(quad, photo.shape[1], photo.shape[0]), ("small_in_frame", "fill"))
    if card is not None:
        # A card that is small in its photo is softer for being enlarged, not for being blurred.
        enlarged = 1.0 if quad is None else max(1.0, SHARP_LENGTH / max(length(quad), 1.0))
        compare(sharpness(card, side) * enlarged, ("very_blurred", "very_blurred"), ("blur", "blur"))
        compare(brightness(card), ("very_dark", "very_dark"), ("dark", "dark"))
        compare(colour(card), ("grey_copy", "grey_copy"))
        compare(float(glare(card, side).mean()), ("glare", "glare"), above=True)
        compare(float(fingers(card).mean()), ("occluded", "occluded"), above=True)
    return tuple(found)


def touched(card: Picture, side: Side, limits: Mapping[str, float]) -> frozenset[str]:
    """Return the names of fields on which a glare or a finger lies, or that the photo does not show."""
    spoilt = _grown(glare(card, side), limits["touched_round"])
    spoilt |= _grown(fingers(card), limits["touched_round"]) | _outside(_small(card))
    most = limits["touched_share"]
    return frozenset(name for name, box in FIELDS[side].items() if _part(spoilt, box).mean() > most)


def length(quad: Quad) -> float:
    """Return the card's longer side in the photo, in pixels; of two opposite sides the shorter."""
    sides = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
    return float(max(min(sides[0], sides[2]), min(sides[1], sides[3])))


def fill(quad: Quad, width: int, height: int) -> float:
    """Return the card's area as a share of the largest card that fits into the frame, lying or standing.

    Source: R-093, at least 80 %. A card covers at most 84.1 % of a 4:3 photo, so that shares of the frame
    itself would ask for what is hardly possible.
    """
    x, y = quad[:, 0], quad[:, 1]
    area = abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
    lying = min(width / WIDTH_MM, height / HEIGHT_MM)
    standing = min(height / WIDTH_MM, width / HEIGHT_MM)
    return area / (max(lying, standing) ** 2 * WIDTH_MM * HEIGHT_MM)


def sharpness(card: Picture, side: Side) -> float:
    """Return the strength of edges against the contrast they join, times 1000; 0 to about 100.

    Variance of the Laplacian ÷ contrast² (both against the paper's brightness, so that shade does not
    count), in 24 tiles; the median of the half with most print, glare left out.
    """
    grey = cv2.cvtColor(card, cv2.COLOR_RGB2GRAY).astype(np.float32)
    paper = np.maximum(_broad(grey, 20), 20)
    # Blurred a little, so that the sensor's noise is not taken for print.
    soft = cv2.GaussianBlur(grey, (0, 0), 1.2)
    edges = (cv2.Laplacian(soft, cv2.CV_32F) / paper) ** 2
    contrast = ((soft - _broad(grey, 12)) / paper) ** 2
    edge = round(2 * card.shape[1] / WIDTH_MM)  # 2 mm, where the background may show

    def tiles(values: NDArray[Any]) -> NDArray[Any]:
        within = values[edge:-edge, edge:-edge]
        return np.asarray(cv2.resize(within, (6, 4), interpolation=cv2.INTER_AREA))

    lamps = glare(card, side)
    spoilt = _grown(lamps, 3.0).astype(np.float32)
    clean = tiles(cv2.resize(spoilt, (card.shape[1], card.shape[0]))) < 0.1
    clean = clean if clean.mean() > 0.3 else np.ones_like(clean)
    strong, print_ = tiles(edges), tiles(contrast)
    most = clean & (print_ >= np.median(print_[clean]))
    sharp = float(np.median(strong[most] / np.maximum(print_[most], 1e-9))) * 1000
    # The haze around a lamp is contrast without edges.
    return sharp / HAZE if lamps.any() else sharp


def brightness(card: Picture) -> float:
    """Return how bright the card's brightest tenth is, 0 to 255: a shadow leaves some paper in light."""
    return float(np.percentile(cv2.cvtColor(_small(card), cv2.COLOR_RGB2GRAY), 90))


def colour(card: Picture) -> float:
    """Return how far the most coloured 0.3 % of the card is from its paper, in natural logarithms.

    Portrait, emblem and print of a genuine card are beyond 0.3; a grey copy in any light is below 0.15.
    """
    red, blue, _ = _hues(_small(card))
    edge = round(2.3 * SMALL)
    away = np.hypot(red, blue)[edge:-edge, edge:-edge]
    return float(np.percentile(away, 99.7))


def glare(card: Picture, side: Side) -> Mask:
    """Return where lamps are mirrored, as a mask of :data:`SMALL_WIDTH` × :data:`SMALL_HEIGHT`.

    Burnt-out spots from which the light falls off steeply. Paper that is evenly overexposed falls off
    slowly, keeps its print, and is no glare.
    """
    small = _small(card)
    lowest = small.min(axis=2)
    # Print is closed over: what is left is the light on the paper.
    paper = cv2.GaussianBlur(cv2.morphologyEx(lowest, cv2.MORPH_CLOSE, _disc(7)), (0, 0), 1)
    burnt = (lowest >= BURNT).astype(np.uint8)
    red, blue, _ = _hues(small)
    # Emblem and skin are darker than paper in every light.
    judged = ~_outside(small) & (np.hypot(red, blue) < 0.2)
    judged[:6], judged[-6:], judged[:, :6], judged[:, -6:] = False, False, False, False
    if side == "front":
        _part(burnt, PORTRAIT)[:] = 0
        _part(judged, PORTRAIT)[:] = False
    burnt = cv2.morphologyEx(burnt, cv2.MORPH_OPEN, _disc(7))
    count, spots = cv2.connectedComponents(burnt)
    found = np.zeros(burnt.shape, dtype=bool)
    for number in range(1, count):
        spot = (spots == number).astype(np.uint8)
        # A ring between 3.4 and 4.6 mm outside the spot.
        ring = (cv2.dilate(spot, _disc(33)) > cv2.dilate(spot, _disc(25))) & judged
        if ring.sum() < 20:
            continue
        # A quarter of the ring may lie in the next spot; a shadow borders on one side only.
        if np.percentile(255.0 - paper[ring], 25) >= FALL:
            found |= spot.astype(bool)
    return found


def fingers(card: Picture) -> Mask:
    """Return what reaches over the card's edge in the colour of skin, as a mask like :func:`glare`'s."""
    small = _small(card)
    red, blue, seen = _hues(small)
    skin = (seen & (red > 0.16) & (red - blue > 0.25)).astype(np.uint8)
    opened = cv2.morphologyEx(skin, cv2.MORPH_OPEN, _disc(7))
    count, places, boxes, _ = cv2.connectedComponentsWithStats(opened)
    # How far each pixel lies from the card's nearest edge.
    rows, columns = np.ogrid[:SMALL_HEIGHT, :SMALL_WIDTH]
    depth = np.minimum(
        np.minimum(rows, SMALL_HEIGHT - 1 - rows), np.minimum(columns, SMALL_WIDTH - 1 - columns)
    )
    found = np.zeros(skin.shape, dtype=bool)
    for number in range(1, count):
        place = places == number
        # A thin band along the edge is background that the crop let in; print does not reach the edge.
        if depth[place].min() <= 4 and depth[place].max() >= 3 * SMALL and boxes[number, 4] > 100:
            found |= place
    return found


def _hues(small: Picture) -> tuple[NDArray[np.float32], NDArray[np.float32], Mask]:
    """Return red and blue against green, as logarithms from the paper's, and where they mean something."""
    light = small.astype(np.float32) + 2
    seen = (small.max(axis=2) > 12) & (small.min(axis=2) < 249)
    red, blue = np.log(light[..., 0] / light[..., 1]), np.log(light[..., 2] / light[..., 1])
    paper = seen.copy()
    paper[:8], paper[-8:], paper[:, :8], paper[:, -8:] = False, False, False, False
    if paper.any():
        red, blue = red - np.median(red[paper]), blue - np.median(blue[paper])
    return np.where(seen, red, 0), np.where(seen, blue, 0), seen


def _outside(small: Picture) -> Mask:
    """Return what lies outside the photo: straightening leaves it black."""
    black = (small.max(axis=2) == 0).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(black, cv2.MORPH_OPEN, _disc(5)), dtype=bool)


def _broad(grey: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return a strongly blurred picture; ``sigma`` in pixels."""
    height, width = grey.shape
    small = cv2.resize(grey, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / 4), (width, height)), np.float32)


def _small(card: Picture) -> Picture:
    return np.asarray(cv2.resize(card, (SMALL_WIDTH, SMALL_HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


def _disc(size: int) -> Any:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def _grown(mask: Mask, millimetres: float) -> Mask:
    """Return a mask with so much more all round."""
    size = 2 * round(millimetres * SMALL) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), _disc(size)), dtype=bool)


def _part(mask: NDArray[Any], box: Box) -> NDArray[Any]:
    """Return the part of a small mask that lies in a box; writing to it writes to the mask."""
    left, top, right, bottom = box.pixels(SMALL)
    return mask[top:bottom, left:right]
