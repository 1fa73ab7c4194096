"""The finalizer: makes of a closed call's segments what a reviewer can look at, and of its facts a report.

Raw segments are only read. What a dead writer left is sealed; chains, heads and seals are looked at; sound
and picture are brought together; each side becomes one seekable file, and a timeline says what happened when.

Nothing is laid down before everything is made, and then in one transaction that looks again: a worker that
dies at any point loses nothing, and of two at once one lays its result down, the other throws its own away.

Nothing here deletes a recording: they are kept for as long as ``parameters.retention`` says, at least twenty
years after the account is closed, and no part of the product forgets them today.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import Engine, clock
from engine.store import JournalEntry
from engine.store.tables import CaseRow
from handlers.media.segments import Sealer
from handlers.recordings import checking, kept, playback, timeline
from handlers.recordings.kept import Kept, NoRecording
from handlers.recordings.measuring import Measured, events, measure
from handlers.recordings.playback import Made
from handlers.recordings.recovering import Recovered, recover
from handlers.recordings.timeline import Event, Placed
from handlers.video.nodes import Nodes
from handlers.video.tables import CallRow, SegmentRow, SnapshotRow

log = structlog.get_logger("recordings")

#: The worker's job, which every closed call gets.
JOB = "recordings.finish"
FORMAT = "kaihu-video-1"
#: A node that lives may still be closing its files; for so long it is waited for.
CLOSING = timedelta(seconds=60)
#: Seconds until it is looked again.
AGAIN_SECONDS = 3
#: Seconds after which a closed call without a report is put into the queue again.
LOST_SECONDS = 60
#: Most calls that one sweep puts into the queue.
MOST = 100
#: Most pictures of moments that a report has.
MOST_STILLS = 60
STILL = "video.thumbnail"
WORKER = "system:worker"


@dataclass
class _Work:
    """What is found out about a call on the way to its report."""

    kept: Kept
    recovered: dict[UUID, Recovered | None] = field(default_factory=dict)
    measured: list[tuple[SegmentRow, Measured]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    placed: dict[str, list[Placed]] = field(default_factory=dict)
    begin: datetime | None = None
    duration: int = 0


class Finalizer:
    """Finishes recordings.

    :param folder: where the media nodes write; their rows name files below it.
    """

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder
        self._sealer = Sealer(engine.keyring.derive(kept.SEAL))
        self._nodes = Nodes(engine.database)

    def finish(self, call_id: str) -> str:
        """Finish the recording of one call; return what became of it, for the log.

        Safe to run twice, also at once: what is there is not made again.
        """
        try:
            with self._engine.database.reading() as session:
                found = kept.load(session, self._engine, UUID(call_id))
                writing = self._writing(session, found)
        except NoRecording:
            return "gone"
        if found.call.finished_at is not None:
            return "there"
        if found.call.closed_at is None:
            return "open"
        if writing:
            with self._engine.database.transaction() as session:
                self._engine.queue.defer(session, JOB, seconds=AGAIN_SECONDS, call_id=call_id)
            return "writing"
        outcome = self._finish(found)
        log.info("recording finished", call=call_id, case=str(found.call.case_id), outcome=outcome)
        return outcome

    def sweep(self) -> int:
        """Put calls into the queue that were closed and have lost their job."""
        since = clock.now() - timedelta(seconds=LOST_SECONDS)
        waiting = (
            select(CallRow.id).where(CallRow.closed_at < since, CallRow.finished_at.is_(None)).limit(MOST)
        )
        with self._engine.database.transaction() as session:
            known = self._engine.queue.queued(session, JOB, "call_id")
            lost = [one for one in map(str, session.scalars(waiting)) if one not in known]
            for call_id in lost:
                self._engine.queue.defer(session, JOB, call_id=call_id)
        return len(lost)

    def _writing(self, session: Session, found: Kept) -> bool:
        """Tell whether a node that lives may still be closing a segment of the call."""
        closed = found.call.closed_at
        if closed is None or clock.now() - closed > CLOSING:
            return False
        nodes = {row.node_id for row in found.segments if row.sealed_at is None}
        return any(node.live for one in nodes if (node := self._nodes.get(session, one)) is not None)

    def _finish(self, found: Kept) -> str:
        work = _Work(found)
        self._recover(work)
        self._measure(work)
        try:
            with contextlib.ExitStack() as undo:
                made = {role: self._make(work, role, undo) for role in work.placed}
                return self._lay(work, made, undo)
        except FileNotFoundError:
            # Another worker was first, and tidied away what this one had begun.
            with self._engine.database.reading() as session:
                if kept.load(session, self._engine, found.call.id).call.finished_at is None:
                    raise
            return "there"

    def _recover(self, work: _Work) -> None:
        for row in work.kept.segments:
            if row.sealed_at is None:
                left = recover(self._engine, self._folder, self._sealer, work.kept, row)
                work.recovered[row.id] = left
        if work.recovered:
            with self._engine.database.reading() as session:
                work.kept = kept.load(session, self._engine, work.kept.call.id)

    def _measure(self, work: _Work) -> None:
        said: list[Event] = []
        for row in work.kept.segments:
            path = self._folder / row.path
            if row.role == "events":
                lines, found = events(path, work.kept.key, row.id)
                said += [one for one in map(Event.of, lines) if one is not None]
            else:
                found = measure(path, work.kept.key, row.id)
            work.measured.append((row, found))
        work.events = sorted(said, key=lambda one: one.at)
        media = [one for one in work.measured if one[0].role != "events"]
        work.placed = timeline.place(media, work.events)
        segments = [one for side in work.placed.values() for one in side]
        if segments:
            work.begin = min(one.first_at for one in segments)
            end = max(one.began + timedelta(milliseconds=one.found.end) for one in segments)
            work.duration = round((end - work.begin) / timedelta(milliseconds=1))

    def _make(self, work: _Work, role: str, undo: contextlib.ExitStack) -> Made:
        assert work.begin is not None  # noqa: S101 - there are segments, so there is a beginning
        stills = []
        if role == "customer":
            told = timeline.markers(work.events, work.begin, work.duration)
            stills = sorted({one["ms"] for one in told})[:MOST_STILLS]
        made = playback.make(self._folder, work.kept, work.placed[role], work.begin, work.duration, stills)
        undo.callback((self._folder / made.path).unlink, missing_ok=True)
        return made

    def _lay(self, work: _Work, made: dict[str, Made], undo: contextlib.ExitStack) -> str:
        now = clock.now()
        with self._engine.database.transaction() as session:
            # A case is locked before what belongs to it, here as everywhere.
            case = session.get_one(CaseRow, work.kept.call.case_id, with_for_update=True)
            found = kept.load(session, self._engine, work.kept.call.id, lock=True)
            if found.call.finished_at is not None:
                return "there"  # another worker was first
            report = self._report(session, work, made, now)
            plain = orjson.dumps(report)
            found.call.report = found.case_key.seal(plain, kept.report_place(found.call.id))
            found.call.finished_at = datetime.now(UTC)
            facts = {"call": str(found.call.id), "recording": report["hash"]}
            sealed = {"report": sha256(plain).hexdigest()}
            entry = JournalEntry(checking.RECORDED, WORKER, facts, sealed)
            self._engine.journal.write(session, case, found.case_key, [entry], now)
        undo.pop_all()
        self._tidy(work, made)
        return "finished"

    def _report(self, session: Session, work: _Work, made: dict[str, Made], now: datetime) -> dict[str, Any]:
        call, begin = work.kept.call, work.begin
        stills = []
        for role, one in made.items():
            for ms, jpeg in sorted(one.stills.items()):
                stored = self._engine.files.put(
                    session, work.kept.case_key, jpeg, role=STILL, media_type="image/jpeg", at=now
                )
                stills.append({"ms": ms, "role": role, "file": str(stored.id), "sha256": stored.sha256})
        told: list[dict[str, Any]] = []
        if begin is not None:
            told = timeline.markers(work.events, begin, work.duration) + timeline.gaps(work.placed, begin)
            told += list(self._recoveries(work, begin))
        return {
            "format": FORMAT,
            "call": str(call.id),
            "begin": begin.isoformat() if begin else None,
            "duration": work.duration,
            "segments": [self._segment(work, row, one) for row, one in work.measured],
            "playback": {role: one.told() for role, one in made.items()},
            "stills": stills,
            "snapshots": self._snapshots(session, work.kept),
            "timeline": sorted(told, key=lambda one: one["ms"]),
            "quality": timeline.quality(work.events, begin) if begin else [],
            "hash": kept.total(work.kept.segments),
        }

    def _segment(self, work: _Work, row: SegmentRow, found: Measured) -> dict[str, Any]:
        placed = {one.row.id: one for side in work.placed.values() for one in side}
        told: dict[str, Any] = {
            "id": str(row.id), "role": row.role, "number": row.number, "records": row.records,
            "size": row.size, "head": row.head.hex(), "media_ms": row.media_ms, "recovered": row.recovered,
            "sealed": row.sealed_at is not None, "problem": found.problem, "sizes": found.sizes,
            "behind": checking.behind(self._folder / row.path, row.size),
        }  # fmt: skip
        if (one := placed.get(row.id)) is not None and work.begin is not None:
            begin = (one.began - work.begin) / timedelta(milliseconds=1)
            told |= {"begin": round(begin), "sync": one.shift.by, "shift": round(one.shift.at(0), 1)}
        return told

    @staticmethod
    def _recoveries(work: _Work, begin: datetime) -> Iterator[dict[str, Any]]:
        ends = {
            one.row.id: round((one.began - begin) / timedelta(milliseconds=1) + one.found.end)
            for side in work.placed.values()
            for one in side
        }
        for row, _ in work.measured:
            left = work.recovered.get(row.id)
            if left is not None and row.role != "events":
                yield {"ms": ends.get(row.id, 0), "kind": "recovered", "role": row.role, **asdict(left)}

    def _snapshots(self, session: Session, found: Kept) -> list[dict[str, Any]]:
        rows = session.scalars(
            select(SnapshotRow).where(SnapshotRow.call_id == found.call.id).order_by(SnapshotRow.asked_at)
        )
        return [checking.snapshot(session, self._engine, found, row) for row in rows]

    def _tidy(self, work: _Work, made: dict[str, Made]) -> None:
        """Take away what dead finalizers began; the raw segments have other names."""
        for folder in {(self._folder / one.path).parent for one in made.values()}:
            ours = {Path(one.path).name for one in made.values()}
            for path in _playback_files(folder, work.kept.call.id):
                if path.name not in ours:
                    path.unlink(missing_ok=True)


def _playback_files(folder: Path, call_id: UUID) -> Sequence[Path]:
    return [*folder.glob(f"playback-{call_id}-*"), *folder.glob(f".playback-{call_id}-*")]
