"""Reading the agreements (R-094, R-150 to R-153, R-158): opened, read to the end, and when, by our clock.

What is shown is the very version the case lists, filled in as its paper is; the paper can be looked at, too.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from engine import CaseFacts, NotYours, TaskGone, TaskView, clock
from engine.desk import Held
from forms import Component, field_agreement
from handlers import agreements
from web import current, tasks
from web.uploads import sealed_off

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
        component, document, written = _find(view, code)
        progress = _progress(view.held, component, code)
        facts = _facts(view, component, document)
        if not _same(progress, facts):
            facts["again"] = _read_before(view, component, document)

            def opened(desk: Held) -> None:
                _lay(desk, component, code, {**facts, "opened_at": clock.now().isoformat()})

            current.engine().desk.hold(task_id, current.person(), opened)
            progress = facts
    except (TaskGone, NotYours):
        return tasks.whereabouts(task_id)
    return render_template(
        "agreement.html",
        agreement=shown(view.case, view.data, document, written),
        read=bool(progress.get("finished_at")),
        action_url=url_for("reading.finish", task_id=task_id, code=code),
        back_url=url_for("tasks.show", task_id=task_id) + f"#{component.key}",
        dwell=0 if progress.get("again") else LEAST_SECONDS,
        paper=_told(view, component, document, written),
    )


@reading.get("/<code>/paper.pdf")
def paper(task_id: UUID, code: str) -> Response:
    """Give out the paper that will be signed, its hole empty; 404 while it is being written."""
    try:
        view = tasks.open_task(task_id)
    except (TaskGone, NotYours):
        abort(404)
    with current.engine().database.reading() as session:
        written = _paper(session, view, code)
        if written is None:
            abort(404)
        pdf = current.web().papers.pdf(session, view.case_key, written)
    answer = sealed_off(pdf, "application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{code}.pdf"'
    return answer


@reading.post("/<code>")
def finish(task_id: UUID, code: str) -> Response:
    """Note that a document was read to its end."""
    said: list[str] = []
    try:
        view = tasks.open_task(task_id)
        component, document, _ = _find(view, code)

        def read_to_end(desk: Held) -> None:
            progress = _progress(desk.held, component, code)
            now, least = clock.now(), 0 if progress.get("again") else LEAST_SECONDS
            if (
                not _same(progress, _facts(view, component, document))
                or request.form.get("version") != document.version
            ):
                said.append(CHANGED)
            elif (now - datetime.fromisoformat(progress["opened_at"])).total_seconds() < least:
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


def shown(
    facts: CaseFacts,
    data: Mapping[str, Any],
    document: agreements.Document,
    paper: agreements.Paper | None,
    at: datetime | None = None,
) -> dict[str, Any]:
    """Return a document as the reader's page shows it: filled in as its paper is, or as of ``at``."""
    at = paper.made_at if paper is not None else at
    values = current.web().papers.values(document.code, facts, data, at)
    # Filled in within a sandbox, and nothing but a few plain elements came through.
    body = Markup(agreements.templates.render(document, values))  # noqa: S704  # nosec B704
    return {"code": document.code, "title": document.title, "version": document.version, "body": body}


def _find(view: TaskView, code: str) -> tuple[Component, agreements.Document, agreements.Paper | None]:
    """Return the question that asks for a document, the document, and its paper if there is one; or 404.

    A listed document is shown in the version that is listed, since that is what its paper holds.
    """
    agreed, on = current.web().agreements, clock.today()
    with current.engine().database.reading() as session:
        try:
            for component in view.form.walk():
                for one in field_agreement.needed(view.data) if component.type == "agreements" else ():
                    if code == one.get("code"):
                        document = agreed.exact(
                            session, code, str(one.get("version")), str(one.get("sha256"))
                        )
                        return component, document, _paper(session, view, code)
                if component.type == "agreement" and not component.text and code == _asks_for(component):
                    kind = _account_type(view)
                    standing = agreed.in_force(session, code, on, type=view.case.type, account_type=kind)
                    return component, standing, None
        except agreements.UnknownDocument as unknown:
            raise NotFound from unknown
    raise NotFound


def _asks_for(component: Component) -> str:
    return str(component.properties.get("document") or component.key)


def _paper(session: Session, view: TaskView, code: str) -> agreements.Paper | None:
    content = str((view.data.get("agreements") or {}).get("content") or "")
    return current.web().papers.of(session, view.case.id, content).get(code) if content else None


def _account_type(view: TaskView) -> str:
    return str((view.data.get("profile") or {}).get("account_type") or "")


def _told(
    view: TaskView, component: Component, document: agreements.Document, paper: agreements.Paper | None
) -> dict[str, Any] | None:
    """Return what the page says of a paper: where it is and its fingerprint, or why there is none yet."""
    if component.type != "agreements":
        return None
    if paper is None:
        return {"lacking": current.web().papers.lacking(view.case, view.data, document)}
    digest = paper.digest.hex()
    return {
        "url": url_for("reading.paper", task_id=view.task_id, code=paper.code),
        "digest": digest,
        "fingerprint": " ".join(digest[i : i + 4] for i in range(0, 16, 4)),
    }


def _facts(view: TaskView, component: Component, document: agreements.Document) -> dict[str, Any]:
    """Return what was read: the version of the text, and for what is signed the paper's content."""
    read = {
        "code": document.code,
        "title": document.title,
        "version": document.version,
        "sha256": document.sha256,
    }
    if field_agreement.by_certificate(component):
        read["content"] = field_agreement.content_of(view.data)
    return read


def _read_before(view: TaskView, component: Component, document: agreements.Document) -> bool:
    """Whether the same text was read to its end in this case: then only its last page is new."""
    held = view.held.get(component.key)
    now = held.get(document.code) if isinstance(held, Mapping) else None
    listed = view.context.previous.get("documents")
    every = [now, *(listed if isinstance(listed, list) else [])]
    return any(
        isinstance(one, Mapping)
        and one.get("code") == document.code
        and one.get("sha256") == document.sha256
        and bool(one.get("finished_at") or one.get("read_at"))
        for one in every
    )


def _progress(held: Mapping[str, Any], component: Component, code: str) -> Mapping[str, Any]:
    at = held.get(component.key)
    found = at.get(code) if isinstance(at, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _same(progress: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    return all(progress.get(name) == facts.get(name) for name in ("version", "sha256", "content"))


def _lay(desk: Held, component: Component, code: str, progress: Mapping[str, Any]) -> None:
    there = desk.held.get(component.key)
    desk.held[component.key] = {**(there if isinstance(there, Mapping) else {}), code: dict(progress)}
