"""A page of a case: what was answered on it, what the server holds for it, and where 上一步 leads."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

import forms
from engine import clock
from engine.desk import Laid
from engine.diagrams import spiff
from engine.errors import FourEyes, TaskGone
from engine.operators import Actor, Verdict
from engine.steps import OpenCase


def ready(opened: OpenCase, task_id: UUID) -> Task:
    """Return a task that waits for a person, or raise TaskGone."""
    task = opened.run.get_task_from_id(task_id)
    if task is None or task.state != TaskState.READY or not task.task_spec.manual:
        raise TaskGone()
    return task


def four_eyes(opened: OpenCase, task: Task, actor: Actor) -> None:
    """Raise FourEyes when this person did what the diagram keeps apart from this task."""
    others = spiff.properties(task.task_spec).get("notBy", "")
    for element in filter(None, (e.strip() for e in others.split(","))):
        if opened.run.doers.get(element) == actor.label:
            raise FourEyes()


def variable(task: Task) -> str:
    """Return the key under which a page's answers are kept."""
    return str((task.task_spec.extensions or {}).get("variableName") or task.task_spec.name)


def previous(task: Task) -> dict[str, Any]:
    """Return the answers accepted on this page before; forms trust them, so nothing unjudged is here."""
    found = task.data.get(variable(task))
    return {k: v for k, v in found.items() if k != "_held"} if isinstance(found, dict) else {}


def kept(task: Task) -> Mapping[str, Any]:
    """Return what lay on the page when the customer went back from it: ``typed``, unjudged, and ``held``."""
    found = task.data.get(f"kept_{variable(task)}")
    return found if isinstance(found, dict) else {}


def held_by(task: Task, laid: Laid) -> dict[str, Any]:
    """Return what the server holds for a page; what was held before stands in for what is not there yet."""
    accepted = task.data.get(variable(task))
    before = accepted.get("_held", {}) if isinstance(accepted, dict) else {}
    return {**before, **kept(task).get("held", {}), **laid.held}


def way_back(opened: OpenCase, task: Task) -> list[str] | None:
    """Return where 上一步 leads from a page: the path of the page done before it, or None."""
    path = opened.run.path(task)
    trail = opened.run.trail
    if spiff.properties(task.task_spec).get("back") is None and path not in trail:
        return None
    before = trail[: trail.index(path)] if path in trail else trail
    return before[-1] if before else None


def context(
    opened: OpenCase,
    task: Task,
    held: Mapping[str, Any],
    verdicts: Mapping[str, Verdict],
    mode: forms.Mode,
    settings: Mapping[str, Any],
) -> forms.Context:
    """Return what a form may look at while it is shown or judged for this task."""
    process = opened.release.processes[opened.row.type]
    return forms.Context(
        today=clock.shanghai(opened.now).date(),
        now=opened.now,
        data=task.data,
        held=held,
        previous=previous(task),
        settings=settings,
        verdicts=verdicts,
        mode=mode,
        business=process.business_type,
    )
