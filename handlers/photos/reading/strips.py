"""Strips of a straightened card, and what about a strip speaks against what was read in it.

A recogniser that does not see a character is as sure of the others as ever: under a glare a name of three
characters is read as one of two, with certainty. So the strip itself is asked whether the print could go
on where the reading ends, or has a hole.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
#: From a darkest channel of this on, of 255, paper is whitened so far that pale print could be lost on it.
WHITENED = 200
#: Ink is what is that much as dark as the darkest character, and at least so dark: paper has structure too.
INK, PALE = 0.33, 0.08
#: Ink that may belong to print, as a share of the darkest there is.
TRACE = 0.2
#: Side in pixels of what a stroke is compared with: more than the widest stroke of the largest character.
STROKE = 25


@dataclass(frozen=True)
class Oddity:
    """What is odd about a strip, given what was read in it. Everything is 0 where all is well.

    :param washed_out: how much less the palest character stands out than the darkest, from 0 to 1.
    :param clipped: largest share of white pixels where a character is or one could be hidden beside it.
    :param beyond: ink before the first and behind the last character, in square millimetres.
    :param hole: largest distance between characters, and of the first from the field's beginning, beyond
        what is usual, in widths of a character.
    :param paper: how far the paper's colour, or its whitened light, in the place of one character is from
        the others', as a natural logarithm.
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


def printed_part(strip: Picture) -> Picture:
    """Return a strip without the blank paper at its right, which costs as much to read as print does.

    Anything a fifth as dark as the darkest print stays, and a character's width behind it.
    """
    strokes = ink(strip)
    dark = strokes > max(TRACE * float(np.percentile(strokes, 99)), PALE / 2)
    columns = np.flatnonzero(dark.sum(axis=0) >= 2)
    end = int(columns[-1]) + strip.shape[0] // 2 if len(columns) else strip.shape[1]
    return strip[:, : max(end, 2 * strip.shape[0])]


def oddity(strip: Picture, line: Line, pitch: float, room: float = ROOM_ACROSS) -> Oddity:
    """Return what is odd about a strip of a field that begins at its left edge.

    :param pitch: usual distance between two of the field's characters, in millimetres.
    :param room: left of the field's beginning, in millimetres.
    """
    width, step = strip.shape[1], pitch * SCALE
    white = (strip[..., 0] >= CLIPPED) & (strip[..., 1] >= CLIPPED) & (strip[..., 2] >= CLIPPED)
    if not line.text:
        return Oddity(clipped=float(white.mean()))
    middles = np.array(line.places) * width
    strokes = ink(strip)
    depths = [float(np.percentile(cell, 97)) for cell in _cells(strokes, middles, step)]
    deepest = max(*depths, 1e-3)
    # One character could be hidden before the first, and one behind the last.
    around = np.array([middles[0] - step, *middles, middles[-1] + step])
    gaps = np.diff(middles) / step
    start = (middles[0] / SCALE - room) / pitch - 0.5
    return Oddity(
        washed_out=1 - min(depths) / deepest,
        clipped=max(float(cell.mean()) for cell in _cells(white, around, step)),
        beyond=_beyond(strip, strokes > max(INK * deepest, PALE), middles, step),
        hole=max(float(gaps.max(initial=1.0)) - 1.0, start, 0.0),
        paper=_paper_change(
            [cell.mean(axis=(0, 1)) for cell in _cells(paper_of(strip), around / 4, step / 4)]
        ),
    )


def worst(several: Sequence[Oddity]) -> Oddity:
    """Return the worst of each."""
    return Oddity(*(max(getattr(one, name) for one in several) for name in Oddity.__match_args__))


def ink(strip: Picture) -> NDArray[np.float32]:
    """Return how much darker than the paper round it each pixel is, from 0 to 1."""
    grey = cv2.cvtColor(strip, cv2.COLOR_RGB2GRAY)
    paper = cv2.blur(cv2.dilate(cv2.blur(grey, (3, 3)), _square(STROKE)), (STROKE, STROKE))
    light = cv2.divide(grey.astype(np.float32), np.maximum(paper, 1).astype(np.float32))
    return np.asarray(np.clip(1 - light, 0, 1), dtype=np.float32)


def paper_of(strip: Picture) -> NDArray[np.float32]:
    """Return the colour of the paper under the print, a quarter as wide and high as the strip."""
    size = max(strip.shape[1] // 4, 1), max(strip.shape[0] // 4, 1)
    small = cv2.resize(strip, size, interpolation=cv2.INTER_AREA)
    side = STROKE // 4 | 1
    return np.asarray(cv2.blur(cv2.dilate(small, _square(side)), (side, side)), dtype=np.float32)


def _square(side: int) -> Picture:
    return np.ones((side, side), dtype=np.uint8)


def _beyond(strip: Picture, dark: NDArray[np.bool_], middles: NDArray[np.float64], step: float) -> float:
    """Return the ink left of the first and right of the last character, in square millimetres."""
    # Where the card is cut off by the photo's edge there is nothing, and no ink.
    nothing = cv2.dilate((strip[..., 1] == 0).astype(np.uint8), _square(STROKE))
    dark = dark & (nothing == 0)
    first, last = max(int(middles[0] - 0.65 * step), 0), int(middles[-1] + 0.65 * step)
    return float(dark[:, :first].sum() + dark[:, last:].sum()) / SCALE**2


def _paper_change(papers: Sequence[NDArray[np.float32]]) -> float:
    """Return how much the paper of one place differs from that of the others, as a natural logarithm.

    A shadow darkens all colours alike and hides nothing. Light that whitens paper may hide print, and so
    does what has another colour.
    """
    usual = np.maximum(np.median(papers, axis=0), 1)
    worst = 0.0
    for one in papers:
        change = np.log(np.maximum(one, 1) / usual)
        light = float(change.min()) if float(one.min()) > WHITENED else 0.0
        worst = max(worst, light, float(change.max() - change.min()))
    return worst


def _cells(strip: NDArray[Any], middles: NDArray[np.float64], step: float) -> list[NDArray[Any]]:
    """Return the parts of a strip round some middles that lie in it."""
    width = strip.shape[1]
    spans = [np.clip([middle - step / 2, middle + step / 2], 0, width).astype(int) for middle in middles]
    return [strip[:, left:right] for left, right in spans if right - left > 1]
