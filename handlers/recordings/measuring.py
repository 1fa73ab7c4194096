"""What lies in one segment: how much, from when to when, and whether it is as it was written."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from handlers.media import webm
from handlers.media.segments import Mark, Reader, SegmentBroken
from handlers.recordings.placing import opus_ms

#: Nothing of either track for so long is a gap, in milliseconds (video.md 1.7).
GAP_MS = 1_500
#: What a picture is for, in milliseconds, when no other follows.
_LAST_MS = 33


@dataclass
class Measured:
    """What was found in a media segment.

    :param gaps: from and to, in the segment's milliseconds.
    :param problem: what stopped the reading; what lies before it was read.
    """

    first: int | None = None
    end: float = 0.0
    first_sound: int | None = None
    pictures: int = 0
    sounds: int = 0
    keys: int = 0
    sizes: list[tuple[int, int, int]] = field(default_factory=list)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    mark: Mark | None = None
    torn: int = 0
    problem: str = ""

    def see(self, block: webm.Block) -> None:
        """Count one frame."""
        if self.first is None:
            self.first = block.ms
        elif block.ms - self.end > GAP_MS:
            self.gaps.append((round(self.end), block.ms))
        if block.track == "audio":
            self.sounds += 1
            self.first_sound = block.ms if self.first_sound is None else self.first_sound
            lasts = opus_ms(block.data)
        else:
            self.pictures += 1
            self.keys += block.key
            lasts = _LAST_MS
            size = webm.key_frame_size(block.data) if block.key else None
            if size and (not self.sizes or self.sizes[-1][1:] != size):
                self.sizes.append((block.ms, *size))
        self.first = min(self.first, block.ms)
        self.end = max(self.end, block.ms + lasts)


def measure(path: Path, key: bytes, segment_id: UUID) -> Measured:
    """Read a media segment from one end to the other; never raises for what lies in it."""
    found, reader = Measured(), Reader(path, key, segment_id)
    try:
        for block in webm.blocks(reader):
            found.see(block)
    except (SegmentBroken, webm.NotWebm, OSError) as broken:
        found.problem = type(broken).__name__
    found.mark, found.torn = reader.mark, reader.torn
    return found


def frames(path: Path, key: bytes, segment_id: UUID, most: int) -> Iterator[webm.Block]:
    """Yield the frames of a segment up to where it is whole.

    :param most: so many, that were measured before: what is written since is left for another time.
    """
    try:
        for number, block in enumerate(webm.blocks(Reader(path, key, segment_id))):
            if number >= most:
                return
            yield block
    except (SegmentBroken, webm.NotWebm, OSError):
        return  # measuring said so already


def events(path: Path, key: bytes, segment_id: UUID) -> tuple[list[dict[str, Any]], Measured]:
    """Return the events of a log up to where it is whole; never raises for what lies in it."""
    said: list[dict[str, Any]] = []
    found, reader = Measured(), Reader(path, key, segment_id)
    try:
        for record in reader:
            one = orjson.loads(record)
            if isinstance(one, dict):
                said.append(one)
    except (SegmentBroken, ValueError, OSError) as broken:
        found.problem = type(broken).__name__
    found.mark, found.torn = reader.mark, reader.torn
    return said, found
