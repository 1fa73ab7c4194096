"""What an agent does in a call: ticks, photographs, decides (R-164 to R-171).

Witnessing(engine, queue, calls, staff, police_checks)
  .view       what the agent's page shows of the customer
  .note       keeps ticks and remarks as they are made
  .missing    what 通过 still waits for
  .decide     the result: completes the customer's page and ends the ticket, in one transaction
  .snapshot .still .pictures .wanted   photographs; ``snapshots``
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import forms
from engine import Actor, CaseFacts, Engine, NotYours, TaskGone, TaskView
from engine.store import CaseKey, SealBroken
from handlers.staff import StaffAccounts
from handlers.video.calls import Calls
from handlers.video.errors import Moved
from handlers.video.police_checks import DIFFERS, OFF, PoliceCheck, PoliceChecks
from handlers.video.queue import REPORT, Queue
from handlers.video.sfu import SfuRefused
from handlers.video.snapshots import KINDS, Snapshot, Snapshots
from handlers.video.tables import ROLES, CallRow, SegmentRow, TicketRow

log = structlog.get_logger("video.witnessing")

#: The worker's job that makes a recording ready to be looked at.
FINISH = "recordings.finish"
#: Where on the customer's desk lie the agent's ticks, and the customer's separate consent (domain 3.13).
TICKS, CONSENT = "witness_ticks", "video_consent"
#: The agent's remarks that are kept until a result is given, and how much of each, in characters: what the
#: page lets write, which is a little more than may be given, so that nobody's words are cut unsaid.
REMARKS = {"note": 600, "internal_note": 2100}
#: What a decision makes of the ticket.
ENDS = {"approve": "passed", "return": "sent_back", "reject": "refused"}
#: Seconds the finalizer waits, so that the node has closed its files.
CLOSING_SECONDS = 3

NO_PICTURE = "请先拍摄{what}照片，再给出通过结果"
DIFFERENT = "公安核验结果为不一致：请再次核对客户的姓名和身份证号"
TOO_SHORT = "双方录音录像不足{seconds}秒，请继续通话后再给出通过结果"


@dataclass(frozen=True)
class WitnessView:
    """What the agent's page shows."""

    ticket: UUID
    call: UUID
    epoch: int
    page: TaskView
    ticks: Mapping[str, Any] = field(default_factory=dict)
    pictures: tuple[Snapshot, ...] = ()
    #: What this agent wrote of the customer, in this call or one before it of the same ticket.
    remarks: Mapping[str, str] = field(default_factory=dict)
    police: PoliceCheck = OFF
    #: What the customer's device check found, as the browser told it.
    report: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a decision came to."""

    #: passed, sent_back, refused
    state: str
    decision: str


class Witnessing(Snapshots):
    """What an agent does in a call."""

    def __init__(
        self,
        engine: Engine,
        queue: Queue,
        calls: Calls,
        staff: StaffAccounts,
        police_checks: PoliceChecks,
    ) -> None:
        super().__init__(engine, queue, calls)
        self._staff = staff
        self._police_checks = police_checks

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
        with self._engine.database.reading() as session:
            police = self._police_checks.of(session, ticket.id, page.case_key)
        noted = page.held.get(TICKS) or {}
        ticks = noted.get("answers", {}) if noted.get("call") == str(call.id) else {}
        return WitnessView(
            ticket.id,
            call.id,
            ticket.epoch,
            page,
            ticks,
            pictures,
            remarks=noted.get("remarks", {}) if noted.get("by") == _by(ticket.id, actor) else {},
            police=police,
            report=_report(ticket, page.case_key),
        )

    def note(
        self,
        ticket_id: UUID,
        epoch: int,
        actor: Actor,
        answers: Mapping[str, Any],
        remarks: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep what was ticked and written so far, and write new ticks into the recording.

        :param remarks: by the names of ``REMARKS``, as far as each is long; None: they stay as they were.
        """
        view = self.view(ticket_id, actor)
        if view.epoch != epoch:
            raise Moved()
        lists = {one.key: {v.value for v in one.values} for one in view.page.form.walk() if one.values}
        ticks = {key: [one for one in answers.get(key) or () if one in known] for key, known in lists.items()}

        written = view.remarks if remarks is None else _tidy(remarks)

        def keep(desk: Any) -> None:
            by = _by(view.ticket, actor)
            desk.held[TICKS] = {"call": str(view.call), "answers": ticks, "remarks": written, "by": by}

        self._engine.desk.work(view.page.task_id, keep)
        for key, values in ticks.items():
            for value in values:
                if value not in (view.ticks.get(key) or ()):
                    self._mark(view.call, {"kind": "ticked", "list": key, "item": value})

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
        consent: Any = None

        def within(
            session: Session, facts: CaseFacts, key: CaseKey, answers: Mapping[str, Any]
        ) -> dict[str, Any]:
            decision = str(answers["decision"])
            told.append(decision)
            wrong = self.missing(session, ticket_id, call.id) if decision == "approve" else []
            if wrong:
                raise forms.AnswersRejected([forms.Problem("decision", one, code="missing") for one in wrong])
            police = self._police_checks.of(session, ticket_id, key)
            differs = decision == "approve" and police.result == "mismatch"
            if differs and DIFFERS not in forms.confirmed_in(posted):
                raise forms.AnswersRejected([forms.Problem("decision", DIFFERENT, "warning", DIFFERS)])
            self._queue.finish(session, ticket_id, epoch, UUID(actor.id), ENDS[decision])  # type: ignore[arg-type]
            # The files are sealed by the node when the call is closed; a sweep finds it if this is lost.
            self._engine.queue.defer(session, FINISH, seconds=CLOSING_SECONDS, call_id=str(call.id))
            pictures = self._pictures(session, call.id)
            return {
                "call": str(call.id),
                "ticket": str(ticket_id),
                "agent": member.name if member else "",
                "licence": member.licence if member else "",
                # What the customer agreed to, which version, and when.
                "consent": consent,
                "police": police.as_answer(),
                **({"flags": [*answers.get("flags", ()), DIFFERS]} if differs else {}),
                "snapshots": [
                    {"kind": one.kind, "still": _text(one.still), "frame": _text(one.frame)}
                    for one in pictures
                ],
            }

        try:
            consent = self._engine.cases.decision(ticket.task_id, actor).held.get(CONSENT)
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

    def _close(self, call_id: UUID) -> None:
        try:
            self._calls.close(call_id)
        except SfuRefused as refused:
            log.warning("not closed", call=str(call_id), why=type(refused).__name__)


def _by(ticket_id: UUID, actor: Actor) -> list[str]:
    """Return whose remarks about whom: a colleague who takes the call over writes their own."""
    return [str(ticket_id), actor.id]


def _tidy(remarks: Mapping[str, Any]) -> dict[str, str]:
    """Return remarks as they can be kept."""
    texts = {name: remarks.get(name) for name in REMARKS}
    return {
        # Halves of signs, which JSON may hold, cannot be stored.
        name: text[: REMARKS[name]].encode("utf-8", "replace").decode()
        for name, text in texts.items()
        if isinstance(text, str) and text
    }


def _report(ticket: TicketRow, key: CaseKey) -> Mapping[str, Any]:
    try:
        found = orjson.loads(key.open(ticket.report, REPORT)) if ticket.report else {}
    except SealBroken:
        log.error("a device check does not open", ticket=str(ticket.id))
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
