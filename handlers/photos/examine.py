"""All of it for one picture: bytes in, an ``Examination`` out (R-095 to R-098, images of domain 3.14).

Runs inside a bounded child process (``pool``): what it is given came from outside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from handlers.photos import decoding, finder, judging, signature
from handlers.photos.card import CARD_HEIGHT, CARD_WIDTH, Picture, Quad, Side, warp
from handlers.photos.findings import KINDS, Finding
from handlers.photos.reader import Reader, Reading
from handlers.photos.seen import Examination, Field, Wishes

#: Longest side of a picture in which a card is looked for, in pixels: reading needs no more.
WORKING_SIDE = 4000
#: Longest side of the uncropped copy people look at, in pixels.
VIEW_SIDE = 1600
#: Size of the straightened card people look at, in pixels: what reading uses, and a third more.
RESULT_WIDTH, RESULT_HEIGHT = CARD_WIDTH * 4 // 3, CARD_HEIGHT * 4 // 3

CARD_SLOTS: Mapping[str, Side] = {"front": "front", "back": "back"}


@cache
def _only_reader() -> Reader:
    return Reader()


def _reader(limits: Mapping[str, float]) -> Reader:
    """Return this process's reader, with a company's thresholds."""
    reader = _only_reader()
    reader.limits = limits
    return reader


def ready() -> None:
    """Load what reads cards: an idle process that is ready for pictures."""
    _only_reader().load()


def examine(
    content: bytes, slot: str, limits: Mapping[str, float], wishes: Wishes | Mapping[str, Any] | None = None
) -> Examination:
    """Look at one uploaded picture.

    :param slot: ``front``, ``back`` or ``signature``.
    :param wishes: also as plain data, as it comes through a pipe.
    :raises PhotoRefused: it cannot be decoded.
    """
    wishes = wishes if isinstance(wishes, Wishes) else Wishes(**(wishes or {}))
    decoded = decoding.decode(content, WORKING_SIDE)
    if slot not in CARD_SLOTS:
        return _signature(decoded, wishes, limits)
    return _card(decoded, CARD_SLOTS[slot], wishes, limits)


def _card(
    decoded: decoding.Decoded, wanted: Side, wishes: Wishes, limits: Mapping[str, float]
) -> Examination:
    photo = decoded.pixels
    scale, reader = photo.shape[1] / decoded.full_width, _reader(limits)
    found = finder.find(photo, reader) if wishes.quad is None else _by_hand(photo, wishes.quad, scale, reader)
    by_hand = wishes.quad is not None
    card = None if found.quad is None else warp(photo, found.quad)
    usable = card is not None and (found.verified or by_hand)
    findings = list(judging.judge(card if usable else None, photo, found.quad, wanted, limits))
    findings += _about_the_find(found, wanted, limits, by_hand=by_hand)
    fields: Mapping[str, Field] = {}
    if found.reading is not None and found.verified and card is not None and found.side:
        touched = judging.touched(card, found.side, limits)
        fields = {
            name: replace(field, doubt=True) if name in touched else field
            for name, field in found.reading.fields.items()
        }
    result = None
    if usable and found.quad is not None:
        straight = warp(photo, found.quad, RESULT_WIDTH, RESULT_HEIGHT)
        result = decoding.encode(_turned(straight, wishes.turns))
    return Examination(
        width=decoded.full_width,
        height=decoded.full_height,
        view=decoding.encode(_turned(_small(photo), wishes.turns)),
        result=result,
        quad=None if found.quad is None else _plain(found.quad / scale),
        confidence=round(float(found.confidence), 3),
        verified=found.verified,
        side=found.side,
        fields=fields,
        findings=tuple(_ordered(findings)),
    )


def _by_hand(
    photo: Picture, corners: Sequence[Sequence[float]], scale: float, reader: Reader
) -> finder.Found:
    """Take the customer's corners; the content says which way up the card lies."""
    given = np.asarray(corners, dtype=np.float64) * scale
    best: tuple[Quad, Side | None, Reading | None] = (given, None, None)
    for turn in range(4):
        quad = np.roll(given, -turn, axis=0)
        if _lying(quad):
            card = warp(photo, quad)
            side, upside_down, _ = reader.turned(card)
            if upside_down:
                continue
            reading = reader.read(card, side) if side else None
            if reading is not None and reading.verified:
                return finder.Found(
                    quad=quad,
                    side=side,
                    confidence=1.0,
                    verified=True,
                    cut_off=0.0,
                    contrast=100.0,
                    reading=reading,
                )
            if best[1] is None and side is not None:
                best = (quad, side, reading)
    return _found(*best, verified=False)


