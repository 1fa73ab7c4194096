"""Cases: what customers and staff do to them.

Every public method is one step (see ``engine.steps``), or only looks. The order inside ``complete`` is
the product's promise: look → judge what can be judged → run checks → lock → the task must still be
ready and this person's → consume what may be used only once → judge everything → assign under one key →
run on → save.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from SpiffWorkflow.bpmn import BpmnEvent
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import forms
from engine import clock
from engine.desk import Desk, Laid
from engine.diagrams import spiff, state
from engine.errors import (
    AlreadyClaimed,
    ElsewhereChanged,
    FourEyes,
    MessageRefused,
    NotClaimed,
    NotYours,
    NoWayBack,
    TaskGone,
    UnknownCase,
    UnknownProcess,
)
from engine.operators import Actor, CaseFacts, CheckQuery, Verdict
from engine.releases import Release
from engine.steps import BLOB, OpenCase, Stepper, data_when_over, facts_of
from engine.store.database import Database
from engine.store.journal import START, JournalEntry
from engine.store.sealing import CaseKey
from engine.store.tables import CaseRow, DeskRow, WorkItemRow
from forms import masks
from forms.expressions import compile_expression

#: Where a case's line for lists is sealed.
SUMMARY = "case.summary"
#: Lanes whose tasks are taken from a common inbox and must be claimed before they are done.
STAFF_LANES = frozenset({"reviewer", "compliance", "operator", "agent"})


@dataclass(frozen=True)
class Case:
    """A case as its people see it."""

    facts: CaseFacts
    #: the open task this person may go on with
    next_task: UUID | None
    closed_at: datetime | None
    changed_at: datetime

    @property
    def id(self) -> UUID:
        """The case's id."""
        return self.facts.id


@dataclass(frozen=True)
class TaskView:
    """One task, ready to be shown."""

    task_id: UUID
    case: CaseFacts
    element: str
    lane: str
    step: str
    title: str
    form: forms.Form
    context: forms.Context
    answers: dict[str, Any]
    held: dict[str, Any]
    revision: int
    can_back: bool
    claimed_by: str | None
    due_at: datetime | None
    saved_at: datetime | None
    case_key: CaseKey

    @property
    def data(self) -> Mapping[str, Any]:
        """The case's data as this task sees them."""
        return self.context.data


@dataclass
class _Looked:
    item: WorkItemRow
    row: CaseRow
    laid: Laid


