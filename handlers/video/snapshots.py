"""Pictures of a witness (R-170): the customer's own camera and the server's key frame of one moment.

Snapshots(engine, queue, calls)
  .snapshot   asks for a picture: the server's key frame at once, the customer's own camera a moment later
  .still      takes in the customer's own picture
  .pictures   the snapshots of a call
  .wanted     the snapshots the customer's page still owes

Tables written here: video_snapshot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from engine import Actor, Engine, clock
from engine.steps import facts_of
from engine.store import CaseKey
from engine.store.tables import CaseRow
from handlers.photos import gate
from handlers.video.calls import Calls
from handlers.video.errors import Moved
from handlers.video.queue import Queue
from handlers.video.sfu import SfuRefused
from handlers.video.tables import CallRow, SnapshotRow, TicketRow

log = structlog.get_logger("video.snapshots")

Kind = Literal["face", "card"]
KINDS: Mapping[Kind, str] = {"face": "正脸", "card": "手持身份证"}

NO_SUCH = "该照片不存在或已收到，请重新拍摄"


@dataclass(frozen=True)
class Snapshot:
    """One picture of a call; ``still`` and ``frame`` are files of the case."""

    id: UUID
    kind: str
    asked_at: datetime
    still: UUID | None
    frame: UUID | None


class Snapshots:
    """Takes pictures in a call."""

    def __init__(self, engine: Engine, queue: Queue, calls: Calls) -> None:
        self._engine = engine
        self._queue = queue
        self._calls = calls

    def snapshot(self, ticket_id: UUID, epoch: int, actor: Actor, kind: Kind) -> Snapshot:
        """Take a picture: both the customer's camera and the server are asked for one of this moment."""
        asked_at, snapshot_id = clock.now(), uuid4()
        with self._engine.database.transaction() as session:
            ticket, call = self._in_call(session, ticket_id, actor)
            if ticket.epoch != epoch:
                raise Moved()
            before = (SnapshotRow.call_id == call.id, SnapshotRow.kind == kind)
            session.execute(update(SnapshotRow).where(*before).values(discarded=True))
            row = {"id": snapshot_id, "call_id": call.id, "kind": kind, "asked_at": asked_at}
            session.execute(insert(SnapshotRow).values(**row, discarded=False))
            case = session.get_one(CaseRow, call.case_id)
            self._engine.stepper.tell_page(session, facts_of(case), ticket.task_id)
        self._mark(call.id, {"kind": "snapshot", "of": kind, "snapshot": str(snapshot_id)})
        self._frame(call, snapshot_id)
        with self._engine.database.reading() as session:
            return _snapshot(session.get_one(SnapshotRow, snapshot_id))

    def _frame(self, call: CallRow, snapshot_id: UUID) -> None:
        """Keep the server's own picture; without one the customer's has to do."""
        try:
            still = self._calls.still(call.id, "customer")
        except SfuRefused as refused:
            log.warning("no key frame", call=str(call.id), why=type(refused).__name__)
            return
        with self._engine.database.transaction() as session:
            key = self._key(session, call.case_id)
            stored = self._engine.files.put(
                session, key, still.jpeg, role="video.frame", media_type="image/jpeg", at=clock.now()
            )
            session.execute(
                update(SnapshotRow)
                .where(SnapshotRow.id == snapshot_id)
                .values(frame=stored.id, frame_at=still.taken_at)
            )

    def still(self, snapshot_id: UUID, owner: str, jpeg: bytes) -> None:
        """Take in the picture of the customer's own camera, once.

        :raises Moved: nobody asked this customer for it, or it is there.
        :raises handlers.photos.PhotoRefused: it is no photo.
        """
        gate.parse(jpeg)
        with self._engine.database.transaction() as session:
            wanted = session.execute(
                select(SnapshotRow, CallRow, TicketRow)
                .join(CallRow, CallRow.id == SnapshotRow.call_id)
                .join(TicketRow, TicketRow.id == CallRow.ticket_id)
                .where(SnapshotRow.id == snapshot_id, TicketRow.owner == owner, SnapshotRow.still.is_(None))
                .with_for_update(of=SnapshotRow)
            ).one_or_none()
            if wanted is None or wanted[1].closed_at is not None:
                raise Moved(NO_SUCH)
            snapshot, call, ticket = wanted
            key = self._key(session, call.case_id)
            stored = self._engine.files.put(
                session, key, jpeg, role="video.still", media_type="image/jpeg", at=clock.now()
            )
            snapshot.still, snapshot.still_at = stored.id, clock.now()
            self._queue.tell_agent(session, call.agent, ticket.id)
        self._mark(call.id, {"kind": "still", "snapshot": str(snapshot_id), "sha256": stored.sha256})

    def pictures(self, session: Session, call_id: UUID) -> tuple[Snapshot, ...]:
        """Return the snapshots of a call that count, face first."""
        return self._pictures(session, call_id)

    def wanted(self, session: Session, case_id: UUID) -> tuple[Snapshot, ...]:
        """Return the pictures that the customer's page still has to send."""
        rows = session.scalars(
            select(SnapshotRow)
            .join(CallRow, CallRow.id == SnapshotRow.call_id)
            .where(
                CallRow.case_id == case_id,
                CallRow.closed_at.is_(None),
                SnapshotRow.still.is_(None),
                SnapshotRow.discarded.is_(False),
            )
        )
        return tuple(map(_snapshot, rows))

    def _in_call(self, session: Session, ticket_id: UUID, actor: Actor) -> tuple[TicketRow, CallRow]:
        found = session.execute(
            select(TicketRow, CallRow)
            .join(CallRow, (CallRow.ticket_id == TicketRow.id) & (CallRow.epoch == TicketRow.epoch))
            .where(
                TicketRow.id == ticket_id,
                TicketRow.state == "in_call",
                TicketRow.agent == UUID(actor.id),
                CallRow.closed_at.is_(None),
            )
        ).one_or_none()
        if actor.kind != "staff" or found is None:
            raise Moved()
        return found[0], found[1]

    @staticmethod
    def _pictures(session: Session, call_id: UUID) -> tuple[Snapshot, ...]:
        rows = session.scalars(
            select(SnapshotRow)
            .where(SnapshotRow.call_id == call_id, SnapshotRow.discarded.is_(False))
            .order_by(SnapshotRow.kind.desc())
        )
        return tuple(map(_snapshot, rows))

    def _key(self, session: Session, case_id: UUID) -> CaseKey:
        row = session.get_one(CaseRow, case_id)
        return self._engine.keyring.case_key(str(case_id), row.key)

    def _mark(self, call_id: UUID, event: Mapping[str, Any]) -> None:
        """Write into the recording; the journal has what must not be lost."""
        try:
            self._calls.mark(call_id, {**event, "said_at": datetime.now(UTC).isoformat()})
        except SfuRefused as refused:
            log.warning("not marked", call=str(call_id), what=event.get("kind"), why=type(refused).__name__)


def _snapshot(row: SnapshotRow) -> Snapshot:
    return Snapshot(row.id, row.kind, row.asked_at, row.still, row.frame)
