"""Print found anywhere in a photo: lines whichever way up they are, and the fixed labels among them.

A label found is a place where the photo and the card's layout touch. Its points are the middles of its
first and last character, at the upper and the lower edge of the line, because a recogniser knows middles
of characters well and their edges badly.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from handlers.photos.card import Picture, Quad, Side, homography, project
from handlers.photos.layout import LABELS, NUMBER, VALUES_BESIDE, Box
from handlers.photos.reading.models import Line, Models
from handlers.photos.reading.strips import cut

#: Longest side in pixels of the photo in which labels are looked for.
PHOTO_SIDE = 1400
#: From this ratio of its sides on a box is long enough to tell which way its line runs.
LONG = 1.5
#: Longest lines asked whether they stand on their heads; they answer for all.
ASKED = 7
#: A line read with less than this mean probability is tried the other way up too.
READ_BADLY = 0.8
#: Characters of a long label that must stand together.
PART = 3
#: How much further than the print a detected box reaches above and below, in heights of the print.
MARGIN = 0.19
#: How far a label may be from its place, in millimetres: 14 pixels of 856 (images of the card).
NEAR = 1.4


@dataclass(frozen=True)
class Anchor:
    """A label found in a photo.

    :param text: the label, or the ID number.
    :param points_px: four points in pixels of the photo, in the order of a quad.
    :param points_mm: the same points on the card, in millimetres from its upper left corner.
    """

    text: str
    side: Side
    points_px: Quad
    points_mm: Quad


@dataclass(frozen=True)
class Placed:
    """A line of print and its box, corners in the order in which the line is upright."""

    line: Line
    box: Quad


def find(photo: Picture, models: Models) -> list[Anchor]:
    """Return the labels and the ID number found in a photo, whichever way up it is."""
    scale = min(1.0, PHOTO_SIDE / max(photo.shape[:2]))
    small = photo
    if scale < 1:
        size = round(photo.shape[1] * scale), round(photo.shape[0] * scale)
        small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    found = []
    for placed in upright_lines(small, models):
        found += in_line(Placed(placed.line, placed.box / scale))
    return found


def upright_lines(photo: Picture, models: Models) -> list[Placed]:
    """Return all lines of a photo, each read the right way up."""
    boxes = models.detect(photo)
    upright, lying = _sorted_by_direction(boxes)
    found = []
    for group in (upright, lying):
        strips = [_strip(photo, box) for box in group]
        longest = sorted(range(len(group)), key=lambda i: -strips[i].shape[1] / strips[i].shape[0])[:ASKED]
        heads = models.upside_down([strips[i] for i in longest])
        on_its_head = bool(heads) and float(np.mean(heads)) > 0.5
        for box, strip in zip(group, strips, strict=True):
            line, turned = models.recognise(_half_turned(strip, on_its_head)), on_its_head
            # A card may lie the other way up than the page below it.
            if line.mean < READ_BADLY:
                other = models.recognise(_half_turned(strip, not on_its_head))
                if other.mean > line.mean:
                    line, turned = other, not on_its_head
            if line.text.strip():
                found.append(Placed(line, np.roll(box, 2, axis=0) if turned else box))
    return found


def _sorted_by_direction(boxes: Iterable[Quad]) -> tuple[list[Quad], list[Quad]]:
    """Return boxes of lines that run across the photo, and of lines that run down it, turned to run across.

    A box too square to tell follows the majority.
    """
    across, down, square = [], [], []
    lengths = [0.0, 0.0]
    for box in boxes:
        width, height = np.linalg.norm(box[1] - box[0]), np.linalg.norm(box[3] - box[0])
        if width > LONG * height:
            across.append(box)
            lengths[0] += float(width)
        elif height > LONG * width:
            down.append(np.roll(box, -1, axis=0))
            lengths[1] += float(height)
        else:
            square.append(box)
    if lengths[0] >= lengths[1]:
        across += square
    else:
        down += [np.roll(box, -1, axis=0) for box in square]
    return across, down


def _half_turned(strip: Picture, turned: bool) -> Picture:
    return np.ascontiguousarray(strip[::-1, ::-1]) if turned else strip


def _strip(photo: Picture, box: Quad) -> Picture:
    """Return the upright picture of a box."""
    sides = np.maximum(np.linalg.norm(np.roll(box, -1, axis=0) - box, axis=1), 4)
    size = round(float(max(sides[0], sides[2]))), round(float(max(sides[1], sides[3])))
    target = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], dtype=np.float64)
    matrix = homography(box, target)
    return np.asarray(
        cv2.warpPerspective(photo, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
        dtype=np.uint8,
    )


def in_line(placed: Placed) -> list[Anchor]:
    """Return the labels in a line, and the ID number; a line may hold several, or a label and its value."""
    text, places = placed.line.text, placed.line.places
    taken: list[tuple[int, int, int, str, Side]] = []
    for side, labels in LABELS.items():
        for label in labels:
            start, at, length = _common(text, label)
            if length >= min(len(label), PART):
                taken.append((length, start, at, label, side))
    found = []
    for length, start, at, label, side in taken:
        rivals = [
            one for one in taken if one[3] != label and one[1] < start + length and start < one[1] + one[0]
        ]
        if any(one[0] >= length for one in rivals):
            continue
        box = LABELS[side][label]
        print_box = _print_box(text, label, box)
        middles = [_middle(box, len(label), index) for index in (at, at + length - 1)]
        points_mm = _points(middles[0], middles[1], print_box)
        found.append(
            Anchor(label, side, _between(placed.box, places[start], places[start + length - 1]), points_mm)
        )
    if match := re.search(r"(?<!\d)\d{17}[\dXx](?!\d)", text, re.ASCII):
        points_mm = _points(_middle(NUMBER, 18, 0), _middle(NUMBER, 18, 17), NUMBER)
        points_px = _between(placed.box, places[match.start()], places[match.end() - 1])
        found.append(Anchor(match.group(), "front", points_px, points_mm))
    return found


def labelled(card: Picture, side: Side, needed: int, models: Models) -> bool:
    """Tell whether so many labels of a side stand where they belong on a straightened card."""
    missing = len(LABELS[side]) - needed
    for label, box in LABELS[side].items():
        line = models.recognise(cut(card, box, (NEAR, 0.8)))
        missing -= _common(line.text, label)[2] < min(len(label), PART)
        if missing < 0:
            return False
    return True


def _common(text: str, label: str) -> tuple[int, int, int]:
    """Return the longest part of ``label`` in ``text``: where in the text, where in the label, how long."""
    for length in range(len(label), 1, -1):
        for at in range(len(label) - length + 1):
            if (start := text.find(label[at : at + length])) >= 0:
                return start, at, length
    return 0, 0, 0


def _print_box(text: str, label: str, box: Box) -> Box:
    """Return how high the line's print is: a label's line may hold a value in larger print beside it."""
    beside = VALUES_BESIDE.get(label)
    if beside is None or len(text.strip()) <= len(label):
        return box
    return Box(box.left, min(box.top, beside.top), box.right, max(box.bottom, beside.bottom))


def _middle(box: Box, count: int, index: int) -> float:
    """Return the middle of one of ``count`` characters that fill a box from edge to edge.

    Characters are as wide as the box is high; what is left is the space between them.
    """
    wide = min(box.bottom - box.top, (box.right - box.left) / count)
    return box.left + wide / 2 + index * (box.right - box.left - wide) / max(count - 1, 1)


def _points(first: float, last: float, box: Box) -> Quad:
    room = MARGIN * (box.bottom - box.top)
    top, bottom = box.top - room, box.bottom + room
    return np.array([[first, top], [last, top], [last, bottom], [first, bottom]], dtype=np.float64)


def _between(box: Quad, first: float, last: float) -> Quad:
    """Return the part of a quad between two shares of its length."""
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64)
    part = np.array([[first, 0], [last, 0], [last, 1], [first, 1]], dtype=np.float64)
    return project(homography(square, box), part)


def near(points: Sequence[Anchor], scale: float) -> list[Anchor]:
    """Return the anchors of a straightened card that stand in their places.

    :param scale: pixels of the card to one millimetre.
    """
    return [
        one
        for one in points
        if np.abs(one.points_px.mean(axis=0) / scale - one.points_mm.mean(axis=0)).max() <= NEAR
    ]
