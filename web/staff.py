"""The desk of staff: the common inbox and the page on which a case is judged (K03, K04).

Whoever takes a task has it alone; two at the same moment, one of them is told who was faster.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

import forms
from engine import (
    Actor,
    AlreadyClaimed,
    CaseFacts,
    ElsewhereChanged,
    Filters,
    FourEyes,
    InboxRow,
    NotClaimed,
    NotYours,
    TaskGone,
    TaskView,
    UnknownCase,
    clock,
)
from forms import field_photo
from web import comparison, current, desk_papers, naming, playback, side_by_side, witness_words, wording
from web.uploads import file_of, sealed_off

log = structlog.get_logger("web")
desk = Blueprint("desk", __name__, url_prefix="/desk")

TAKEN = "该任务已由其他人员领取"
NOT_TAKEN = "请先领取任务，再作出决定"
TWO_PEOPLE = "四眼原则：您已参与过该申请，不能再复核"
DONE = "该任务已处理完成"
DECIDED = "已提交决定"
#: Most rows of one inbox page.
MOST_ROWS = 200
#: Oldest that can be asked for, in hours.
OLDEST = 24 * 365


@desk.get("")
def inbox() -> str:
    """复核任务箱 (R-202)."""
    actor, settings = current.person(), current.parameters()
    running = naming.release()
    types = [{"code": t, "label": naming.business(t)} for t in (running.types if running else ())]
    known = [b.name for b in settings.company.branches]
    branches = [{"code": b, "label": b} for b in known if not actor.branches or b in actor.branches]
    return render_template(
        "inbox.html",
        rows=_rows(actor),
        filters=_asked(),
        types=types,
        branches=branches,
        inbox_url=url_for("desk.inbox"),
        rows_url=url_for("desk.rows"),
    )


@desk.get("/rows")
def rows() -> str:
    """The rows alone, for a page that follows what happens elsewhere."""
    return render_template("inbox_rows.html", rows=_rows(current.person()))


@desk.get("/tasks/<uuid:task_id>")
def show(task_id: UUID) -> Response | str:
    """Show what is to be judged (R-203)."""
    try:
        view = current.engine().cases.task(task_id, current.person())
        current.engine().cases.note(view.case.id, current.person(), "task.seen", {"element": view.element})
        return _page(view)
    except (TaskGone, NotYours):
        return _elsewhere(task_id)


@desk.post("/tasks/<uuid:task_id>")
def decide(task_id: UUID) -> Response | tuple[str, int]:
    """Decide (R-204)."""
    cases, actor = current.engine().cases, current.person()
    try:
        view = cases.task(task_id, actor)
        posted = forms.from_html(view.form, request.form)
        cases.complete(task_id, actor, posted)
    except forms.AnswersRejected as rejected:
        shown = {**view.answers, **posted}
        return _page(replace(view, answers=shown), rejected.problems), 422
    except (AlreadyClaimed, NotClaimed, FourEyes, ElsewhereChanged) as refused:
        flash(_why(refused), "warn")
        return redirect(url_for("desk.show", task_id=task_id), 303)
    except (TaskGone, NotYours):
        return _elsewhere(task_id)
    flash(DECIDED, "ok")
    return redirect(url_for("desk.inbox"), 303)


@desk.post("/tasks/<uuid:task_id>/claim")
def claim(task_id: UUID) -> Response:
    """Take a task out of the common inbox."""
    try:
        current.engine().cases.claim(task_id, current.person())
    except (AlreadyClaimed, FourEyes) as refused:
        flash(_why(refused), "warn")
        return redirect(url_for("desk.inbox"), 303)
    except (TaskGone, NotYours):
        return _elsewhere(task_id)
    return redirect(url_for("desk.show", task_id=task_id), 303)


@desk.post("/tasks/<uuid:task_id>/release")
def release(task_id: UUID) -> Response:
    """Put a task back for somebody else."""
    try:
        current.engine().cases.release(task_id, current.person())
    except NotClaimed:
        flash(TAKEN, "warn")
    except (TaskGone, NotYours):
        return _elsewhere(task_id)
    return redirect(url_for("desk.inbox"), 303)


@desk.get("/cases/<uuid:case_id>/files/<uuid:file_id>")
def photo(case_id: UUID, file_id: UUID) -> Response:
    """Show a picture of a case; every look is written down."""
    answer = file_of(case_id, file_id, current.person())
    current.engine().cases.note(case_id, current.person(), "photo.seen", {"file": str(file_id)})
    return answer


@desk.get("/cases/<uuid:case_id>/on-file/<role>")
def on_file(case_id: UUID, role: str) -> Response:
    """Show a picture that the counter has and the customer kept (R-101); every look is written down."""
    engine, actor = current.engine(), current.person()
    if role not in field_photo.NAMES:
        abort(404)
    try:
        _, _, data = engine.cases.data(case_id, actor)
    except UnknownCase:
        abort(404)
    number = str((data.get("profile") or {}).get("customer_no") or "")
    jpeg = current.web().counter.photo(number, role) if number else None  # type: ignore[arg-type]
    if jpeg is None:
        abort(404)
    engine.cases.note(case_id, actor, "photo.seen", {"on_file": role})
    return sealed_off(jpeg, "image/jpeg")


def _asked() -> dict[str, str]:
    """Return the filters of the address line; what is not one is ignored."""
    return {name: request.args.get(name, "")[:80] for name in ("type", "branch", "age", "who", "flag")}


def _rows(actor: Actor) -> list[dict[str, Any]]:
    asked = _asked()
    age = min(int(asked["age"]), OLDEST) if asked["age"].isdecimal() and len(asked["age"]) < 6 else 0
    filters = Filters(
        types=frozenset(filter(None, [asked["type"]])),
        branches=frozenset(filter(None, [asked["branch"]])),
        flags=frozenset(filter(None, [asked["flag"]])),
        older_than=timedelta(hours=age) if age else None,
        whose=asked["who"] if asked["who"] in {"mine", "free"} else "all",
    )
    names: dict[str, str] = {}
    found = current.engine().inbox.list(actor, filters, MOST_ROWS)
    return [_row(row, actor, clock.now(), names) for row in found]


def _row(row: InboxRow, actor: Actor, now: datetime, names: dict[str, str]) -> dict[str, Any]:
    mine = row.claimed_by == actor.label
    who = ""
    if row.claimed_by is not None and not mine:
        who = names.setdefault(row.claimed_by, "") or comparison.who_of(row.claimed_by)
        names[row.claimed_by] = who
    return {
        "task_id": row.task_id,
        "url": url_for("desk.show", task_id=row.task_id),
        "due_at": row.due_at,
        "due_in": (row.due_at - now).total_seconds() if row.due_at else None,
        "type": naming.subject(row.type),
        "name": row.name,
        "number": row.number,
        "branch": row.branch,
        "flags": row.flags,
        "age": (now - row.opened_at).total_seconds(),
        "who": who,
        "mine": mine,
        "claim_url": url_for("desk.claim", task_id=row.task_id) if row.claimed_by is None else "",
        "release_url": url_for("desk.release", task_id=row.task_id) if mine else "",
    }


def _page(view: TaskView, problems: Iterable[forms.Problem] = ()) -> str:
    engine, actor = current.engine(), current.person()
    running = engine.cases.release_of(view.case.id)
    mine = view.claimed_by == actor.label
    claim = url_for("desk.claim", task_id=view.task_id) if view.claimed_by is None else ""
    due = (view.due_at - clock.now()).total_seconds() if view.due_at else None
    signed = desk_papers.papers(view.case.id)
    return render_template(
        "review.html",
        view=view,
        comparison=side_by_side.compared(view),
        photos=side_by_side.photos(view.case, view.data),
        papers=signed,
        witnessed=playback.witnessed(view.case.id, view.task_id),
        police=witness_words.police(view.data),
        documents=[d for d in _documents(view.data) if d["code"] not in {p["code"] for p in signed}],
        returned=naming.returned(view.data),
        flags=[{"code": f, "text": wording.flag(f)} for f in view.case.flags],
        history=comparison.history(running, view.case, view.case_key, staff=True),
        problems=tuple(problems),
        reasons=naming.reasons(),
        readonly=not mine,
        action_url=url_for("desk.decide", task_id=view.task_id),
        claim_url=claim,
        release_url=url_for("desk.release", task_id=view.task_id) if mine else "",
        back_url=url_for("desk.inbox"),
        head=_head(view.case, view.data) | {"due_in": due},
    )


def _head(facts: CaseFacts, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": naming.subject(facts.type),
        "number": facts.number,
        "name": str((data.get("profile") or {}).get("name") or ""),
        "branch": facts.branch,
        "state": facts.state,
    }


def _documents(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return every document that was agreed to, with version and hash (R-203)."""
    found = list((data.get("consents") or {}).get("documents") or [])
    for answer in (data.get("photos") or {}).values():
        if isinstance(answer, Mapping) and answer.get("agreed"):
            found.append(answer)
    return [
        {"title": str(d.get("title") or d.get("code")).strip("《》"), **{k: d.get(k) for k in _SHOWN}}
        for d in found
    ]


_SHOWN = ("code", "version", "sha256", "agreed_at")


def _why(refused: Exception) -> str:
    words: dict[type[Exception], str] = {AlreadyClaimed: TAKEN, NotClaimed: NOT_TAKEN, FourEyes: TWO_PEOPLE}
    return words.get(type(refused), DONE)


def _elsewhere(task_id: UUID) -> Response:
    """Lead away from a task that is done; 404 for one outside this person's roles and branches."""
    try:
        current.engine().cases.of_task(task_id, current.person())
    except UnknownCase:
        abort(404)
    flash(DONE, "info")
    return redirect(url_for("desk.inbox"), 303)
