"""Cases: what customers and staff do to them.

Every public method is one step (see ``engine.steps``), or only looks. The order inside ``complete`` is
the product's promise: look → judge what can be judged → run checks → lock → the task must still be
ready and this person's → consume what may be used only once → judge everything → assign under one key →
run on → save.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import orjson
import structlog
from SpiffWorkflow.bpmn import BpmnEvent
from SpiffWorkflow.spiff.specs.event_definitions import MessageEventDefinition
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

import forms
from engine import clock, pages
from engine.access import may_see_case, must_act, must_see
from engine.diagrams import spiff, state
from engine.errors import (
    AlreadyClaimed,
    ElsewhereChanged,
    EngineError,
    MessageRefused,
    NotClaimed,
    NotYours,
    NoWayBack,
    Runaway,
    TaskGone,
    UnknownCase,
    UnknownProcess,
)
from engine.operators import Actor, CheckQuery, Verdict
from engine.releases import Release
from engine.steps import OpenCase, facts_of
from engine.store.journal import START, JournalEntry
from engine.store.tables import CaseRow, DeskRow, WorkItemRow
from engine.views import Case, Looked, Views
from forms import masks
from forms.expressions import compile_expression

log = structlog.get_logger("engine")

#: Where a case's line for lists is sealed.
SUMMARY = "case.summary"


class Cases(Views):
    """Starts cases, completes their tasks, goes back, withdraws."""

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
                open_one = self._open_one(session, open_key, owner, actor)
                if open_one is not None:
                    return open_one
                return self._start(session, release, type, owner, branch, actor, dict(data), open_key)
        except IntegrityError:
            # Two starts at once: the other one won the open key.
            with self._database.reading() as session:
                open_one = self._open_one(session, open_key, owner, actor)
            if open_one is None:
                raise
            return open_one

    def _open_one(self, session: Session, open_key: str | None, owner: str, actor: Actor) -> Case | None:
        if open_key is None:
            return None
        row = session.scalar(select(CaseRow).where(CaseRow.open_key == open_key))
        if row is None:
            return None
        if row.owner != owner:
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
            must_act(looked.item, looked.row, actor)
            task = pages.ready(opened, task_id)
            pages.four_eyes(opened, task, actor)
        form = opened.release.form(looked.item.form)
        held = pages.held_by(task, looked.laid)
        first = forms.judge(form, posted, self._context(opened, task, held, {}, "local"))
        verdicts = self._check(opened, task, actor, first, held)
        try:
            with self._database.transaction() as session:
                return self._complete(session, task_id, actor, posted, verdicts, revision)
        except (EngineError, forms.AnswersRejected) as refused:
            if isinstance(refused, Runaway):
                self._broke(looked, actor, refused)
            raise
        except Exception as broken:
            self._broke(looked, actor, broken)
            raise

    def _complete(
        self,
        session: Session,
        task_id: UUID,
        actor: Actor,
        posted: Mapping[str, Any],
        verdicts: Mapping[str, Verdict],
        revision: int | None,
    ) -> Case:
        looked = self._look(session, task_id, lock=True)
        must_act(looked.item, looked.row, actor)
        if revision is not None and looked.laid.elsewhere(actor, revision):
            raise ElsewhereChanged()
        opened = self._stepper.open_row(session, looked.row, actor)
        task = pages.ready(opened, task_id)
        pages.four_eyes(opened, task, actor)
        final = {name: v.consume(session) if v.ok and v.consume else v for name, v in verdicts.items()}
        held = pages.held_by(task, looked.laid)
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
        variable = pages.variable(task)
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

    def _broke(self, looked: Looked, actor: Actor, error: Exception) -> None:
        """Write down that a diagram could not go on; the step itself left nothing behind."""
        facts = {"element": looked.item.element, "error": type(error).__name__}
        log.error("step broke", case=str(looked.row.id), task=str(looked.item.id), **facts)
        try:
            self.note(looked.row.id, actor, "step.broken", facts)
        except SQLAlchemyError:
            log.exception("a broken step could not be written down", case=str(looked.row.id))

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
        :raises forms.AnswersRejected: what was typed holds something no browser sends.
        """
        forms.look_through(typed or {})
        with self._database.transaction() as session:
            looked = self._look(session, task_id, lock=True)
            must_act(looked.item, looked.row, actor)
            opened = self._stepper.open_row(session, looked.row, actor)
            task = pages.ready(opened, task_id)
            path = pages.way_back(opened, task)
            if path is None:
                raise NoWayBack("this is the first page")
            data = dict(task.data)
            variable = pages.variable(task)
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

    def message(self, case_id: UUID, name: str, actor: Actor, *, if_idle: bool = False) -> Case:
        """Send a case a message its diagram waits for, such as ``withdraw``.

        :param if_idle: only when one of its pages is untouched for as long as it may be.
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
            if if_idle and not self._is_idle(session, case_id, opened):
                raise MessageRefused("somebody has just gone on with it")
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

    @staticmethod
    def _is_idle(session: Session, case_id: UUID, opened: OpenCase) -> bool:
        idle = select(WorkItemRow.id).where(
            WorkItemRow.case_id == case_id, WorkItemRow.closed_at.is_(None), WorkItemRow.idle_at <= opened.now
        )
        return session.scalar(idle.limit(1)) is not None

    def claim(self, task_id: UUID, actor: Actor) -> Case:
        """Take a task out of the common inbox; nobody else can do it then (R-202).

        :raises AlreadyClaimed: somebody else was first.
        """
        with self._database.transaction() as session:
            looked = self._look(session, task_id, lock=True)
            must_see(looked.item, looked.row, actor)
            if actor.kind != "staff":
                raise NotYours()
            opened = self._stepper.open_row(session, looked.row, actor)
            task = pages.ready(opened, task_id)
            pages.four_eyes(opened, task, actor)
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
            must_see(looked.item, looked.row, actor)
            if looked.item.claimed_by != actor.label:
                raise NotClaimed()
            opened = self._stepper.open_row(session, looked.row, actor)
            task = pages.ready(opened, task_id)
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

    def _check(
        self, opened: OpenCase, task: Task, actor: Actor, first: forms.Accepted, held: Mapping[str, Any]
    ) -> dict[str, Verdict]:
        """Run the checks the page asks for, outside any transaction."""
        if not first.checks:
            return {}
        around = self._stepper.around()
        query = CheckQuery(
            first.answers, held, pages.previous(task), task.data,
            facts_of(opened.row), opened.key, task.id, actor, opened.now, around,
        )  # fmt: skip
        return {name: self._stepper.catalogue.checks[name](query) for name in first.checks}
