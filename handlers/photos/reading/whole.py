"""All print of a straightened card, put to its fields: by the label before it, or by its place."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from handlers.photos.card import Side
from handlers.photos.layout import FIELDS, LABELS, VALIDITY, Box
from handlers.photos.reading.anchors import Anchor, Placed
from handlers.photos.reading.models import Line

#: The field beside a label.
LABELLED: Mapping[str, str] = {
    "姓名": "name",
    "性别": "sex",
    "民族": "ethnic",
    "出生": "birth",
    "住址": "address",
    "公民身份号码": "id_number",
    "签发机关": "authority",
    "有效期限": "validity",
}
#: How far print may be outside its field's box, in millimetres.
ROOM = 2.0


def offset(anchors: Sequence[Anchor], scale: float) -> NDArray[np.float64]:
    """Return how far the print is from where it should be, in millimetres to the right and down."""
    away = [one.points_px.mean(axis=0) / scale - one.points_mm.mean(axis=0) for one in anchors]
    return np.asarray(np.median(away, axis=0), dtype=np.float64)


def by_field(
    placed: Sequence[Placed], side: Side, scale: float, away: NDArray[np.float64]
) -> dict[str, list[Line]]:
    """Return the lines of each field, the highest first; ``validity`` holds both dates.

    :param scale: pixels of the card to one millimetre.
    :param away: how far the print is from its place, in millimetres.
    """
    boxes = {**FIELDS[side], "validity": VALIDITY} if side == "back" else dict(FIELDS[side])
    boxes = {name: box for name, box in boxes.items() if name not in ("valid_from", "valid_to")}
    lines: dict[str, list[Line]] = {}
    for one in sorted(placed, key=lambda one: float(one.box[:, 1].mean())):
        parts = _labelled(one.line, side)
        if parts:
            for label, line in parts:
                if line.text and (name := LABELLED.get(label)):
                    lines.setdefault(name, []).append(line)
            continue
        middle = one.box.mean(axis=0) / scale - away
        for name, box in boxes.items():
            if _inside(box, middle):
                lines.setdefault(name, []).append(one.line)
                break
    return lines


def _inside(box: Box, middle: NDArray[np.float64]) -> bool:
    return bool(box.left <= middle[0] <= box.right + ROOM and box.top - 0.5 <= middle[1] <= box.bottom + 0.5)


def _labelled(line: Line, side: Side) -> list[tuple[str, Line]]:
    """Return what follows each label in a line; nothing when there is no label in it."""
    found = sorted((line.text.find(label), label) for label in LABELS[side] if label in line.text)
    ends = [*(start for start, _ in found), len(line.text)][1:]
    return [
        (label, line.part(start + len(label), end))
        for (start, label), end in zip(found, ends, strict=bool(found))
    ]
