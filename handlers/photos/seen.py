"""What was seen in a picture, and what the customer wishes of it.

Plain data, known to pages and workers alike; nothing here brings image work along.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from handlers.photos.findings import Finding

Side = Literal["front", "back"]


@dataclass(frozen=True)
class Field:
    """One value printed on the card, as it was read.

    :param value: as printed; dates as ISO dates, 长期 for no end; empty when it could not be read.
    :param confidence: from 0 to 1.
    :param doubt: to be looked at again: read poorly, or under glare or a finger.
    """

    value: str
    confidence: float
    doubt: bool = False


@dataclass(frozen=True)
class Examination:
    """What was found in one picture.

    :param width: of the upright original, in pixels; likewise ``height``.
    :param view: JPEG, upright, uncropped, without metadata.
    :param result: JPEG of the straightened card or of the clean signature; None when that is not certain.
    :param quad: the card's corners in pixels of the upright original; also given when not verified, as a
        proposal for the handles of 手动裁剪.
    :param confidence: that the quad is the card, from 0 to 1.
    :param verified: what stands on the card proves the crop.
    """

    width: int
    height: int
    view: bytes
    result: bytes | None
    quad: tuple[tuple[float, float], ...] | None
    confidence: float
    verified: bool
    side: Side | None
    fields: Mapping[str, Field]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Wishes:
    """What the customer asked for by hand.

    :param quad: 手动裁剪: corners in pixels of the upright original, clockwise.
    :param turns: 旋转: quarter turns clockwise of what is shown.
    """

    quad: Sequence[Sequence[float]] | None = None
    turns: int = 0
