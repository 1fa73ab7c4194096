"""Calls that were recorded: segments written by the media node's own writer, with media encoded here.

``Studio`` makes calls of a case; a :class:`Call` gets segments, is closed, and may lose its writer. What the
sender's clock says is chosen by the test, so that it knows the true distance of sound and picture.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import numpy as np
import orjson
from PIL import Image
from sqlalchemy import insert, select, update

from engine import Engine, clock
from engine.store import JournalEntry
from engine.store.tables import CaseRow
from handlers.media import segments, webm
from handlers.media.recording import slot_path
from handlers.media.segments import Sealer
from handlers.recordings import Finalizer, Recordings
from handlers.staff import StaffAccounts
from handlers.video.calls import place
from handlers.video.nodes import Nodes
from handlers.video.tables import CallRow, NodeRow, SegmentRow, SnapshotRow, TicketRow

__all__ = ["Call", "Leg", "Studio", "picture", "pictures", "sounds"]

FPS, SOUND_MS = 30, 20
#: RTP times and the sender's clock begin anywhere.
VIDEO_RTP, AUDIO_RTP, NTP = 4_294_900_000, 123_456, 3_980_000_000.25


@lru_cache(maxsize=8)
def pictures(seconds: float, width: int = 320, height: int = 240, gop: int = 30) -> list[webm.Block]:
    """Return VP8 of a bar that wanders over the picture."""
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FPS), Fraction(FPS, 1)
    encoder.gop_size, encoder.bit_rate = gop, 300_000
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    made: list[webm.Block] = []
    for number in range(round(seconds * FPS)):
        grey = np.full((height, width, 3), number % 200, np.uint8)
        at = number * 4 % (width - 40)
        grey[20:80, at : at + 40] = 255
        frame = av.VideoFrame.from_ndarray(grey, "rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = number, encoder.time_base
        made += [
            webm.Block("video", round(number * 1000 / FPS), one.is_keyframe, bytes(one))
            for one in encoder.encode(frame)
        ]
    return made


@lru_cache(maxsize=8)
def sounds(seconds: float) -> list[webm.Block]:
    """Return Opus of a tone."""
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = 48_000, "mono", "s16"
    encoder.bit_rate, encoder.time_base = 32_000, Fraction(1, 48_000)
    made: list[webm.Block] = []
    samples = 48 * SOUND_MS
    for number in range(math.ceil(seconds * 1000 / SOUND_MS)):
        at = (np.arange(samples) + number * samples) / 48_000
        tone = (np.sin(2 * np.pi * (300 + number % 50 * 10) * at) * 8000).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(tone, "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, number * samples, Fraction(1, 48_000)
        made += [webm.Block("audio", len(made) * SOUND_MS, True, bytes(one)) for one in encoder.encode(frame)]
    return made


def picture(colour: str = "navy") -> bytes:
    """Return a JPEG."""
    out = BytesIO()
    Image.new("RGB", (1280, 960), colour).save(out, "JPEG")
    return out.getvalue()


@dataclass(frozen=True)
class Leg:
    """What one connection sends.

    :param late: milliseconds by which the sound's times in the segment are later than the truth.
    :param reports: sender reports a track sends; 0: none arrive.
    :param shown, heard: what is sent; None: the usual.
    """

    seconds: float = 2.0
    late: int = 0
    reports: int = 2
    shown: Sequence[webm.Block] | None = None
    heard: Sequence[webm.Block] | None = None

    @property
    def blocks(self) -> list[webm.Block]:
        """All frames as they come, the sound late."""
        shown = pictures(self.seconds) if self.shown is None else self.shown
        heard = sounds(self.seconds) if self.heard is None else self.heard
        late = [webm.Block("audio", one.ms + self.late, True, one.data) for one in heard]
        return sorted([*shown, *late], key=lambda one: one.ms)

    def events(self, role: str, number: int, began: datetime) -> list[dict[str, Any]]:
        """What the node writes into its log of such a connection."""
        told: list[dict[str, Any]] = []
        for track, rtp, rate, late in (
            ("video", VIDEO_RTP, 90_000, 0), ("audio", AUDIO_RTP, 48_000, self.late),
        ):  # fmt: skip
            if not any(one.track == track for one in self.blocks):
                continue
            at = began + timedelta(milliseconds=late)
            told.append(
                {"at": at.isoformat(), "kind": "origin", "role": role, "number": number, "track": track,
                 "rtp": rtp, "ms": late}
            )  # fmt: skip
            for one in range(self.reports):
                # Picture and sound of the same RTP age were taken at the same moment.
                age = 0.3 + one * 0.7
                said = {"ntp": round((NTP + age) * (1 << 32)), "rtp": (rtp + round(age * rate)) % (1 << 32)}
                told.append(
                    {"at": (at + timedelta(seconds=age)).isoformat(), "kind": "sr", "role": role,
                     "number": number, "track": track, **said}
                )  # fmt: skip
        return told


@dataclass
class Call:
    """A call and its files."""

    studio: "Studio"
    id: UUID
    case_id: UUID
    key: bytes
    node: UUID
    begin: datetime
    events: list[dict[str, Any]] = field(default_factory=list)

    def sends(
        self,
        role: str,
        leg: Leg | None = None,
        *,
        at: float = 0.0,
        number: int = 0,
        killed: int | None = None,
    ) -> UUID:
        """Write one segment of a side.

        :param at: seconds after the beginning of the call.
        :param killed: the writer died so many records after the last head that the database has.
        """
        leg = leg or Leg()
        began = self.begin + timedelta(seconds=at)
        self.says("joined", role=role, at=at)
        self.events += leg.events(role, number, began)
        muxer = webm.Muxer(320, 240)
        blocks = leg.blocks
        records = [muxer.header, *(muxer.block(b.track, b.ms, b.key, b.data) for b in blocks)]
        ms = round(max((b.ms for b in blocks), default=0) - min((b.ms for b in blocks), default=0))
        return self.writes(role, records, number, began, ms, killed=killed)

    def says(self, kind: str, *, at: float, **more: Any) -> None:
        """Note an event, so many seconds after the beginning."""
        moment = self.begin + timedelta(seconds=at)
        self.events.append({"at": moment.isoformat(), "kind": kind, **more})

    def writes(
        self, role: str, records: Iterable[bytes], number: int, began: datetime, ms: int = 0,
        *, killed: int | None = None,
    ) -> UUID:  # fmt: skip
        """Write a segment of these records, and its row."""
        segment_id = uuid4()
        path = Path(slot_path(self.id, role, number, segment_id))
        (self.studio.folder / path.parent).mkdir(exist_ok=True)
        writer = segments.Writer(self.studio.folder / path, self.key, segment_id)
        marks = [writer.mark]
        for record in records:
            writer.add(record)
            marks.append(writer.mark)
        writer.close()
        known = marks[-1] if killed is None else marks[-1 - killed]
        ms = ms if killed is None else max(0, ms - killed * 10)
        row: dict[str, Any] = {
            "id": segment_id, "call_id": self.id, "role": role, "number": number, "node_id": self.node,
            "path": str(path), "opened_at": began, "head": known.head, "records": known.records,
            "size": known.size, "media_ms": ms, "recovered": False,
        }  # fmt: skip
        if killed is None:
            now = datetime.now(UTC)
            said = segments.statement(
                segment_id, self.id, role, number, known.records, known.size, ms, known.head, now
            )
            row |= {"sealed_at": now, "signature": self.studio.sealer.sign(said)}
        with self.studio.engine.database.transaction() as session:
            session.execute(insert(SegmentRow).values(**row))
        return segment_id

    def snaps(self, kind: str = "face") -> UUID:
        """Take a snapshot: the customer's camera, and the server's frame."""
        files, engine = {}, self.studio.engine
        with engine.database.transaction() as session:
            case = session.get_one(CaseRow, self.case_id)
            key = engine.keyring.case_key(str(case.id), case.key)
            for which, colour in (("still", "navy"), ("frame", "teal")):
                stored = engine.files.put(
                    session,
                    key,
                    picture(colour),
                    role=f"video.{which}",
                    media_type="image/jpeg",
                    at=clock.now(),
                )
                files[which] = stored.id
            snapshot_id = uuid4()
            session.execute(
                insert(SnapshotRow).values(
                    id=snapshot_id, call_id=self.id, kind=kind, asked_at=clock.now(), discarded=False,
                    still_at=clock.now(), frame_at=datetime.now(UTC), **files,
                )
            )  # fmt: skip
        return snapshot_id

    def ends(self, outcome: str = "passed", decision: str = "approve") -> "Call":
        """Write the log of events, the decision, and close the call."""
        lines = sorted(self.events, key=lambda one: str(one["at"]))
        self.writes("events", map(orjson.dumps, lines), 0, self.begin)
        engine, now = self.studio.engine, clock.now()
        with engine.database.transaction() as session:
            case = session.get_one(CaseRow, self.case_id, with_for_update=True)
            key = engine.keyring.case_key(str(case.id), case.key)
            answers = {"call": str(self.id), "decision": decision}
            entry = JournalEntry(
                "task.decided", "staff:agent", {}, {"variable": "witness", "answers": answers}
            )
            engine.journal.write(session, case, key, [entry], now)
            closed = {"closed_at": now, "outcome": outcome}
            session.execute(update(CallRow).where(CallRow.id == self.id).values(**closed))
        return self

    def finished(self) -> "Call":
        """Let the worker finish it."""
        assert self.studio.finalizer.finish(str(self.id)) == "finished"
        return self

    @property
    def report(self) -> dict[str, Any]:
        """What the finalizer found."""
        one = next(one for one in self.studio.recordings.of_case(self.case_id) if one.id == self.id)
        assert one.report is not None
        return dict(one.report)

    def played(self, role: str = "customer") -> bytes:
        """The playback file of a side, whole."""
        reader = self.studio.recordings.open(self.id, role)
        return reader.read(0, reader.size)

    def row(self, role: str, number: int = 0) -> SegmentRow:
        """The row of a segment."""
        with self.studio.engine.database.reading() as session:
            return session.scalars(
                select(SegmentRow).where(
                    SegmentRow.call_id == self.id, SegmentRow.role == role, SegmentRow.number == number
                )
            ).one()

    def path(self, role: str, number: int = 0) -> Path:
        """The file of a segment."""
        return self.studio.folder / self.row(role, number).path

    def findings(self) -> list[str]:
        """What the verification finds."""
        return [one.code for one in self.studio.recordings.verify(self.id).findings]


class Studio:
    """Where calls of cases are recorded."""

    def __init__(self, engine: Engine, folder: Path, agent: UUID | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.engine, self.folder = engine, folder
        self.sealer = Sealer(engine.keyring.derive("video.seal"))
        self.finalizer, self.recordings = Finalizer(engine, folder), Recordings(engine, folder)
        self.nodes = Nodes(engine.database)
        self.agent = agent or self._agent()

    def _agent(self) -> UUID:
        accounts = StaffAccounts(self.engine.database, self.engine.keyring)
        login = f"agent-{uuid4().hex[:8]}"
        return accounts.create(
            login, "王强", f"Aa1!{uuid4().hex}", frozenset({"agent"}), company="0002", licence="F3001234"
        ).id

    def call(self, case_id: UUID, task_id: UUID | None = None) -> Call:
        """Begin a call of a case."""
        now, ticket, call = clock.now(), uuid4(), uuid4()
        key = uuid4().bytes + uuid4().bytes
        node = self.nodes.register("http://127.0.0.1:1", 4)
        with self.engine.database.transaction() as session:
            long_ago = datetime.now(UTC) - timedelta(minutes=5)
            session.execute(update(NodeRow).where(NodeRow.id == node).values(heartbeat_at=long_ago))
            case = session.get_one(CaseRow, case_id)
            wrapped = self.engine.keyring.case_key(str(case_id), case.key).seal(key, place(call))
            session.execute(
                insert(TicketRow).values(
                    id=ticket, case_id=case_id, task_id=task_id or uuid4(), owner=case.owner,
                    company=case.company, branch=case.branch, line=case.branch, business="90", state="passed",
                    why="first", priority=1, ranked_at=now, entered_at=now, beat_at=now, epoch=2, no_shows=0,
                    ended_at=now,
                )
            )  # fmt: skip
            session.execute(
                insert(CallRow).values(
                    id=call, ticket_id=ticket, case_id=case_id, epoch=2, agent=self.agent, node_id=node,
                    node_epoch=1, key=wrapped, opened_at=now,
                )
            )  # fmt: skip
        return Call(self, call, case_id, key, node, datetime.now(UTC) - timedelta(seconds=30))
