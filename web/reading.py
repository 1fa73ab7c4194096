"""Reading the agreements (R-094, R-150 to R-153, R-158): opened, read to the end, and when, by our clock."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from engine import NotYours, TaskGone, TaskView, clock
from engine.desk import Held
from forms import Component, field_agreement
from handlers import agreements
from web import current, tasks

reading = Blueprint("reading", __name__, url_prefix="/me/tasks/<uuid:task_id>/agreements")

#: Least time between opening a document and having read it, in seconds; the end must be reached, too.
LEAST_SECONDS = 3
TOO_SOON = "请阅读至文末后再确认"
CHANGED = "协议已更新，请重新阅读"


@reading.get("/<code>")
def read(task_id: UUID, code: str) -> Response | str:
    """Open a document and note that it was opened."""
    try:
        view = tasks.open_task(task_id)
        component, document = _find(view, code)
        progress = _progress(view.held, component, code)
        if not _same(progress, document):

            def opened(desk: Held) -> None:
                _lay(desk, component, code, {**_facts(document), "opened_at": clock.now().isoformat()})

            current.engine().desk.hold(task_id, current.person(), opened)
            progress = {}
    except (TaskGone, NotYours):
        return tasks.whereabouts(task_id)
    # Our own text, versioned with the product; nobody outside can change it.
    body = Markup(document.html)  # noqa: S704  # nosec B704
    return render_template(
        "agreement.html",
        agreement={"code": code, "title": document.title, "version": document.version, "body": body},
        read=bool(progress.get("finished_at")),
        action_url=url_for("reading.finish", task_id=task_id, code=code),
        back_url=url_for("tasks.show", task_id=task_id) + f"#{component.key}",
        dwell=LEAST_SECONDS,
    )


@reading.post("/<code>")
def finish(task_id: UUID, code: str) -> Response:
    """Note that a document was read to its end."""
    said: list[str] = []
    try:
        view = tasks.open_task(task_id)
        component, document = _find(view, code)

        def read_to_end(desk: Held) -> None:
            progress = _progress(desk.held, component, code)
            now = clock.now()
            if not _same(progress, document) or request.form.get("version") != document.version:
                said.append(CHANGED)
            elif (now - datetime.fromisoformat(progress["opened_at"])).total_seconds() < LEAST_SECONDS:
                said.append(TOO_SOON)
            elif not progress.get("finished_at"):
                _lay(desk, component, code, {**progress, "finished_at": now.isoformat()})

        current.engine().desk.hold(task_id, current.person(), read_to_end)
    except (TaskGone, NotYours):
        return tasks.whereabouts(task_id)
    if said:
        flash(said[0], "warn")
        return redirect(url_for("reading.read", task_id=task_id, code=code), 303)
    return redirect(url_for("tasks.show", task_id=task_id) + f"#{component.key}", 303)


def _find(view: TaskView, code: str) -> tuple[Component, agreements.Document]:
    """Return the question that asks for a document, and the document in force; 404 when none does."""
    for component in view.form.walk():
        if component.type == "agreements":
            listed = {str(one.get("code")) for one in field_agreement.needed(view.data)}
        elif component.type == "agreement" and not component.text:
            listed = {str(component.properties.get("document") or component.key)}
        else:
            continue
        if code in listed:
            try:
                return component, agreements.document(code)
            except agreements.UnknownDocument:
                break
    raise NotFound


def _facts(document: agreements.Document) -> dict[str, Any]:
    return {
        "code": document.code,
        "title": document.title,
        "version": document.version,
        "sha256": document.sha256,
    }


def _progress(held: Mapping[str, Any], component: Component, code: str) -> Mapping[str, Any]:
    at = held.get(component.key)
    found = at.get(code) if isinstance(at, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _same(progress: Mapping[str, Any], document: agreements.Document) -> bool:
    return progress.get("version") == document.version and progress.get("sha256") == document.sha256


def _lay(desk: Held, component: Component, code: str, progress: Mapping[str, Any]) -> None:
    there = desk.held.get(component.key)
    desk.held[component.key] = {**(there if isinstance(there, Mapping) else {}), code: dict(progress)}