class Cases:
    """Starts cases, completes their tasks, goes back, withdraws."""

    def __init__(self, database: Database, stepper: Stepper, desk: Desk) -> None:
        self._database = database
        self._stepper = stepper
        self._desk = desk

    # -- starting -----------------------------------------------------------------------------------

    def start(
        self,
        type: str,
        *,
        owner: str,
        branch: str,
        actor: Actor,
        data: Mapping[str, Any],
        open_key: str | None = None,
    ) -> Case:
        """Start a case, or return the open one of the same ``open_key`` (R-211).

        :param data: what the case begins with, plain JSON.
        """
        release = self._stepper.releases.current()
        process = release.processes.get(type)
        if process is None or not process.business_type:
            raise UnknownProcess(f"no case can be started as {type}")
        try:
            with self._database.transaction() as session:
                open_one = self._open_one(session, open_key, actor)
                if open_one is not None:
                    return open_one
                return self._start(session, release, type, owner, branch, actor, dict(data), open_key)
        except IntegrityError:
            # Two starts at once: the other one won the open key.
            with self._database.reading() as session:
                open_one = self._open_one(session, open_key, actor)
            if open_one is None:
                raise
            return open_one

    def _open_one(self, session: Session, open_key: str | None, actor: Actor) -> Case | None:
        if open_key is None:
            return None
        row = session.scalar(select(CaseRow).where(CaseRow.open_key == open_key))
        if row is None:
            return None
        if row.owner != actor.id:
            raise NotYours()
        return self._case(session, row, actor)

    def _start(
        self,
        session: Session,
        release: Release,
        type: str,
        owner: str,
        branch: str,
        actor: Actor,
        data: dict[str, Any],
        open_key: str | None,
    ) -> Case:
        process = release.processes[type]
        now = clock.now()
        case_id = uuid4()
        name = str((data.get("profile") or {}).get("name") or "")
        key, wrapped = self._stepper.around().keyring.new_case_key(str(case_id))
        row = CaseRow(
            id=case_id,
            type=type,
            category=process.category,
            release_id=release.id,
            company=actor.company,
            branch=branch,
            owner=owner,
            open_key=open_key,
            number=None,
            state="started",
            flags=[],
            opened_at=now,
            changed_at=now,
            closed_at=None,
            key=wrapped,
            blob=b"",
            summary=key.seal(orjson.dumps({"name": masks.name(name)}), SUMMARY),
            steps=0,
            next_due=None,
            journal_seq=0,
            journal_head=START,
        )
        session.add(row)
        session.flush()
        opened = self._stepper.open_new(session, row, key, release, actor)
        data = {**data, "category": process.category, "business": process.business_type}
        opened.run.task_tree.data.update(data)
        opened.run.do_engine_steps()
        self._stepper.save(opened, "case.started", data=data)
        return self._case_of(opened)

    # -- looking ------------------------------------------------------------------------------------

    def task(self, task_id: UUID, actor: Actor) -> TaskView:
        """Return a task as ``actor`` may see it.

        :raises TaskGone: the task is done; ask for the case's next task instead.
        :raises NotYours: it waits for somebody else.
        """
        with self._database.reading() as session:
            looked = self._look(session, task_id)
            self._may_see(looked.item, actor)
            opened = self._stepper.open_row(session, looked.row, actor)
        task = self._ready(opened, task_id)
        known = spiff.properties(task.task_spec)
        form = opened.release.form(known.get("form", ""))
        held = self._held(task, looked.laid)
        context = self._context(opened, task, held, {}, "complete")
        answers = forms.prefill(form, context)
        # Unjudged, so only for showing: what was typed before going back, and what lies on the desk.
        answers.update(self._kept(task).get("typed", {}))
        answers.update(looked.laid.typed)
        return TaskView(
            task_id=task_id,
            case=facts_of(looked.row),
            element=task.task_spec.name,
            lane=looked.item.lane,
            step=known.get("step", form.step),
            title=form.title,
            form=form,
            context=context,
            answers=answers,
            held=held,
            revision=looked.laid.revision,
            can_back=self._way_back(opened, task) is not None,
            claimed_by=looked.item.claimed_by,
            due_at=looked.item.due_at,
            saved_at=looked.laid.changed_at,
            case_key=opened.key,
        )

    def of(self, case_id: UUID, actor: Actor) -> Case:
        """Return a case of this customer, or one this member of staff may see, or raise UnknownCase."""
        with self._database.reading() as session:
            row = session.get(CaseRow, case_id)
            if row is None or not may_see_case(row, actor):
                raise UnknownCase()
            return self._case(session, row, actor)

    def of_task(self, task_id: UUID, actor: Actor) -> Case:
        """Return the case of a task, also of one that is done, or raise UnknownCase."""
        with self._database.reading() as session:
            row = session.scalar(
                select(CaseRow)
                .join(WorkItemRow, WorkItemRow.case_id == CaseRow.id)
                .where(WorkItemRow.id == task_id)
            )
            if row is None or not may_see_case(row, actor):
                raise UnknownCase()
            return self._case(session, row, actor)

    def release_of(self, case_id: UUID) -> Release:
        """Return the release a case runs on, or raise UnknownCase."""
        with self._database.reading() as session:
            release_id = session.scalar(select(CaseRow.release_id).where(CaseRow.id == case_id))
        if release_id is None:
            raise UnknownCase()
        return self._stepper.releases.get(release_id)

    def note(self, case_id: UUID, actor: Actor, kind: str, facts: Mapping[str, Any]) -> None:
        """Write down what somebody did with a case that is no step of it, such as looking at a picture."""
        with self._database.transaction() as session:
            row = session.scalar(select(CaseRow).where(CaseRow.id == case_id).with_for_update())
            if row is None or not may_see_case(row, actor):
                raise UnknownCase()
            key = self._stepper.around().keyring.case_key(str(row.id), row.key)
            entry = JournalEntry(kind, actor.label, facts)
            self._stepper.journal.write(session, row, key, [entry], clock.now())

    def of_owner(self, owner: str) -> list[Case]:
        """Return every case of a customer, newest first."""
        actor = Actor("customer", owner, frozenset({"customer"}))
        with self._database.reading() as session:
            rows = session.scalars(
                select(CaseRow).where(CaseRow.owner == owner).order_by(CaseRow.opened_at.desc())
            )
            return [self._case(session, row, actor) for row in rows]

    def data(self, case_id: UUID, actor: Actor) -> tuple[CaseFacts, CaseKey, dict[str, Any]]:
        """Return a case's facts, key and data, for those who may see it."""
        with self._database.reading() as session:
            row = session.get(CaseRow, case_id)
            if row is None or not may_see_case(row, actor):
                raise UnknownCase()
            key = self._stepper.around().keyring.case_key(str(row.id), row.key)
            over = data_when_over(key.open(row.blob, BLOB))
            if over is not None:
                return facts_of(row), key, over
            return facts_of(row), key, self._stepper.open_row(session, row, actor).data()

    # -- acting -------------------------------------------------------------------------------------

    def complete(
        self, task_id: UUID, actor: Actor, posted: Mapping[str, Any], revision: int | None = None
    ) -> Case:
        """Complete a task with what was posted.

        :param revision: the desk's revision the page was made from; another device's writing since
            then raises ElsewhereChanged (A-37).
        :raises forms.AnswersRejected: something is to be corrected; nothing has changed.
        """
        with self._database.reading() as session:
            looked = self._look(session, task_id)
            opened = self._stepper.open_row(session, looked.row, actor)
            self._may_act(looked.item, actor)
            task = self._ready(opened, task_id)
            self._four_eyes(opened, task, actor)
        if revision is not None and looked.laid.elsewhere(actor, revision):
            raise ElsewhereChanged()
        form = opened.release.form(looked.item.form)
        held = self._held(task, looked.laid)
        first = forms.judge(form, posted, self._context(opened, task, held, {}, "local"))
        verdicts = self._check(opened, task, actor, first, held)
        with self._database.transaction() as session:
            return self._complete(session, task_id, actor, posted, verdicts)

    def _complete(
        self,
        session: Session,
        task_id: UUID,
        actor: Actor,
        posted: Mapping[str, Any],
        verdicts: Mapping[str, Verdict],
    ) -> Case:
        looked = self._look(session, task_id, lock=True)
        self._may_act(looked.item, actor)
        opened = self._stepper.open_row(session, looked.row, actor)
        task = self._ready(opened, task_id)
        self._four_eyes(opened, task, actor)
        final = {name: v.consume(session) if v.ok and v.consume else v for name, v in verdicts.items()}
        held = self._held(task, looked.laid)
        form = opened.release.form(looked.item.form)
        accepted = forms.judge(form, posted, self._context(opened, task, held, final, "complete"))
        answers: dict[str, Any] = dict(accepted.answers)
        answers["flags"] = list(
            dict.fromkeys([*accepted.flags, *(f for v in final.values() for f in v.flags)])
        )
        if not answers["flags"]:
            del answers["flags"]
        read = {c.key: held[c.key] for c in form.components if c.type == "agreements" and c.key in held}
        if read:
            # What was read to the end need not be read again when the case comes back unchanged.
            answers["_held"] = read
        variable = self._variable(task)
        task.data[variable] = answers
        task.data.pop(f"kept_{variable}", None)
        self._done(opened, task, "done")
        task.run()
        opened.run.trace.append(task.task_spec)
        opened.run.do_engine_steps()
        if looked.laid.revision:
            session.execute(delete(DeskRow).where(DeskRow.task_id == task_id))
        self._stepper.save(opened, "task.completed", task, variable=variable, answers=answers)
        return self._case_of(opened)

    def _done(self, opened: OpenCase, task: Task, outcome: str) -> None:
        """Note who did a task, and that the customer may come back to it."""
        run = opened.run
        opened.done[task.id] = outcome
        run.doers[task.task_spec.name] = opened.actor.label
        if spiff.properties(task.task_spec).get("back") == "true":
            path = run.path(task)
            if path in run.trail:
                del run.trail[run.trail.index(path) :]
            run.trail.append(path)

    def back(self, task_id: UUID, actor: Actor, typed: Mapping[str, Any] | None = None) -> Case:
        """Go back to the page before this one (上一步), keeping what was typed here.

        :raises NoWayBack: this is the first page.
        """
        with self._database.transaction() as session:
            looked = self._look(session, task_id, lock=True)
            self._may_act(looked.item, actor)
            opened = self._stepper.open_row(session, looked.row, actor)
            task = self._ready(opened, task_id)
            path = self._way_back(opened, task)
            if path is None:
                raise NoWayBack("this is the first page")
            data = dict(task.data)
            variable = self._variable(task)
            kept = {**looked.laid.typed, **(typed or {})}
            if kept or looked.laid.held:
                # Unjudged: shown again when the customer comes forward, and judged then.
                data[f"kept_{variable}"] = {"typed": kept, "held": looked.laid.held}
            self._done_back(opened, task)
            state.move_token(opened.run, task, path, data)
            session.execute(delete(DeskRow).where(DeskRow.task_id == task_id))
            self._stepper.save(opened, "task.back", task, typed=kept or None)
            return self._case_of(opened)

    def _done_back(self, opened: OpenCase, task: Task) -> None:
        opened.done[task.id] = "back"

    def message(self, case_id: UUID, name: str, actor: Actor) -> Case:
        """Send a case a message its diagram waits for, such as ``withdraw``.

        :raises MessageRefused: it does not wait for this message, or not now.
        """
        with self._database.transaction() as session:
            row = session.scalar(select(CaseRow).where(CaseRow.id == case_id).with_for_update())
            if row is None or not may_see_case(row, actor):
                raise UnknownCase()
            try:
                opened = self._stepper.open_row(session, row, actor)
            except TaskGone as ended:
                raise MessageRefused("the case has ended") from ended
            definition = MessageEventDefinition(name)
            waiting = [
                t
                for t in opened.run.live(TaskState.WAITING)
                if getattr(t.task_spec, "event_definition", None) == definition
            ]
            when = [spiff.properties(t.task_spec).get("when") for t in waiting]
            scope = {**opened.data(), "state": row.state, "number": row.number}
            if not waiting or not all(compile_expression(w).evaluate(scope) for w in when if w):
                raise MessageRefused()
            opened.run.send_event(BpmnEvent(definition, payload={}))
            opened.run.do_engine_steps()
            self._stepper.save(opened, f"message.{name}")
            return self._case_of(opened)

    def claim(self, task_id: UUID, actor: Actor) -> Case:
        """Take a task out of the common inbox; nobody else can do it then (R-202).

        :raises AlreadyClaimed: somebody else was first.
        """
        with self._database.transaction() as session:
            looked = self._look(session, task_id, lock=True)
            self._may_see(looked.item, actor)
            if actor.kind != "staff":
                raise NotYours()
            opened = self._stepper.open_row(session, looked.row, actor)
            task = self._ready(opened, task_id)
            self._four_eyes(opened, task, actor)
            if looked.item.claimed_by == actor.label:
                return self._case_of(opened)
            if looked.item.claimed_by is not None:
                raise AlreadyClaimed()
            looked.item.claimed_by, looked.item.claimed_at = actor.label, opened.now
            claimed_state = spiff.properties(task.task_spec).get("claimedState", "").strip("'\"")
            return self._took(opened, task, "task.claimed", claimed_state)

    def release(self, task_id: UUID, actor: Actor) -> Case:
        """Put a claimed task back into the inbox."""
        with self._database.transaction() as session:
            looked = self._look(session, task_id, lock=True)
            if looked.item.claimed_by != actor.label:
                raise NotClaimed()
            opened = self._stepper.open_row(session, looked.row, actor)
            task = self._ready(opened, task_id)
            looked.item.claimed_by = looked.item.claimed_at = None
            text = spiff.properties(task.task_spec).get("state", "")
            scope = {**task.data, "number": opened.row.number}
            state_now = str(compile_expression(text).evaluate(scope) or "") if text else ""
            return self._took(opened, task, "task.released", state_now)

    def _took(self, opened: OpenCase, task: Task, kind: str, state_now: str) -> Case:
        if state_now:
            opened.row.state = state_now
        opened.row.changed_at = opened.now
        facts = {"element": task.task_spec.name, "state": opened.row.state}
        entry = JournalEntry(kind, opened.actor.label, facts, None, task.id)
        self._stepper.journal.write(opened.session, opened.row, opened.key, [entry], opened.now)
        opened.session.flush()
        self._stepper.tell(opened.session, opened.row, [str(self._stepper._lane(task))])
        return self._case_of(opened)

    # -- inside -------------------------------------------------------------------------------------

    def _look(self, session: Session, task_id: UUID, lock: bool = False) -> _Looked:
        query = (
            select(WorkItemRow, CaseRow, DeskRow)
            .join(CaseRow, CaseRow.id == WorkItemRow.case_id)
            .outerjoin(DeskRow, DeskRow.task_id == WorkItemRow.id)
            .where(WorkItemRow.id == task_id)
        )
        if lock:
            query = query.with_for_update(of=CaseRow)
        found = session.execute(query).one_or_none()
        if found is None:
            raise TaskGone()
        item, row, desk = found
        if lock and item.closed_at is None:
            # The row of the task was read before the lock was granted; look again behind it.
            session.refresh(item)
        if item.closed_at is not None:
            raise TaskGone()
        key = self._stepper.around().keyring.case_key(str(row.id), row.key)
        return _Looked(item, row, self._desk.read(key, desk))

    @staticmethod
    def _ready(opened: OpenCase, task_id: UUID) -> Task:
        task = opened.run.get_task_from_id(task_id)
        if task is None or task.state != TaskState.READY or not task.task_spec.manual:
            raise TaskGone()
        return task

    @staticmethod
    def _may_see(item: WorkItemRow, actor: Actor) -> None:
        if item.lane not in STAFF_LANES:
            allowed = item.lane in actor.roles and item.owner == actor.id
        else:
            allowed = item.lane in actor.roles and (not actor.branches or item.branch in actor.branches)
        if not allowed:
            raise NotYours()

    def _may_act(self, item: WorkItemRow, actor: Actor) -> None:
        self._may_see(item, actor)
        if item.lane in STAFF_LANES and item.claimed_by != actor.label:
            raise AlreadyClaimed() if item.claimed_by else NotClaimed()

    @staticmethod
    def _four_eyes(opened: OpenCase, task: Task, actor: Actor) -> None:
        others = spiff.properties(task.task_spec).get("notBy", "")
        for element in filter(None, (e.strip() for e in others.split(","))):
            if opened.run.doers.get(element) == actor.label:
                raise FourEyes()

    @staticmethod
    def _variable(task: Task) -> str:
        return str((task.task_spec.extensions or {}).get("variableName") or task.task_spec.name)

    def _previous(self, task: Task) -> dict[str, Any]:
        """Return the answers accepted on this page before; forms trust them, so nothing unjudged is here."""
        found = task.data.get(self._variable(task))
        return {k: v for k, v in found.items() if k != "_held"} if isinstance(found, dict) else {}

    def _kept(self, task: Task) -> Mapping[str, Any]:
        found = task.data.get(f"kept_{self._variable(task)}")
        return found if isinstance(found, dict) else {}

    def _held(self, task: Task, laid: Laid) -> dict[str, Any]:
        """Return what the server holds for a page; what was held before stands in for what is not there yet."""
        accepted = task.data.get(self._variable(task))
        before = accepted.get("_held", {}) if isinstance(accepted, dict) else {}
        return {**before, **self._kept(task).get("held", {}), **laid.held}

    def _context(
        self,
        opened: OpenCase,
        task: Task,
        held: Mapping[str, Any],
        verdicts: Mapping[str, Verdict],
        mode: str,
    ) -> forms.Context:
        process = opened.release.processes[opened.row.type]
        previous = self._previous(task)
        return forms.Context(
            today=clock.shanghai(opened.now).date(),
            now=opened.now,
            data=task.data,
            held=held,
            previous=previous,
            settings=self._stepper.around().parameters.view,
            verdicts=verdicts,
            mode=mode,  # type: ignore[arg-type]
            business=process.business_type,
        )

    def _check(
        self, opened: OpenCase, task: Task, actor: Actor, first: forms.Accepted, held: Mapping[str, Any]
    ) -> dict[str, Verdict]:
        """Run the checks the page asks for, outside any transaction."""
        if not first.checks:
            return {}
        around = self._stepper.around()
        query = CheckQuery(
            first.answers, held, self._previous(task), task.data,
            facts_of(opened.row), opened.key, task.id, actor, opened.now, around,
        )  # fmt: skip
        return {name: self._stepper.catalogue.checks[name](query) for name in first.checks}

    @staticmethod
    def _way_back(opened: OpenCase, task: Task) -> list[str] | None:
        path = opened.run.path(task)
        trail = opened.run.trail
        if spiff.properties(task.task_spec).get("back") is None and path not in trail:
            return None
        before = trail[: trail.index(path)] if path in trail else trail
        return before[-1] if before else None

    def _case_of(self, opened: OpenCase) -> Case:
        mine = [
            t.id
            for t in opened.run.people()
            if self._stepper._lane(t) == "customer" and opened.row.owner == opened.actor.id
        ]
        return Case(
            facts_of(opened.row), mine[0] if mine else None, opened.row.closed_at, opened.row.changed_at
        )

    def _case(self, session: Session, row: CaseRow, actor: Actor) -> Case:
        task_id = session.scalar(
            select(WorkItemRow.id).where(
                WorkItemRow.case_id == row.id,
                WorkItemRow.closed_at.is_(None),
                WorkItemRow.lane == "customer",
                WorkItemRow.owner == actor.id,
            )
        )
        return Case(facts_of(row), task_id, row.closed_at, row.changed_at)


def may_see_case(row: CaseRow, actor: Actor) -> bool:
    """Whether a case is this customer's own, or in the branches of this member of staff."""
    if actor.kind == "customer":
        return row.owner == actor.id
    if actor.kind == "staff":
        return row.company == actor.company and (not actor.branches or row.branch in actor.branches)
    return actor.kind == "system"
