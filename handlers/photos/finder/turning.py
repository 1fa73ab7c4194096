"""Which way up a card lies, and which side of it shows, from where its print is.

The print of both sides stands where GA 448 puts it: on the front the portrait at the right and the number
line along the foot, on the back the emblem at the upper left and two lines of title. How closely a picture's
ink follows that layout also tells a card from any other quad, without reading a letter.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from handlers.photos.card import HEIGHT_MM, WIDTH_MM, Picture, Quad, Side, warp
from handlers.photos.finder.cues import Map
from handlers.photos.finder.geometry import aspect_errors, turned

#: Pixels to a millimetre in which ink is told from paper.
FINE_SCALE = 4
#: Cells of the layout, one millimetre each.
COLUMNS, ROWS = 86, 54
#: How much the natural logarithm of width to height must differ from 0 before a quad has a long side.
LONG_SIDE = 0.12

#: Where print is, in millimetres from the upper left corner (left, top, right, bottom), and how dense it is.
PRINT: Mapping[Side, tuple[tuple[float, float, float, float, float], ...]] = {
    "front": (
        (5.0, 6.0, 12.0, 9.6, 0.7),
        (15.4, 5.5, 27.0, 10.0, 0.9),
        (5.0, 13.0, 12.0, 16.4, 0.7),
        (15.4, 12.4, 19.2, 16.4, 0.7),
        (25.3, 13.0, 32.2, 16.4, 0.7),
        (35.0, 12.4, 41.0, 16.4, 0.6),
        (5.0, 19.5, 12.0, 22.8, 0.7),
        (15.4, 18.8, 47.0, 22.6, 0.7),
        (5.0, 26.2, 12.0, 29.6, 0.7),
        (15.4, 25.2, 53.0, 29.0, 0.8),
        (15.4, 30.2, 48.0, 34.0, 0.5),
        (15.4, 35.2, 36.0, 39.0, 0.2),
        (58.0, 9.5, 78.0, 38.4, 0.4),
        (5.0, 46.0, 23.2, 49.4, 0.7),
        (29.3, 45.4, 78.4, 49.3, 1.0),
    ),
    "back": (
        (5.6, 6.0, 20.3, 20.8, 0.8),
        (27.0, 7.0, 76.6, 12.8, 0.8),
        (25.5, 16.8, 77.6, 24.4, 0.9),
        (18.4, 39.8, 30.6, 43.6, 0.8),
        (35.0, 39.8, 64.0, 43.6, 0.7),
        (18.4, 46.2, 30.6, 49.8, 0.8),
        (35.0, 46.2, 68.0, 49.8, 0.7),
    ),
}


@dataclass(frozen=True)
class Turned:
    """A quad in the card's own order of corners.

    :param likeness: how its print follows the layout, -1 to 1; about 0.4 and more for a card.
    :param lead: how much less the other way up, or the other side, follows it.
    """

    quad: Quad
    side: Side
    likeness: float
    lead: float


def turn(photo: Picture, quad: Quad) -> list[Turned]:
    """Return the ways a quad may lie, the likeliest first.

    :param quad: in pixels of ``photo``, corners clockwise.
    """
    height, width = photo.shape[:2]
    _, ratio = aspect_errors(quad[None], width, height)
    ways: list[Turned] = []
    for quarters in (0, 1) if abs(ratio[0]) < LONG_SIDE else (0,) if ratio[0] > 0 else (1,):
        upright = turned(quad, quarters)
        ink = ink_of(warp(photo, upright, COLUMNS * FINE_SCALE, ROWS * FINE_SCALE))
        for half, cells in ((0, ink), (2, ink[::-1, ::-1])):
            for side, layout in LAYOUTS.items():
                likeness = float(np.mean(cells * layout))
                ways.append(Turned(turned(upright, half), side, likeness, 0.0))
    ways.sort(key=lambda way: -way.likeness)
    return [
        Turned(way.quad, way.side, way.likeness, way.likeness - max(o.likeness for o in ways if o is not way))
        for way in ways
    ]


def likeness(photo: Picture, quad: Quad, side: Side) -> float:
    """Return how closely the print within a quad follows a side's layout, -1 to 1."""
    ink = ink_of(warp(photo, quad, COLUMNS * FINE_SCALE, ROWS * FINE_SCALE))
    return float(np.mean(ink * LAYOUTS[side]))


def ink_of(card: Picture) -> Map:
    """Return the print on each square millimetre of a straight card, of mean 0 and variance 1."""
    grey = cv2.cvtColor(card, cv2.COLOR_RGB2GRAY).astype(np.float32)
    strokes = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.2 * FINE_SCALE))
    cells = cv2.resize(strokes, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    # A portrait or a stamp is no more print than a digit is.
    cells = np.minimum(cells, np.float32(max(float(np.percentile(cells, 85)), 1e-3)))
    return standard(cv2.GaussianBlur(cells, (0, 0), 0.8))


def standard(cells: Map) -> Map:
    """Bring cells to mean 0 and variance 1, the outermost left out: they show what lies beside the card."""
    inner = cells[1:-1, 1:-1]
    spread = float(inner.std())
    found = (cells - float(inner.mean())) / max(spread, 1e-6)
    found[0], found[-1], found[:, 0], found[:, -1] = 0, 0, 0, 0
    return np.asarray(found, dtype=np.float32)


def _layout(side: Side) -> Map:
    """Return the cells of a side's layout, of mean 0 and variance 1."""
    cells = np.zeros((ROWS * FINE_SCALE, COLUMNS * FINE_SCALE), dtype=np.float32)
    across, down = COLUMNS * FINE_SCALE / WIDTH_MM, ROWS * FINE_SCALE / HEIGHT_MM
    for left, top, right, bottom, density in PRINT[side]:
        box = cells[round(top * down) : round(bottom * down), round(left * across) : round(right * across)]
        box[:] = density
    coarse = cv2.resize(cells, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return standard(np.asarray(cv2.GaussianBlur(coarse, (0, 0), 0.8), dtype=np.float32))


LAYOUTS: Mapping[Side, Map] = {"front": _layout("front"), "back": _layout("back")}
