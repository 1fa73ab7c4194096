"""What Janus went on writing after its node had died: read once more, and what is missing is recorded.

Janus keeps a connection for some seconds after it last heard of the node, and both sides go on talking. A
file of Janus begins where a segment begins and is read the same way twice, so the frames of the segment are
the first ones of the file; those behind them become a segment of their own, marked as recovered. Its events
have the times of the packets and not of their reading, so that the finalizer puts it where it belongs.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args
from uuid import UUID

import orjson
import structlog
from sqlalchemy import select

from engine.store import Database
from handlers.media.janus.mjr import Follower, NotMjr
from handlers.media.ledger import Ledger
from handlers.media.packets import read_rtp
from handlers.media.receiving import Frame, Incoming
from handlers.media.recording import Events, Slot, Tape
from handlers.media.segments import Reader, SegmentBroken, Writer
from handlers.media.webm import Block, NotWebm, Track, blocks
from handlers.video.sfu import CallPlan
from handlers.video.tables import Role, SegmentRow

log = structlog.get_logger("media.janus")


_NAME = re.compile(r"([0-9a-f-]{36}\.(?:customer|agent)\.[0-9a-f]{12})\.(?:video|audio)\.mjr")


class Found(NamedTuple):
    """One frame of a file of Janus."""

    #: Real time of its last packet, seconds since 1970.
    at: float
    track: Track
    ssrc: int
    frame: Frame


class _Then(Events):
    """A log of events that happened earlier."""

    def __init__(self, slot: Slot, writer: Writer) -> None:
        super().__init__(slot, writer)
        self._into = writer
        self.at = 0.0

    def add(self, event: Mapping[str, Any]) -> None:
        """Write an event of the moment ``at``."""
        at = datetime.fromtimestamp(self.at, UTC).isoformat()
        self._into.add(orjson.dumps({**event, "at": at}) + b"\n")


class Leftovers:
    """What lies in a spool whose node has died.

    :param folder: of the recordings.
    :param key_of: returns the key of a call, None where there is no such call.
    :param mark: notes of segments that they were recovered.
    """

    def __init__(
        self,
        database: Database,
        ledger: Ledger,
        folder: Path,
        key_of: Callable[[UUID], bytes | None],
        mark: Callable[[Database, list[UUID]], None],
    ) -> None:
        self._database, self._ledger, self._folder = database, ledger, folder
        self._key_of, self._mark = key_of, mark

    def recover(self, spool: Path) -> int:
        """Record what is missing of every call in the spool and clear it; return how many segments came."""
        connections = {found[1] for path in spool.iterdir() if (found := _NAME.fullmatch(path.name))}
        made = 0
        for name in sorted(connections):
            try:
                made += self._connection(spool, name)
            except Exception:
                # It stays where it lies; one call's trouble must not keep the node from carrying others.
                log.exception("what a dead node left cannot be recorded", connection=name)
        return made

    def _connection(self, spool: Path, name: str) -> bool:
        call, role, _ = name.split(".")
        files: dict[Track, Follower] = {
            track: Follower(spool / f"{name}.{track}.mjr") for track in get_args(Track)
        }
        key = self._key_of(UUID(call))
        made = False
        if key is not None:
            made = self._record(UUID(call), "customer" if role == "customer" else "agent", key, files)
        for file in files.values():
            file.remove()
        return made

    def _record(self, call_id: UUID, role: Role, key: bytes, files: Mapping[Track, Follower]) -> bool:
        frames = sorted(
            (one for track, file in files.items() for one in frames_of(track, file)), key=lambda one: one.at
        )
        missing = _behind(frames, self._recorded(call_id, role, key))
        if not missing:
            return False
        plan = CallPlan(call_id, 0, key)
        events = _Then(*self._ledger.begin(plan, "events"))
        tape = Tape(*self._ledger.begin(plan, role), role, events)
        for one in missing:
            events.at = one.at
            tape.frame(one.track, one.ssrc, one.frame, one.at)
        for file in (tape, events):
            self._ledger.seal(file.slot, file.close(), file.media_ms)
        self._mark(self._database, [tape.slot.id, events.slot.id])
        log.warning("recovered what a dead node left", call=str(call_id), role=role, ms=tape.media_ms)
        return True

    def _recorded(self, call_id: UUID, role: Role, key: bytes) -> list[list[Block]]:
        mine = (SegmentRow.call_id == call_id) & (SegmentRow.role == role)
        with self._database.reading() as session:
            rows = list(session.scalars(select(SegmentRow).where(mine).order_by(SegmentRow.number)))
        return [list(_blocks(self._folder / row.path, key, row.id)) for row in rows]


def frames_of(track: Track, file: Follower) -> Iterator[Found]:
    """Yield the frames of a file as a node that follows it gets them."""
    stream: Incoming | None = None
    try:
        for packet in file.packets():
            read = read_rtp(packet.data)
            if read is None:
                continue
            if stream is None or stream.ssrc != read.ssrc:
                stream = Incoming(track, read)
            for frame in stream.add(read, packet.at):
                yield Found(packet.at, track, read.ssrc, frame)
            stream.missing(packet.at)
    except NotMjr as broken:
        log.error("a recording of Janus is broken", file=file.path.name, why=str(broken))


def _blocks(path: Path, key: bytes, segment_id: UUID) -> Iterator[Block]:
    try:
        yield from blocks(Reader(path, key, segment_id))
    except (SegmentBroken, NotWebm, OSError) as broken:
        log.error("a segment cannot be read", segment=str(segment_id), why=str(broken))


def _behind(frames: list[Found], segments: list[list[Block]]) -> list[Found]:
    """Return the frames that are not in the segment that begins as they do; all, if there is none.

    They begin with the last key frame that was recorded, since a picture needs those before it.
    """
    recorded: list[Block] = next((one for one in segments if _begin_alike(frames, one)), [])
    left = {track: sum(block.track == track for block in recorded) for track in get_args(Track)}
    key = 0
    for number, one in enumerate(frames):
        if left[one.track] == 0:
            return frames[key:]
        left[one.track] -= 1
        if one.track == "video" and one.frame.key:
            key = number
    return []


def _begin_alike(frames: list[Found], recorded: list[Block]) -> bool:
    """Tell by the first pictures, which are never alike; by sound where there are none."""
    first = {one.track: one.frame.data for one in reversed(frames)}
    begins = {block.track: block.data for block in reversed(recorded)}
    track: Track = "video" if "video" in first else "audio"
    return bool(first) and begins.get(track) == first[track]
