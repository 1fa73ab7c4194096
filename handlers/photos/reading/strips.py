"""Strips of a straightened card, and what about a strip speaks against what was read in it.

A recogniser that does not see a character is as sure of the others as ever: under a glare a name of three
characters is read as one of two, with certainty. So the strip itself is asked whether the print could go
on where the reading ends, or has a hole.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from handlers.photos.card import SCALE, Picture
from handlers.photos.layout import Box
from handlers.photos.reading.models import Line

#: Room left round a box when a strip is cut, in millimetres: corners may be half a percent wrong.
ROOM_ACROSS, ROOM_DOWN = 0.8, 0.6
#: From a darkest channel of this on, of 255, a pixel shows light and no print.
CLIPPED = 248
#: Side in pixels of what a stroke is compared with: more than the widest stroke of the largest character.
STROKE = 25


@dataclass(frozen=True)
class Oddity:
    """What is odd about a strip, given what was read in it. Everything is 0 where all is well.

    :param washed_out: how much less the palest character stands out than the darkest, from 0 to 1.
    :param clipped: share of white, structureless pixels where characters are or could follow.
    :param beyond: ink before the first and behind the last character, in square millimetres.
    :param hole: largest distance between characters, and of the first from the field's beginning, beyond
        what is usual, in widths of a character.
    :param paper: how far the paper's colour or brightness behind the last character is from that at the
        characters, as a natural logarithm.
    """

    washed_out: float = 0.0
    clipped: float = 0.0
    beyond: float = 0.0
    hole: float = 0.0
    paper: float = 0.0


def cut(card: Picture, box: Box, room: tuple[float, float] = (ROOM_ACROSS, ROOM_DOWN)) -> Picture:
    """Return the part of a straightened card that holds ``box``, with some room round it."""
    left, top, right, bottom = box.grown(*room).pixels(card.shape[1] / 1200 * SCALE)
    height, width = card.shape[:2]
    return np.ascontiguousarray(card[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)])


def oddity(strip: Picture, line: Line, pitch: float) -> Oddity:
    """Return what is odd about a strip of a field that begins at its left edge.

    :param pitch: usual distance between two of the field's characters, in millimetres.
    """
    if not line.text:
        return Oddity()
    width = strip.shape[1]
    step = pitch * SCALE
    middles = np.array(line.places) * width
    strokes, paper = ink(strip)
    first, last = max(middles[0] - 0.6 * step, 0), min(middles[-1] + 0.6 * step, width)
    cells = [strokes[:, _span(middle - step / 2, middle + step / 2, width)] for middle in middles]
    depths = [float(np.percentile(cell, 92)) if cell.size else 0.0 for cell in cells]
    deepest = max(max(depths), 1e-3)
    # Ink counts from a third of the darkest character on; guilloche and paper structure stay below.
    dark = strokes > max(0.33 * deepest, 0.08)
    beyond = float(dark[:, : int(first)].sum() + dark[:, int(last) :].sum()) / SCALE**2
    near = _span(first, last + step, width)
    clipped = float((strip[:, near].min(axis=2) >= CLIPPED).mean())
    gaps = np.diff(middles) / step
    start = (middles[0] / SCALE - ROOM_ACROSS) / pitch - 0.5
    hole = max(float(gaps.max(initial=1.0)) - 1.0, start, 0.0)
    return Oddity(1 - min(depths) / deepest, clipped, beyond, hole, _paper_change(paper, first, last, step))


def ink(strip: Picture) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return how much darker than the paper round it each pixel is, from 0 to 1, and the paper's colour."""
    kernel = np.ones((STROKE, STROKE), dtype=np.uint8)
    paper = cv2.blur(cv2.dilate(cv2.blur(strip, (3, 3)), kernel), (STROKE, STROKE)).astype(np.float32)
    light = strip.astype(np.float32).mean(axis=2)
    around = np.maximum(paper.mean(axis=2), 1)
    return np.clip(1 - light / around, 0, 1).astype(np.float32), np.asarray(paper, dtype=np.float32)


def _paper_change(paper: NDArray[np.float32], first: float, last: float, step: float) -> float:
    """Return how the paper in the place of a further character differs from that at the characters."""
    width = paper.shape[1]
    there = paper[:, _span(last, last + step, width)]
    here = paper[:, _span(first, last, width)]
    if not there.size or not here.size:
        return 0.0
    change = np.log(np.maximum(there.mean(axis=(0, 1)), 1) / np.maximum(here.mean(axis=(0, 1)), 1))
    # A shadow darkens all colours alike and hides nothing; light that is added, or another colour, may.
    return float(max(change.min(), change.max() - change.min(), 0.0))


def _span(left: float, right: float, width: int) -> slice:
    return slice(int(np.clip(left, 0, width)), int(np.clip(right, 0, width)))
