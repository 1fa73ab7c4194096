"""The signature: strokes of a photographed or drawn name, dark on nothing (R-093, R-104, domain 3.14).

A photographed one is divided by its paper's light, so that shade and shadows fall away; what is dark by half
of the ink's own darkness is stroke; rules across the page and lonely specks are left out, and it is cropped
to the strokes. A drawn one is drawn again, smoothly, on a sheet. Both come out as a transparent PNG and as a
JPEG on white.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from math import hypot, isfinite
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from handlers.photos import decoding
from handlers.photos.card import Picture
from handlers.photos.findings import KINDS, LIMITS, Finding
from handlers.photos.gate import PhotoRefused

Mask = NDArray[np.bool_]
Grey = NDArray[np.float32]

#: Longest side in which strokes are looked for, in pixels: a pen's stroke is then 3 to 25 wide.
LOOKED_AT = 2000
#: Room left around the strokes, as a share of their longer side.
MARGIN = 0.05
#: Least darkness that may be ink, as a share of the paper's light; a hard pencil's is 0.2.
FAINTEST = 0.16
#: Most strokes, and most points of all strokes, of a drawing on the screen; hardly anyone needs a tenth.
MOST_STROKES, MOST_POINTS = 200, 20_000
#: Size of the paper on which a drawn signature is laid, in pixels; it passes the gate like a photo.
SHEET_WIDTH, SHEET_HEIGHT = 1200, 800
_INK = (20, 22, 40)


@dataclass(frozen=True)
class Signature:
    """A clean signature.

    :param png: strokes in the colour of their ink on a transparent ground; empty if there are none.
    :param jpeg: the same on white.
    :param findings: what speaks against it; with a hard one it is not to be used.
    """

    png: bytes
    jpeg: bytes
    findings: tuple[Finding, ...]


def clean(photo: Picture, limits: Mapping[str, float] = LIMITS) -> Signature:
    """Return the strokes of a photographed signature."""
    photo = decoding.reduced(photo, LOOKED_AT)
    dark = darkness(photo)
    marks = ink(dark)
    if lines_of_print(marks) >= limits["signature_lines"]:
        rows = float(lines_of_print(marks))
        return Signature(b"", b"", (_finding("not_a_signature", rows, limits["signature_lines"]),))
    strokes = _together(marks)
    if strokes.sum() < limits["signature_least"] * strokes.size:
        share = float(strokes.mean())
        return Signature(b"", b"", (_finding("blank", share, limits["signature_least"]),))
    box = _box(strokes)
    level = float(np.median(dark[strokes]))
    # Twice as dark as the half level is fully ink; the edge in between stays soft.
    near = cv2.dilate(strokes.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    alpha = np.asarray(np.clip((dark - level * 0.25) / (level * 0.5), 0, 1) * near, dtype=np.float32)
    pen = np.median(photo[strokes], axis=0)
    findings = _of_area(strokes[box], limits)
    if not findings:
        findings = _of_colour(photo, strokes, level, limits)
    return Signature(*_drawn_out(alpha[box], pen), findings)


def from_strokes(strokes: Any, width: Any, height: Any, limits: Mapping[str, float] = LIMITS) -> Signature:
    """Draw a signature that was drawn on the screen.

    :param strokes: lists of points; a point is x, y in pixels of the field, and milliseconds.
    :param width: of the field, in pixels; likewise ``height``.
    :raises PhotoRefused: it is no drawing.
    """
    lines = [line for line in _lines(strokes, width, height) if _reach(line) >= 0.01 * min(width, height)]
    if len(lines) < limits["signature_strokes"]:
        count = float(len(lines))
        return Signature(b"", b"", (_finding("too_few_strokes", count, limits["signature_strokes"]),))
    points = np.vstack([line[:, :2] for line in lines])
    low, high = points.min(axis=0), points.max(axis=0)
    middle, extent = (low + high) / 2, np.maximum(high - low, 1.0)
    scale = min(SHEET_WIDTH * 0.8 / extent[0], SHEET_HEIGHT * 0.7 / extent[1])
    # Drawn larger than it is kept: smooth edges.
    finer = 2
    sheet = np.zeros((SHEET_HEIGHT * finer, SHEET_WIDTH * finer), np.uint8)
    centre = np.array([SHEET_WIDTH, SHEET_HEIGHT]) / 2
    for line in lines:
        line[:, :2] = ((line[:, :2] - middle) * scale + centre) * finer
        _draw(sheet, line, thick=SHEET_WIDTH * 0.006 * finer)
    size = (SHEET_WIDTH, SHEET_HEIGHT)
    alpha = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    findings = _of_area(alpha[_box(alpha > 0.5)] > 0.5, limits)
    return Signature(*_drawn_out(alpha, np.array(_INK)), findings)


def darkness(photo: Picture) -> Grey:
    """Return how much darker than its paper each pixel is, 0 to 1, in the channel where it is darkest."""
    height, width = photo.shape[:2]
    small = cv2.resize(photo, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    # Closing fills the strokes and, unlike dilation alone, leaves the edges of shadows where they are.
    size = 2 * round(max(small.shape) * 0.02) + 1
    filled = cv2.morphologyEx(
        cv2.medianBlur(small, 3), cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    )
    paper = cv2.resize(cv2.medianBlur(filled, 5), (width, height), interpolation=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(photo, (0, 0), 0.8)
    ratio = (soft.astype(np.float32) + 4) / (paper.astype(np.float32) + 4)
    return np.asarray(np.clip(1 - ratio.min(axis=2), 0, 1), dtype=np.float32)


def ink(dark: Grey) -> Mask:
    """Return what is stroke or print: darker than half of what the ink of this photo is."""
    noise = float(np.median(dark)) + 3 * float(np.median(np.abs(dark - np.median(dark))))
    sure = dark[dark > max(FAINTEST, 2 * noise)]
    if sure.size < 30:
        return np.zeros(dark.shape, dtype=bool)
    # The darkest fifth is the strokes' middle, whatever rules and edges there are besides.
    full = float(np.percentile(sure, 80))
    weak, strong = dark > 0.5 * full, dark > 0.75 * full
    weak = _without_rules(weak)
    count, places, boxes, _ = cv2.connectedComponentsWithStats(weak.astype(np.uint8), connectivity=8)
    kept = np.zeros(count, dtype=bool)
    kept[np.unique(places[strong])] = True
    least = (max(dark.shape) / 1600) ** 2 * 30
    kept &= boxes[:, cv2.CC_STAT_AREA] >= least
    kept[0] = False
    return np.asarray(kept[places], dtype=bool)


def lines_of_print(marks: Mask) -> int:
    """Return how many long lines of about the same height there are, level or upright; a name has one."""
    scale = 800 / max(marks.shape)
    size = (round(marks.shape[1] * scale), round(marks.shape[0] * scale))
    small = cv2.resize(marks.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
    most = 0
    for turn in range(-20, 21, 4):
        # Room for the corners, so that nothing is turned out of the picture.
        level = cv2.getRotationMatrix2D((size[0] / 2, size[1] / 2), turn, 0.7)
        turned = cv2.warpAffine(small, level, size, flags=cv2.INTER_AREA) > 60
        most = max(most, _level_lines(turned), _level_lines(turned.T))
    return most


def _level_lines(marks: Mask) -> int:
    """Count rows of print in a picture of 800 pixels, whatever ground there is around a card."""
    # Gaps between characters close; what is then long and low is a line.
    closed = cv2.morphologyEx(marks.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 25), np.uint8))
    boxes = cv2.connectedComponentsWithStats(closed)[2][1:]
    wide, high = boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT]
    lines = boxes[(wide >= 4 * high) & (wide >= 110) & (high >= 8) & (high <= 80)]
    if not len(lines):
        return 0
    high = lines[:, cv2.CC_STAT_HEIGHT]
    usual = float(np.median(high))
    alike = lines[(high > usual / 2.5) & (high < usual * 2.5)]
    middles = np.sort(alike[:, cv2.CC_STAT_TOP] + alike[:, cv2.CC_STAT_HEIGHT] / 2)
    return 1 + int((np.diff(middles) > 0.7 * usual).sum())


def _without_rules(marks: Mask) -> Mask:
    """Return marks without thin lines across the page; where a stroke crosses one, it stays."""
    for level in (True, False):
        lying = marks if level else marks.T
        width = lying.shape[1]
        pieces = cv2.morphologyEx(
            lying.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, max(3, width // 12)), np.uint8)
        )
        # A rule that is not quite level lies in several rows.
        wide = cv2.dilate(pieces, np.ones((9, 1), np.uint8))
        across = wide.sum(axis=1) > 0.5 * width
        thick = cv2.morphologyEx(lying.astype(np.uint8), cv2.MORPH_OPEN, np.ones((8, 1), np.uint8)) > 0
        thin = lying & ~thick
        rest = lying & ~(thin & (cv2.dilate(pieces, np.ones((5, 1), np.uint8)) > 0) & across[:, None])
        marks = rest if level else rest.T
    return marks


def _together(marks: Mask) -> Mask:
    """Return the marks that belong to the main cluster or to one of some weight near it."""
    reach = max(3, round(max(marks.shape) * 0.05))
    clusters = cv2.dilate(marks.astype(np.uint8), np.ones((reach, reach), np.uint8))
    count, places = cv2.connectedComponents(clusters)
    weight = np.bincount(places[marks], minlength=count)
    if not weight.any():
        return marks
    return np.asarray(marks & (weight >= 0.08 * weight.max())[places], dtype=bool)


def _box(marks: Mask) -> tuple[slice, slice]:
    """Return where the marks are, with some room around."""
    rows, columns = np.flatnonzero(marks.any(axis=1)), np.flatnonzero(marks.any(axis=0))
    if not rows.size:
        return slice(0, marks.shape[0]), slice(0, marks.shape[1])
    room = round(MARGIN * max(rows[-1] - rows[0], columns[-1] - columns[0])) + 2
    return (
        slice(max(0, rows[0] - room), rows[-1] + room + 1),
        slice(max(0, columns[0] - room), columns[-1] + room + 1),
    )


def _of_area(strokes: Mask, limits: Mapping[str, float]) -> tuple[Finding, ...]:
    """Judge the share of the cropped picture that is stroke (domain 3.14)."""
    share = float(strokes.mean())
    if share < limits["signature_thin"]:
        return (_finding("blank", share, limits["signature_thin"]),)
    if share > limits["signature_thick"]:
        return (_finding("not_a_signature", share, limits["signature_thick"]),)
    return ()


def _of_colour(
    photo: Picture, strokes: Mask, level: float, limits: Mapping[str, float]
) -> tuple[Finding, ...]:
    """Judge whether it was written with a black or blue pen."""
    # Against the paper, so that a warm lamp makes no red ink.
    paper = np.median(photo[~strokes], axis=0) + 4
    pen = (np.median(photo[strokes], axis=0) + 4) / paper
    redness = float(np.log(pen[0] / max(pen[1], pen[2])))
    if redness > limits["signature_red"]:
        return (_finding("wrong_ink", redness, limits["signature_red"]),)
    if level < limits["signature_pale"]:
        return (_finding("wrong_ink", level, limits["signature_pale"]),)
    return ()


def _lines(strokes: Any, width: Any, height: Any) -> list[NDArray[np.float64]]:
    """Return a drawing's strokes as arrays of x, y, milliseconds.

    :raises PhotoRefused: it is not what a browser sends.
    """
    refusal = PhotoRefused("not_a_drawing", KINDS["blank"].sentence)
    field = [_number(width), _number(height)]
    if not all(side is not None and 20 <= side <= 10_000 for side in field):
        raise refusal
    if not isinstance(strokes, (list, tuple)) or len(strokes) > MOST_STROKES:
        raise refusal
    if not all(isinstance(line, (list, tuple)) for line in strokes):
        raise refusal
    if sum(len(line) for line in strokes) > MOST_POINTS:
        raise refusal
    lines = []
    for line in strokes:
        points = []
        for point in line:
            if not isinstance(point, (list, tuple)) or len(point) not in (2, 3):
                raise refusal
            numbers = [_number(value) for value in (*point, 0)[:3]]
            if any(number is None for number in numbers):
                raise refusal
            points.append(numbers)
        if points:
            array = np.array(points, dtype=np.float64)
            array[:, 0] = np.clip(array[:, 0], 0, field[0])
            array[:, 1] = np.clip(array[:, 1], 0, field[1])
            lines.append(array)
    return lines


def _number(value: Any) -> float | None:
    """Return a finite number, or None for anything else that JSON may hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e15:
        return None
    return float(value) if isfinite(value) else None


