"""Looking at cases: who may see what, and a task ready to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from SpiffWorkflow.task import Task
from sqlalchemy import select
from sqlalchemy.orm import Session

import forms
from engine import clock, pages
from engine.access import may_see_case, must_see
from engine.desk import Desk, Laid
from engine.diagrams import spiff
from engine.errors import TaskGone, UnknownCase
from engine.operators import Actor, CaseFacts, Verdict
from engine.releases import Release
from engine.steps import BLOB, OpenCase, Stepper, data_when_over, facts_of
from engine.store.database import Database
from engine.store.journal import JournalEntry
from engine.store.sealing import CaseKey
from engine.store.tables import CaseRow, DeskRow, WorkItemRow


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
class Looked:
    """A task with its case and what lies on its desk."""

    item: WorkItemRow
    row: CaseRow
    laid: Laid


class Views:
    """What can be seen of cases; :class:`engine.cases.Cases` adds what can be done to them."""

    def __init__(self, database: Database, stepper: Stepper, desk: Desk) -> None:
        self._database = database
        self._stepper = stepper
        self._desk = desk

    def task(self, task_id: UUID, actor: Actor) -> TaskView:
        """Return a task as ``actor`` may see it.

        :raises TaskGone: the task is done; ask for the case's next task instead.
        :raises NotYours: it waits for somebody else.
        """
        with self._database.reading() as session:
            looked = self._look(session, task_id)
            must_see(looked.item, looked.row, actor)
            opened = self._stepper.open_row(session, looked.row, actor)
        task = pages.ready(opened, task_id)
        known = spiff.properties(task.task_spec)
        form = opened.release.form(known.get("form", ""))
        held = pages.held_by(task, looked.laid)
        context = self._context(opened, task, held, {}, "complete")
        answers = forms.prefill(form, context)
        # Unjudged, so only for showing: what was typed before going back, and what lies on the desk.
        answers.update(pages.kept(task).get("typed", {}))
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
            can_back=pages.way_back(opened, task) is not None,
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

    def _look(self, session: Session, task_id: UUID, lock: bool = False) -> Looked:
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
        if lock:
            # Task and desk were read before the lock was granted; look again behind it.
            behind = (
                select(WorkItemRow, DeskRow)
                .outerjoin(DeskRow, DeskRow.task_id == WorkItemRow.id)
                .where(WorkItemRow.id == task_id)
                .execution_options(populate_existing=True)
            )
            item, desk = session.execute(behind).one()
        if item.closed_at is not None:
            raise TaskGone()
        key = self._stepper.around().keyring.case_key(str(row.id), row.key)
        return Looked(item, row, self._desk.read(key, desk))

    def _context(
        self,
        opened: OpenCase,
        task: Task,
        held: Mapping[str, Any],
        verdicts: Mapping[str, Verdict],
        mode: forms.Mode,
    ) -> forms.Context:
        return pages.context(opened, task, held, verdicts, mode, self._stepper.around().parameters.view)

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
