"""What of a call goes to the disk: a segment for each connection of a side, and the log of events.

A segment of a side holds WebM; times in it count from its first frame, by arrival. How each track's own
timestamps lie to these times, and to the sender's clock, is written into the log of events, from which the
finalizer puts sound and picture together exactly.

The log of events is a segment as well, a line of JSON a record, each with the node's real time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson

from handlers.media.receiving import RATES, Frame
from handlers.media.segments import Mark, Writer
from handlers.media.webm import Muxer, Track, key_frame_size
from handlers.video.tables import Role

#: Seconds between two sender reports of a track that are kept.
REPORT_EVERY = 2.0


@dataclass(frozen=True)
class Slot:
    """Where a new segment goes: its row is in the database before its first record."""

    id: UUID
    call_id: UUID
    #: customer, agent or events
    role: str
    number: int
    path: str


def slot_path(call_id: UUID, role: str, number: int, segment_id: UUID) -> str:
    """Return the path of a segment below the folder of recordings."""
    return f"{call_id}/{role}.{number}.{segment_id.hex[:8]}.seg"


def new_segment_id() -> UUID:
    """Return the id of a new segment."""
    return uuid4()


class Events:
    """The log of events of a call."""

    def __init__(self, slot: Slot, writer: Writer) -> None:
        self.slot, self._writer = slot, writer

    def write(self, kind: str, **facts: Any) -> None:
        """Write what happened, with the real time of this moment.

        :raises OSError: the disk takes no more.
        """
        self.add({"kind": kind, **facts})

    def add(self, event: Mapping[str, Any]) -> None:
        """Write an event as it was given; ``at`` is ours."""
        self._writer.add(orjson.dumps({**event, "at": datetime.now(UTC).isoformat()}) + b"\n")

    @property
    def media_ms(self) -> int:
        """No media."""
        return 0

    @property
    def mark(self) -> Mark:
        """How far it goes."""
        return self._writer.mark

    def sync(self) -> Mark:
        """Bring it to the disk; see :meth:`Writer.sync`."""
        return self._writer.sync()

    def close(self) -> Mark:
        """End it; see :meth:`Writer.close`."""
        return self._writer.close()


class Tape:
    """The recording of one connection of a side."""

    def __init__(self, slot: Slot, writer: Writer, role: Role, events: Events) -> None:
        self.slot, self._writer, self._role, self._events = slot, writer, role, events
        self._muxer: Muxer | None = None
        self._began = 0.0
        #: Of each track: its stream, a timestamp of it, and where that lies in the segment, in ms.
        self._origins: dict[Track, tuple[int, int, float]] = {}
        self._reported: dict[Track, float] = {}
        self.media_ms = 0

    def frame(self, track: Track, ssrc: int, frame: Frame, now: float) -> None:
        """Write a frame.

        :param now: seconds of a steady clock.
        :raises OSError: the disk takes no more.
        """
        if self._muxer is None:
            size = key_frame_size(frame.data) if track == "video" else None
            self._muxer, self._began = Muxer(*(size or (640, 480))), now
            self._writer.add(self._muxer.header)
        origin = self._origins.get(track)
        if origin is None or origin[0] != ssrc:
            origin = self._origins[track] = (ssrc, frame.timestamp, (now - self._began) * 1000)
            self._note("origin", track, rtp=frame.timestamp & 0xFFFFFFFF, ms=round(origin[2], 3))
        ms = max(0, round(origin[2] + (frame.timestamp - origin[1]) * 1000 / RATES[track]))
        self._writer.add(self._muxer.block(track, ms, frame.key, frame.data))
        self.media_ms = max(self.media_ms, ms)

    def sender_report(self, track: Track, ntp: int, rtp: int, now: float) -> None:
        """Note when the sender's clock stood where, for the finalizer; some browsers say so all the time."""
        if now - self._reported.get(track, -REPORT_EVERY) >= REPORT_EVERY:
            self._reported[track] = now
            self._note("sr", track, ntp=ntp, rtp=rtp)

    def _note(self, kind: str, track: Track, **facts: Any) -> None:
        self._events.write(kind, role=self._role, number=self.slot.number, track=track, **facts)

    @property
    def mark(self) -> Mark:
        """How far it goes."""
        return self._writer.mark

    def sync(self) -> Mark:
        """Bring it to the disk; see :meth:`Writer.sync`."""
        return self._writer.sync()

    def close(self) -> Mark:
        """End it; see :meth:`Writer.close`."""
        return self._writer.close()


def open_writer(folder: Path, slot: Slot, key: bytes) -> Writer:
    """Make the file of a segment."""
    path = folder / slot.path
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Writer(path, key, slot.id)
