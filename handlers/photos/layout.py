"""Where what stands on the card: the two sides of the resident ID card, in millimetres (GA 448).

A box is measured from the card's upper left corner to the print itself, not to the room left for it; a
field's box is as long as the field may become. The reader cuts strips from these boxes, the finder aligns
labels with them, and the judge asks which fields a glare or a finger lies on.
"""

from collections.abc import Mapping
from typing import NamedTuple

from handlers.photos.card import SCALE, Side


class Box(NamedTuple):
    """An upright box, in millimetres from the card's upper left corner."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, across: float, down: float) -> "Box":
        """Return the box with that much more room at each side, in millimetres."""
        return Box(self.left - across, self.top - down, self.right + across, self.bottom + down)

    def moved(self, across: float, down: float) -> "Box":
        """Return the box further right and further down, in millimetres."""
        return Box(self.left + across, self.top + down, self.right + across, self.bottom + down)

    def pixels(self, scale: float = SCALE) -> tuple[int, int, int, int]:
        """Return left, top, right, bottom in pixels of a straightened card."""
        left, top, right, bottom = (round(edge * scale) for edge in self)
        return left, top, right, bottom


#: Lines of the address; a shorter one leaves the last ones empty.
ADDRESS_LINES = (Box(15.4, 25.6, 53.9, 29.2), Box(15.4, 30.6, 53.9, 34.2), Box(15.4, 35.6, 53.9, 39.2))
#: Both dates of the validity, in one line.
VALIDITY = Box(35.0, 46.3, 71.6, 49.7)

#: Values, by the names they are handed on with.
FIELDS: Mapping[Side, Mapping[str, Box]] = {
    "front": {
        "name": Box(15.4, 5.9, 52.6, 10.0),
        "sex": Box(15.4, 12.5, 19.4, 16.2),
        "ethnic": Box(35.4, 12.5, 52.6, 16.2),
        "birth": Box(15.4, 19.2, 47.3, 22.6),
        "address": Box(15.4, 25.6, 53.9, 39.2),
        "id_number": Box(29.4, 45.6, 78.4, 49.2),
    },
    "back": {
        "authority": Box(35.0, 39.9, 80.5, 43.4),
        "valid_from": Box(35.0, 46.3, 52.6, 49.7),
        "valid_to": Box(53.4, 46.3, 71.6, 49.7),
    },
}

#: Fixed print; its characters are evenly spread over the box.
LABELS: Mapping[Side, Mapping[str, Box]] = {
    "front": {
        "姓名": Box(5.3, 6.5, 11.7, 9.4),
        "性别": Box(5.3, 13.3, 11.7, 16.3),
        "民族": Box(25.6, 13.3, 32.1, 16.3),
        "出生": Box(5.3, 19.8, 11.7, 22.7),
        "住址": Box(5.3, 26.5, 11.7, 29.4),
        "公民身份号码": Box(5.3, 46.2, 23.1, 49.2),
    },
    "back": {
        "中华人民共和国": Box(27.3, 7.3, 76.3, 12.8),
        "居民身份证": Box(25.7, 16.8, 77.3, 24.3),
        "签发机关": Box(18.5, 40.1, 30.5, 43.2),
        "有效期限": Box(18.5, 46.5, 30.5, 49.6),
    },
}
#: Digits of the ID number, evenly spread too: with the last figure, from edge to edge.
NUMBER = Box(29.5, 45.7, 78.3, 49.1)
#: What stands beside a label in the same line, and may be detected as one with it.
VALUES_BESIDE: Mapping[str, Box] = {
    "姓名": FIELDS["front"]["name"],
    "性别": FIELDS["front"]["sex"],
    "民族": FIELDS["front"]["ethnic"],
    "出生": FIELDS["front"]["birth"],
    "住址": ADDRESS_LINES[0],
    "公民身份号码": NUMBER,
    "签发机关": FIELDS["back"]["authority"],
    "有效期限": VALIDITY,
}
