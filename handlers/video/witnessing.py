"""What an agent does in a call: ticks, photographs, decides (R-164 to R-171).

Witnessing(engine, queue, calls, staff)
  .view       what the agent's page shows of the customer
  .note       keeps the ticks as they are made
  .snapshot   asks for a picture: the server's key frame at once, the customer's own camera a moment later
  .still      takes in the customer's own picture
  .pictures   the snapshots of a call
  .wanted     the snapshots the customer's page still owes
  .missing    what 通过 still waits for
  .decide     the result: completes the customer's page and ends the ticket, in one transaction

Tables written here: video_snapshot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import structlog
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

import forms
from engine import Actor, CaseFacts, Engine, NotYours, TaskGone, TaskView, clock
from engine.steps import facts_of
from engine.store import CaseKey
from engine.store.tables import CaseRow
from handlers.photos import gate
from handlers.staff import StaffAccounts
from handlers.video.calls import Calls
from handlers.video.errors import Moved
from handlers.video.queue import Queue
from handlers.video.sfu import SfuRefused
from handlers.video.tables import ROLES, CallRow, SegmentRow, SnapshotRow, TicketRow

log = structlog.get_logger("video.witnessing")

#: The worker's job that makes a recording ready to be looked at.
FINISH = "recordings.finish"
#: Where the agent's ticks lie on the customer's desk.
TICKS = "witness_ticks"
Kind = Literal["face", "card"]
KINDS: Mapping[Kind, str] = {"face": "正脸", "card": "手持身份证"}
#: What a decision makes of the ticket.
ENDS = {"approve": "passed", "return": "sent_back", "reject": "refused"}
#: Seconds the finalizer waits, so that the node has closed its files.
CLOSING_SECONDS = 3

NO_PICTURE = "请先拍摄{what}照片，再给出通过结果"
TOO_SHORT = "双方录音录像不足{seconds}秒，请继续通话后再给出通过结果"
NO_SUCH = "该照片不存在或已收到，请重新拍摄"


@dataclass(frozen=True)
class Snapshot:
    """One picture of a call; ``still`` and ``frame`` are files of the case."""

    id: UUID
    kind: str
    asked_at: datetime
    still: UUID | None
    frame: UUID | None


@dataclass(frozen=True)
class WitnessView:
    """What the agent's page shows."""

    ticket: UUID
    call: UUID
    epoch: int
    page: TaskView
    ticks: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[Snapshot, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a decision came to."""

    #: passed, sent_back, refused
    state: str
    decision: str


class Witnessing:
    """What an agent does in a call."""

    def __init__(self, engine: Engine, queue: Queue, calls: Calls, staff: StaffAccounts) -> None:
        self._engine = engine
        self._queue = queue
        self._calls = calls
        self._staff = staff

    def view(self, ticket_id: UUID, actor: Actor) -> WitnessView:
        """Return what the agent sees who is in a call with this customer.

        :raises Moved: this person is in no such call, or not any more.
        """
        with self._engine.database.reading() as session:
            ticket, call = self._in_call(session, ticket_id, actor)
            pictures = self._pictures(session, call.id)
        try:
            page = self._engine.cases.decision(ticket.task_id, actor)
        except (TaskGone, NotYours) as gone:
            raise Moved() from gone
        noted = page.held.get(TICKS) or {}
        ticks = noted.get("answers", {}) if noted.get("call") == str(call.id) else {}
        return WitnessView(ticket.id, call.id, ticket.epoch, page, ticks, pictures)

    def note(self, ticket_id: UUID, epoch: int, actor: Actor, answers: Mapping[str, Any]) -> None:
        """Keep what was ticked so far, and write what is new into the recording."""
        view = self.view(ticket_id, actor)
        if view.epoch != epoch:
            raise Moved()
        lists = {one.key: {v.value for v in one.values} for one in view.page.form.walk() if one.values}
        ticks = {key: [one for one in answers.get(key) or () if one in known] for key, known in lists.items()}

        def keep(desk: Any) -> None:
            desk.held[TICKS] = {"call": str(view.call), "answers": ticks}

        self._engine.desk.work(view.page.task_id, keep)
        for key, values in ticks.items():
            for value in values:
                if value not in (view.ticks.get(key) or ()):
                    self._mark(view.call, {"kind": "ticked", "list": key, "item": value})

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

    def missing(self, session: Session, ticket_id: UUID, call_id: UUID) -> list[str]:
        """Return what 通过 still waits for besides the ticks, in sentences."""
        there = {one.kind for one in self._pictures(session, call_id) if one.still or one.frame}
        found = [NO_PICTURE.format(what=words) for kind, words in KINDS.items() if kind not in there]
        least = self._engine.parameters().video.least_seconds
        recorded = select(SegmentRow.role, func.sum(SegmentRow.media_ms)).join(
            CallRow, CallRow.id == SegmentRow.call_id
        )
        seconds = dict(
            session.execute(recorded.where(CallRow.ticket_id == ticket_id).group_by(SegmentRow.role)).all()
        )
        if any((seconds.get(role) or 0) < least * 1000 for role in ROLES):
            found.append(TOO_SHORT.format(seconds=least))
        return found

    def decide(self, ticket_id: UUID, epoch: int, actor: Actor, posted: Mapping[str, Any]) -> Outcome:
        """Give the result; a second time with the same epoch returns the first one.

        :raises forms.AnswersRejected: something is to be corrected or still to be done.
        :raises Moved: the call is no longer this person's.
        """
        with self._engine.database.reading() as session:
            done = self._decided(session, ticket_id, epoch, actor)
            if done is not None:
                return done
            ticket, call = self._in_call(session, ticket_id, actor)
        if ticket.epoch != epoch:
            raise Moved()
        member = self._staff.get(actor.id)
        told: list[str] = []

        def within(
            session: Session, facts: CaseFacts, key: CaseKey, answers: Mapping[str, Any]
        ) -> dict[str, Any]:
            decision = str(answers["decision"])
            told.append(decision)
            wrong = self.missing(session, ticket_id, call.id) if decision == "approve" else []
            if wrong:
                raise forms.AnswersRejected([forms.Problem("decision", one, code="missing") for one in wrong])
            self._queue.finish(session, ticket_id, epoch, UUID(actor.id), ENDS[decision])  # type: ignore[arg-type]
            # The files are sealed by the node when the call is closed; a sweep finds it if this is lost.
            self._engine.queue.defer(session, FINISH, seconds=CLOSING_SECONDS, call_id=str(call.id))
            pictures = self._pictures(session, call.id)
            return {
                "call": str(call.id),
                "ticket": str(ticket_id),
                "agent": member.name if member else "",
                "licence": member.licence if member else "",
                "snapshots": [
                    {"kind": one.kind, "still": _text(one.still), "frame": _text(one.frame)}
                    for one in pictures
                ],
            }

        try:
            self._engine.cases.decide(ticket.task_id, actor, posted, within)
        except (TaskGone, Moved) as gone:
            with self._engine.database.reading() as session:
                done = self._decided(session, ticket_id, epoch, actor)
            if done is None:
                raise Moved() from gone
            return done
        outcome = Outcome(ENDS[told[-1]], told[-1])
        self._mark(call.id, {"kind": "decision", "decision": outcome.decision})
        self._close(call.id)
        log.info("witnessed", case=str(call.case_id), call=str(call.id), outcome=outcome.state)
        return outcome

    def _decided(self, session: Session, ticket_id: UUID, epoch: int, actor: Actor) -> Outcome | None:
        """Return what this agent decided of this call before."""
        call = session.scalar(
            select(CallRow).where(
                CallRow.ticket_id == ticket_id, CallRow.epoch == epoch, CallRow.agent == UUID(actor.id)
            )
        )
        decisions = {state: decision for decision, state in ENDS.items()}
        if call is None or call.outcome not in decisions:
            return None
        return Outcome(call.outcome, decisions[call.outcome])

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

    def _close(self, call_id: UUID) -> None:
        try:
            self._calls.close(call_id)
        except SfuRefused as refused:
            log.warning("not closed", call=str(call_id), why=type(refused).__name__)


def _snapshot(row: SnapshotRow) -> Snapshot:
    return Snapshot(row.id, row.kind, row.asked_at, row.still, row.frame)


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
