"""Pages that somebody else decides: a customer waits on a page, and staff judge it from elsewhere.

The diagram says so at the user task: ``decidedBy`` names a lane, ``decisionForm`` the form that those
people fill in; its answers become the page's. How the two meet (a queue, a call) is a handler's affair:
it says where the case stands meanwhile, and acts in the same transaction as the decision.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from SpiffWorkflow.task import Task
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

import forms
from engine import pages
from engine.access import may_see_case
from engine.cases import Cases
from engine.diagrams import spiff
from engine.errors import EngineError, NotYours, Runaway, TaskGone, UnknownCase
from engine.operators import Actor, CaseFacts, Verdict
from engine.steps import OpenCase, facts_of
from engine.store.journal import JournalEntry
from engine.store.sealing import CaseKey
from engine.store.tables import CaseRow, DeskRow
from engine.views import Case, Looked, TaskView
from forms.expressions import compile_expression

#: ``within(session, facts, key, answers)``: acts in the decision's transaction; what it returns joins the
#: answers, and whatever it raises undoes everything.
Within = Callable[[Session, CaseFacts, CaseKey, Mapping[str, Any]], Mapping[str, Any]]


class Deciding(Cases):
    """Cases, and what becomes of pages that somebody else decides."""

    def decision(self, task_id: UUID, actor: Actor) -> TaskView:
        """Return such a page as the person sees it who is to decide it: with the form of the decision.

        :raises TaskGone: the page is done.
        :raises NotYours: it is not decided by this person.
        """
        with self._database.reading() as session:
            looked = self._look(session, task_id)
            opened = self._stepper.open_row(session, looked.row, actor)
            task, name = self._decidable(opened, looked, actor)
        form = opened.release.form(name)
        context = self._context(opened, task, {}, {}, "complete")
        return TaskView(
            task_id=task_id,
            case=facts_of(looked.row),
            element=task.task_spec.name,
            lane=spiff.properties(task.task_spec)["decidedBy"],
            step=spiff.properties(task.task_spec).get("step", form.step),
            title=form.title,
            form=forms.for_company(form, context, {}),
            context=context,
            answers=forms.prefill(form, context),
            held=pages.held_by(task, looked.laid),
            revision=looked.laid.revision,
            can_back=False,
            claimed_by=looked.item.claimed_by,
            due_at=looked.item.due_at,
            saved_at=looked.laid.changed_at,
            case_key=opened.key,
        )

    def decide(self, task_id: UUID, actor: Actor, posted: Mapping[str, Any], within: Within) -> Case:
        """Complete a page by the decision of the person whom its diagram names.

        :raises forms.AnswersRejected: something is to be corrected; nothing has changed.
        :raises TaskGone: the page is done.
        :raises NotYours: it is not decided by this person.
        """
        with self._database.reading() as session:
            looked = self._look(session, task_id)
            opened = self._stepper.open_row(session, looked.row, actor)
            task, name = self._decidable(opened, looked, actor)
        first = forms.judge(opened.release.form(name), posted, self._context(opened, task, {}, {}, "local"))
        verdicts = self._check(opened, task, actor, first, {})
        try:
            with self._database.transaction() as session:
                return self._decide(session, task_id, actor, posted, verdicts, within)
        except (EngineError, forms.AnswersRejected) as refused:
            if isinstance(refused, Runaway):
                self._broke(looked, actor, refused)
            raise

    def _decide(
        self,
        session: Session,
        task_id: UUID,
        actor: Actor,
        posted: Mapping[str, Any],
        verdicts: Mapping[str, Verdict],
        within: Within,
    ) -> Case:
        looked = self._look(session, task_id, lock=True)
        opened = self._stepper.open_row(session, looked.row, actor)
        task, name = self._decidable(opened, looked, actor)
        final = {one: v.consume(session) if v.ok and v.consume else v for one, v in verdicts.items()}
        context = self._context(opened, task, {}, final, "complete")
        accepted = forms.judge(opened.release.form(name), posted, context)
        flags = list(dict.fromkeys([*accepted.flags, *(f for v in final.values() for f in v.flags)]))
        answers = {**accepted.answers, **({"flags": flags} if flags else {})}
        answers |= within(session, facts_of(looked.row), opened.key, answers)
        variable = pages.variable(task)
        task.data[variable] = answers
        task.data.pop(f"kept_{variable}", None)
        # Not a step of the customer's: 上一步 never leads back into what another person decided.
        opened.done[task.id] = "done"
        opened.run.doers[task.task_spec.name] = actor.label
        task.run()
        opened.run.trace.append(task.task_spec)
        opened.run.do_engine_steps()
        if looked.laid.revision:
            session.execute(delete(DeskRow).where(DeskRow.task_id == task_id))
        self._stepper.save(opened, "task.decided", task, variable=variable, answers=answers)
        return self._case_of(opened)

    def stand(
        self, session: Session, case_id: UUID, task_id: UUID, state: str | None, actor: Actor
    ) -> CaseFacts:
        """Say where a case stands while one of its pages is dealt with elsewhere, such as ``queued``.

        Locks the case in the caller's transaction.

        :param state: an application state (domain.md 1.13); None: the one its diagram gives the page.
        :raises TaskGone: the page is done.
        """
        row = session.scalar(select(CaseRow).where(CaseRow.id == case_id).with_for_update())
        if row is None:
            raise UnknownCase()
        opened = self._stepper.open_row(session, row, actor)
        task = pages.ready(opened, task_id)
        text = spiff.properties(task.task_spec).get("state", "")
        if state is None and text:
            state = str(compile_expression(text).evaluate({**task.data, "number": row.number}) or "")
        row.state, row.changed_at = state or row.state, opened.now
        facts = {"element": task.task_spec.name, "state": row.state}
        entry = JournalEntry("case.stands", actor.label, facts, None, task.id)
        self._stepper.journal.write(session, row, opened.key, [entry], opened.now)
        session.flush()
        self._stepper.tell(session, row, [str(self._stepper._lane(task))])
        self._stepper.tell_page(session, facts_of(row), task_id)
        return facts_of(row)

    @staticmethod
    def _decidable(opened: OpenCase, looked: Looked, actor: Actor) -> tuple[Task, str]:
        """Return a page and the form it is decided by, if this person may."""
        task = pages.ready(opened, looked.item.id)
        known = spiff.properties(task.task_spec)
        if not known.get("decisionForm"):
            raise TaskGone()
        if known.get("decidedBy") not in actor.roles or not may_see_case(looked.row, actor):
            raise NotYours()
        pages.four_eyes(opened, task, actor)
        return task, known["decisionForm"]
