"""Reading a card: the fields of a straightened one, each with its confidence, and labels found in a photo.

    Reader.read      field strips only: about a tenth of a second; proves side and place, or says nothing
    Reader.read_all  all print of a straightened card, for one whose strips would not be read
    Reader.anchors   fixed labels in a photo, wherever and whichever way up they are
    Reader.turned    which side of a straightened card this is, and whether it stands on its head

One process has one reader; its models are loaded when first needed and use one thread.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from handlers.photos import fields
from handlers.photos.card import SCALE, WIDTH_MM, Picture, Side
from handlers.photos.findings import LIMITS
from handlers.photos.layout import ADDRESS_LINES, FIELDS, VALIDITY, Box
from handlers.photos.reading import strips, whole
from handlers.photos.reading.anchors import Anchor, find, in_line, labelled, near, upright_lines
from handlers.photos.reading.models import Line, Models
from handlers.photos.seen import Field

T = TypeVar("T")

__all__ = ["Anchor", "Field", "Reader", "Reading"]

#: How far a strip is moved when nothing sensible was read, in millimetres to the right and down.
SHIFTS = ((0.0, 0.0), (0.0, 0.9), (0.0, -0.9))
#: Labels that must stand in their places where no number or date proves the card (images of domain 3.14).
LABELS_NEEDED = 4
#: How far a second look at a field is moved, in millimetres, and room left of the address.
SECOND_LOOK, ADDRESS_ROOM = (0.2, 0.25), 0.5
#: Usual distance between two characters, in millimetres.
PITCH: Mapping[str, float] = {
    "name": 4.2,
    "sex": 3.5,
    "ethnic": 3.5,
    "address": 3.5,
    "authority": 3.5,
    "validity": 3.5,
}
#: How closely ink follows the layout at least where there is a card, from -1 to 1.
LIKE_A_CARD = 0.25
#: Characters for which an address line that goes on in the next one may have room left: digits are narrow,
#: and some issuers break lines after a number of characters.
LINE_LEFT = 4.5
#: Digits without which a line is not worth a second look for the number or the dates.
LIKE_A_NUMBER = 8


@dataclass(frozen=True)
class Reading:
    """What was read on one side of a card.

    :param verified: what stands there proves that this is that side of a card, in this place.
    """

    fields: Mapping[str, Field] = field(default_factory=dict)
    verified: bool = False


class Reader:
    """Reads cards.

    :param limits: thresholds of doubt; may be changed between two cards.
    """

    def __init__(self, limits: Mapping[str, float] = LIMITS) -> None:
        self.limits = limits
        self._models = Models()

    def load(self) -> None:
        """Load the models now instead of when they are first needed."""
        self._models.load()

    def read(self, card: Picture, side: Side, limits: Mapping[str, float] | None = None) -> Reading:
        """Read the field strips of a straightened card, upright.

        :returns: no fields when neither a number, nor dates, nor labels prove the card.
        """
        limits = self.limits if limits is None else limits
        return self._front(card, limits) if side == "front" else self._back(card, limits)

    def _front(self, card: Picture, limits: Mapping[str, float]) -> Reading:
        number = self._moved(card, "id_number", FIELDS["front"]["id_number"], fields.id_number)
        if number is None and not self._labelled(card, "front"):
            return Reading()
        found = {"id_number": _judged(number, None, limits)} if number else {}
        for name, parse in _FRONT.items():
            if value := self._field(card, "front", name, parse, limits):
                found[name] = value
        if address := self._address(card, limits):
            found["address"] = address
        return Reading(fields.agreeing(found), verified=True)

    def _back(self, card: Picture, limits: Mapping[str, float]) -> Reading:
        dates = self._moved(card, "validity", VALIDITY, fields.validity)
        sure = dates is not None and not dates[0].doubt
        if not sure and not self._labelled(card, "back"):
            return Reading()
        found: dict[str, Field] = {}
        if dates:
            odd = self._odd_dates(card)
            found = {
                name: _judged(one, odd, limits)
                for name, one in zip(("valid_from", "valid_to"), dates, strict=True)
            }
        if value := self._field(card, "back", "authority", fields.authority, limits):
            found["authority"] = value
        return Reading(found, verified=True)

    def _field(
        self,
        card: Picture,
        side: Side,
        name: str,
        parse: Callable[[Line], Field | None],
        limits: Mapping[str, float],
    ) -> Field | None:
        """Return a field of one line; where it was read with less than certainty, two looks must agree."""
        box = FIELDS[side][name]
        strip = strips.cut(card, box)
        line = self._line(strip, name)
        value = parse(line)
        if value is None or (name in PITCH and value.confidence < limits["read_once"]):
            again = parse(self._line(strips.cut(card, box.moved(*SECOND_LOOK), (0.6, 0.4)), name))
            if value is None:
                return again and replace(_judged(again, None, limits), doubt=True)
            agree = again is not None and again.value == value.value
            best = max(value.confidence, again.confidence) if again and agree else value.confidence
            value = replace(value, confidence=best, doubt=value.doubt or not agree)
        odd = strips.oddity(strip, line, PITCH[name]) if name in PITCH else None
        return _judged(value, odd, limits)

    def _address(self, card: Picture, limits: Mapping[str, float]) -> Field | None:
        cuts = [strips.cut(card, box, (ADDRESS_ROOM, strips.ROOM_DOWN)) for box in ADDRESS_LINES]
        lines = [self._line(strip, "address") for strip in cuts]
        value = fields.address(lines)
        if value is None:
            return None
        odd = [
            strips.oddity(strip, line, PITCH["address"], ADDRESS_ROOM)
            for strip, line in zip(cuts, lines, strict=True)
        ]
        # A line that another one follows is full: not many more characters would have fitted.
        left = [
            (1 - max(line.places, default=0)) * strip.shape[1] / SCALE / PITCH["address"]
            for strip, line in zip(cuts, lines, strict=True)
        ]
        short = any(room > LINE_LEFT and after.text for room, after in zip(left, lines[1:], strict=False))
        return _judged(replace(value, doubt=value.doubt or short), strips.worst(odd), limits)

    def _odd_dates(self, card: Picture) -> strips.Oddity:
        """Return what is odd about the dates; their number of digits is known, so holes are not."""
        strip = strips.cut(card, VALIDITY)
        line = self._line(strip, "validity").without(fields.SEPARATORS)
        return replace(strips.oddity(strip, line, PITCH["validity"]), hole=0.0)

    def _moved(self, card: Picture, alphabet: str, box: Box, parse: Callable[[Line], T | None]) -> T | None:
        """Return what a strip says, looked at a little higher and lower when at first it says nothing."""
        for across, down in SHIFTS:
            line = self._line(strips.cut(card, box.moved(across, down)), alphabet)
            if (value := parse(line)) is not None:
                return value
            if sum(one.isdigit() for one in line.text) < LIKE_A_NUMBER and not down:
                return None
        return None

    def _line(self, strip: Picture, alphabet: str) -> Line:
        part = strips.printed_part(strip)
        return self._models.recognise(part, self._alphabets.get(alphabet)).within(
            part.shape[1] / strip.shape[1]
        )

    @cached_property
    def _alphabets(self) -> Mapping[str, NDArray[np.intp]]:
        return {name: self._models.alphabet(letters) for name, letters in fields.ALPHABETS.items()}

    def _labelled(self, card: Picture, side: Side) -> bool:
        return labelled(card, side, LABELS_NEEDED, self._models)

    def read_all(self, card: Picture, side: Side, limits: Mapping[str, float] = LIMITS) -> Reading:
        """Read all print of a straightened card, upright: ten times as much work as ``read``.

        For a card whose strips would not be read, because it is not quite where it should be.
        """
        scale = card.shape[1] / WIDTH_MM
        placed = upright_lines(card, self._models)
        anchors = [anchor for one in placed for anchor in in_line(one) if anchor.side == side]
        if not anchors:
            return Reading()
        lines = whole.by_field(placed, side, scale, whole.offset(anchors, scale))
        found = _values(lines, limits)
        proven = "id_number" in found or ("valid_from" in found and not found["valid_from"].doubt)
        if not proven and len(near(anchors, scale)) < LABELS_NEEDED:
            return Reading()
        return Reading(fields.agreeing(found), verified=True)

    def anchors(self, photo: Picture) -> list[Anchor]:
        """Return the labels and the ID number in a photo, whichever way up it is: about a second."""
        return find(photo, self._models)

    def turned(self, card: Picture) -> tuple[Side | None, bool, float]:
        """Return which side a straightened card shows, whether it stands on its head, and how sure that is.

        :returns: no side when the print is like neither; the last value is how much likelier, from 0 on.
        """
        # The finder's room imports this module for its types.
        from handlers.photos.finder import turning

        ink = turning.ink_of(card)
        likeness = {
            (side, half): float(np.mean(cells * layout))
            for half, cells in ((False, ink), (True, ink[::-1, ::-1]))
            for side, layout in turning.LAYOUTS.items()
        }
        (side, half), best = max(likeness.items(), key=lambda one: one[1])
        second = max(value for way, value in likeness.items() if way != (side, half))
        return (side if best > LIKE_A_CARD else None), half, best - second


_FRONT: Mapping[str, Callable[[Line], Field | None]] = {
    "name": fields.name,
    "sex": fields.sex,
    "ethnic": fields.ethnic,
    "birth": fields.birth,
}


def _judged(value: Field, odd: strips.Oddity | None, limits: Mapping[str, float]) -> Field:
    """Return a field, in doubt when it was read without certainty or its strip is odd."""
    doubt = value.doubt or value.confidence < limits["read_sure"]
    if odd is not None:
        doubt |= (
            odd.washed_out > limits["read_washed_out"]
            or odd.clipped > limits["read_clipped"]
            or odd.beyond > limits["read_beyond"]
            or odd.hole > limits["read_hole"]
            or odd.paper > limits["read_paper"]
        )
    return replace(value, confidence=round(value.confidence, 4), doubt=bool(doubt))


def _values(lines: Mapping[str, Sequence[Line]], limits: Mapping[str, float]) -> dict[str, Field]:
    """Return the fields in lines that were put to them.

    No strip tells whether something is missing, so what has neither check character nor form is in doubt.
    """
    found: dict[str, Field] = {}
    for name, parse in {**_FRONT, "id_number": fields.id_number, "authority": fields.authority}.items():
        values = [value for line in lines.get(name, ()) if (value := parse(line))]
        if values:
            doubt = values[0].doubt or len(values) > 1 or name != "id_number"
            found[name] = _judged(replace(values[0], doubt=doubt), None, limits)
    if address := fields.address(list(lines.get("address", ()))):
        found["address"] = _judged(replace(address, doubt=True), None, limits)
    for line in lines.get("validity", ()):
        if dates := fields.validity(line):
            found["valid_from"], found["valid_to"] = (_judged(one, None, limits) for one in dates)
    return found