def _reach(line: NDArray[np.float64]) -> float:
    """Return how far a stroke reaches, in pixels of the field: a tap reaches nowhere."""
    return float(np.hypot(*(line[:, :2].max(axis=0) - line[:, :2].min(axis=0))))


def _draw(sheet: NDArray[np.uint8], line: NDArray[np.float64], thick: float) -> None:
    """Draw one stroke: a curve through the middles between its points, thinner where the hand was quick."""
    middles = np.vstack([line[:1], (line[:-1] + line[1:]) / 2, line[-1:]])
    steps = np.linspace(0, 1, 8)[:, None]
    pen = thick
    for start, bend, end in zip(middles[:-1], line, middles[1:], strict=True):
        curve = (1 - steps) ** 2 * start[:2] + 2 * steps * (1 - steps) * bend[:2] + steps**2 * end[:2]
        passed = end[2] - start[2]
        quick = hypot(*(end[:2] - start[:2])) / passed / thick if passed > 0 else 0.3
        pen += 0.3 * (thick * float(np.clip(1.2 - 0.5 * quick, 0.55, 1.2)) - pen)
        path = np.round(curve * 16).astype(np.int32).reshape(-1, 1, 2)
        cv2.polylines(sheet, [path], False, 255, max(1, round(pen)), cv2.LINE_AA, shift=4)


def _drawn_out(alpha: Grey, pen: NDArray[Any]) -> tuple[bytes, bytes]:
    """Return strokes as PNG on a transparent ground and as JPEG on white."""
    colour = np.broadcast_to(np.round(pen).astype(np.uint8), (*alpha.shape, 3))
    rgba = np.dstack([colour, np.round(alpha * 255).astype(np.uint8)])
    out = BytesIO()
    Image.fromarray(rgba, "RGBA").save(out, "PNG", optimize=True)
    white = 255 - (255 - colour.astype(np.float32)) * alpha[..., None]
    return out.getvalue(), decoding.encode(np.round(white).astype(np.uint8))


def _finding(code: str, measure: float, limit: float) -> Finding:
    return Finding(code, round(measure, 4), limit, KINDS[code].weight)
