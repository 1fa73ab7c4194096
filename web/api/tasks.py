"""Routes of tasks: the inbox, one task, and what a person does with it. For people's tokens only."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

import orjson
from apiflask import APIBlueprint

from engine import Filters, TaskGone
from engine.inbox import Place
from handlers import roles
from web import comparison, current
from web.api import access
from web.api.models import (
    AnswersIn,
    CaseOut,
    Compared,
    CompleteQuery,
    ErrorAt,
    TaskOut,
    TaskRow,
    TasksOut,
    TasksQuery,
    case_out,
)
from web.api.openapi import refuses
from web.api.problems import Refused
from web.api.schemas import misfits, schema_of

tasks = APIBlueprint("tasks", __name__, tag="tasks")


@tasks.get("/tasks")
@tasks.input(TasksQuery, location="query", arg_name="asked")
@tasks.output(TasksOut)
@tasks.doc(operation_id="listTasks", responses=refuses("invalid"))
def inbox(asked: TasksQuery) -> TasksOut:
    """List what waits for the token's roles, in its branches, most urgent first."""
    filters = Filters(
        types=frozenset(asked.type),
        branches=frozenset(asked.branch),
        flags=frozenset(asked.flag),
        older_than=timedelta(minutes=asked.older_than) if asked.older_than else None,
        whose=asked.whose,
    )
    found = current.engine().inbox.list(access.actor(), filters, asked.limit + 1, after=_place(asked.cursor))
    page = found[: asked.limit]
    last = page[-1] if len(found) > asked.limit else None
    return TasksOut(
        tasks=tuple(TaskRow.of(row) for row in page),
        next=_cursor(Place(last.due_at, last.opened_at, last.task_id)) if last else None,
    )


@tasks.get("/tasks/<uuid:task_id>")
@tasks.output(TaskOut)
@tasks.doc(operation_id="showTask", responses=refuses("not-found", "task-gone"))
def show(task_id: UUID) -> TaskOut:
    """Show one task: what to answer, what to begin with, and what the customer changed.

    The look is written into the case's journal before anything is shown.
    """
    engine, actor = current.engine(), access.actor()
    with _known(task_id):
        view = engine.cases.task(task_id, actor)
    engine.cases.note(view.case.id, actor, "task.seen", {"element": view.element})
    schema = schema_of(view)
    rows = comparison.rows(engine.cases.release_of(view.case.id), view.case, view.data)
    return TaskOut(
        id=task_id,
        case=_case(view.case.id),
        element=view.element,
        lane=view.lane,
        title=view.title,
        form_schema=schema,
        answers={key: value for key, value in view.answers.items() if key in schema["properties"]},
        comparison=tuple(Compared(label=r.label, old=r.old, new=r.new, changed=r.changed) for r in rows),
        revision=view.revision,
        claimed_by=view.claimed_by,
        due_at=view.due_at,
    )


@tasks.post("/tasks/<uuid:task_id>/claim")
@tasks.output(CaseOut)
@tasks.doc(
    operation_id="claimTask",
    responses=refuses("not-found", "four-eyes", "task-gone", "already-claimed", "conflict"),
)
def claim(task_id: UUID) -> CaseOut:
    """Take a task; nobody else can do it then."""
    with _known(task_id):
        return _case(current.engine().cases.claim(task_id, access.actor()).id)


@tasks.post("/tasks/<uuid:task_id>/release")
@tasks.output(CaseOut)
@tasks.doc(operation_id="releaseTask", responses=refuses("not-found", "task-gone", "not-claimed", "conflict"))
def release(task_id: UUID) -> CaseOut:
    """Put a task back for somebody else."""
    engine, actor = current.engine(), access.actor()
    with _known(task_id):
        engine.cases.task(task_id, actor)
        return _case(engine.cases.release(task_id, actor).id)


@tasks.post("/tasks/<uuid:task_id>/complete")
@tasks.input(AnswersIn, arg_name="answers")
@tasks.input(CompleteQuery, location="query", arg_name="asked")
@tasks.output(CaseOut)
@tasks.doc(
    operation_id="completeTask",
    responses=refuses(
        "not-found",
        "four-eyes",
        "task-gone",
        "already-claimed",
        "not-claimed",
        "elsewhere-changed",
        "conflict",
        "too-large",
        "unsupported-media-type",
        "invalid",
        "counter-down",
    ),
)
def complete(task_id: UUID, answers: AnswersIn, asked: CompleteQuery) -> CaseOut:
    """Answer a task, as its `form_schema` says.

    A 422 names every question to correct; a warning may instead be confirmed by its code under `confirm`.
    """
    engine, actor = current.engine(), access.actor()
    with _known(task_id):
        wrong = misfits(schema_of(engine.cases.task(task_id, actor)), answers.root)
        if wrong:
            raise Refused("invalid", wrong)
        return _case(engine.cases.complete(task_id, actor, answers.root, asked.revision).id)


@contextmanager
def _known(task_id: UUID) -> Iterator[None]:
    """Tell a task that is done from one that never was, or that lies outside this token's branches."""
    try:
        yield
    except TaskGone:
        current.engine().cases.of_task(task_id, access.actor())
        raise


def _case(case_id: UUID) -> CaseOut:
    actor = access.actor()
    case = current.engine().cases.of(case_id, actor)
    return case_out(case, address=current.web().settings.address, reviews=roles.may(actor, "case.see"))


def _cursor(place: Place) -> str:
    due = place.due_at.isoformat() if place.due_at else None
    told = orjson.dumps([due, place.opened_at.isoformat(), str(place.task_id)])
    return urlsafe_b64encode(told).decode().rstrip("=")


def _place(cursor: str) -> Place | None:
    if not cursor:
        return None
    try:
        due, opened, task = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return Place(_moment(due) if due is not None else None, _moment(opened), UUID(task))
    except (ValueError, TypeError, AttributeError):
        error = ErrorAt(
            pointer="",
            field="cursor",
            message="请使用上一页返回的 next (use next of the page before)",
            code="cursor",
            level="error",
        )
        raise Refused("invalid", [error]) from None


def _moment(written: str) -> datetime:
    found = datetime.fromisoformat(written)
    if found.tzinfo is None:
        raise ValueError("a moment without a zone")
    return found