def _found(quad: Quad, side: Side | None, reading: Reading | None, *, verified: bool) -> finder.Found:
    """Return what a person's corners make known; a person has looked at contrast and completeness."""
    sure = 1.0 if verified else 0.5
    return finder.Found(
        quad=quad,
        side=side,
        confidence=sure,
        verified=verified,
        cut_off=0.0,
        contrast=100.0,
        reading=reading,
    )


def _lying(quad: Quad) -> bool:
    """Whether a quad is wider than high, as the card is."""
    sides = np.linalg.norm(np.roll(quad, -1, axis=0) - quad, axis=1)
    return bool(sides[0] + sides[2] >= sides[1] + sides[3])


def _about_the_find(
    found: finder.Found, wanted: Side, limits: Mapping[str, float], *, by_hand: bool
) -> list[Finding]:
    """Return what finding the card itself told: cut off, the other side, no card, not certain."""
    said = []
    if found.cut_off > limits["cut_off_share"]:
        said.append(_finding("cut_off", found.cut_off, limits["cut_off_share"]))
    if found.verified and found.side not in (None, wanted):
        said.append(_finding("wrong_side", 1.0, 0.0))
    if by_hand and not found.verified:
        return [*said, _finding("unread", 0.0, 1.0)]
    if found.verified:
        if not by_hand and found.contrast < limits["contrast_least"]:
            said.append(_finding("low_contrast", found.contrast, limits["contrast_least"]))
        return said
    if found.confidence < limits["card_least"]:
        said.append(_finding("not_a_card", found.confidence, limits["card_least"]))
    elif not said:
        said.append(_finding("crop_risk", found.confidence, limits["card_least"]))
    return said


def _signature(decoded: decoding.Decoded, wishes: Wishes, limits: Mapping[str, float]) -> Examination:
    clean = signature.clean(decoded.pixels, limits)
    picture = decoding.decode(clean.jpeg, VIEW_SIDE).pixels if clean.jpeg else None
    return Examination(
        width=decoded.full_width,
        height=decoded.full_height,
        view=decoding.encode(_turned(_small(decoded.pixels), wishes.turns)),
        result=None if picture is None else decoding.encode(_turned(picture, wishes.turns)),
        quad=None,
        confidence=1.0 if picture is not None else 0.0,
        verified=picture is not None,
        side=None,
        fields={},
        findings=tuple(_ordered(clean.findings)),
    )


def _finding(code: str, measure: float, limit: float) -> Finding:
    return Finding(code, round(float(measure), 4), limit, KINDS[code].weight)


_WEIGHTS = {"hard": 0, "soft": 1, "hint": 2}


def _ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings, the weightiest first, each sentence once."""
    if any(one.code == "not_a_card" for one in findings):
        # Nothing else can be said of what is no card.
        findings = [one for one in findings if one.code in ("not_a_card", "very_dark", "very_blurred")]
    seen: set[str] = set()
    kept = []
    for one in sorted(findings, key=lambda one: _WEIGHTS[one.weight]):
        if one.sentence not in seen:
            kept.append(one)
            seen.add(one.sentence)
    return kept


def _turned(picture: Picture, turns: int) -> Picture:
    """Return a picture turned clockwise by quarters."""
    return np.ascontiguousarray(np.rot90(picture, -turns % 4))


def _small(picture: Picture) -> Picture:
    return decoding.reduced(picture, VIEW_SIDE)


def _plain(quad: Any) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in quad)
