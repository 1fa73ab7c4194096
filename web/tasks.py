"""One task of a customer's case: the same pages for every type (P05 to P10).

The server holds the current step. A request for any other shows the current one with a short notice,
never an error, and loses nothing (R-036).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, abort, flash, g, jsonify, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

import forms
from engine import Case, ElsewhereChanged, NotYours, NoWayBack, TaskGone, TaskView, UnknownCase, clock
from forms import field_validity
from web import current, naming, phone_codes, to_sign, video_shown

log = structlog.get_logger("web")
tasks = Blueprint("tasks", __name__, url_prefix="/me/tasks")

MOVED = "已为您转到当前步骤"
ELSEWHERE = "该业务已在其他设备上继续办理"
IN_QUEUE = "您正在排队或通话，如需返回上一步，请先取消排队或挂断"
#: Most fields of a draft that are read, and the longest of them, in characters.
MOST_FIELDS, LONGEST_FIELD = 1000, 20_000


@tasks.get("/<uuid:task_id>")
def show(task_id: UUID) -> Response | str:
    """Show a task, or where its case has got to."""
    try:
        view = open_task(task_id)
    except (TaskGone, NotYours):
        return whereabouts(task_id)
    return page(view)


@tasks.post("/<uuid:task_id>")
def answer(task_id: UUID) -> Response | tuple[str, int]:
    """Complete a task from its page: on to the next one, or what to correct."""
    person = current.person()
    try:
        view = open_task(task_id)
        posted = forms.from_html(view.form, request.form)
        case = current.engine().cases.complete(task_id, person, posted, revision=_revision())
    except forms.AnswersRejected as rejected:
        return page(_keep(view, posted, rejected), rejected.problems), 422
    except ElsewhereChanged:
        flash(ELSEWHERE, "warn")
        return redirect(url_for("tasks.show", task_id=task_id), 303)
    except (TaskGone, NotYours):
        return whereabouts(task_id)
    return onward(case)


@tasks.post("/<uuid:task_id>/back")
def back(task_id: UUID) -> Response:
    """上一步: keeps everything that was typed, judged or not (R-037)."""
    try:
        view = open_task(task_id)
        if video_shown.holds_a_place(view):
            flash(IN_QUEUE, "warn")
            return redirect(url_for("tasks.show", task_id=task_id), 303)
        typed = _typed(view, forms.from_html(view.form, request.form))
        case = current.engine().cases.back(task_id, current.person(), typed)
    except NoWayBack:
        return redirect(url_for("tasks.show", task_id=task_id), 303)
    except (TaskGone, NotYours):
        return whereabouts(task_id)
    return onward(case)


@tasks.post("/<uuid:task_id>/draft")
def draft(task_id: UUID) -> Response | tuple[Response, int]:
    """Save what was typed while the customer goes on; 409 when another device went on (A-37)."""
    sent = request.get_json()
    fields, revision = (sent.get("fields"), sent.get("revision")) if isinstance(sent, dict) else (None, None)
    if not isinstance(revision, int) or fields is None or not _are_fields(fields):
        abort(400)
    try:
        view = open_task(task_id)
        typed = _typed(view, forms.from_html(view.form, MultiDict([(k, v) for k, v in fields])))
        number, at = current.engine().desk.save(task_id, current.person(), typed, revision)
    except ElsewhereChanged:
        return jsonify({"message": ELSEWHERE}), 409
    except (TaskGone, NotYours):
        return jsonify({"message": MOVED}), 409
    return jsonify({"revision": number, "time": f"{clock.shanghai(at):%H:%M:%S}"})


@tasks.post("/<uuid:task_id>/read")
def use_read(task_id: UUID) -> Response:
    """Fill in the validity that was read from the card, over what was typed for another one (R-113)."""
    try:
        view = open_task(task_id)
        read = field_validity.read_answer(view.data)
        asked = [one.key for one in view.form.walk() if one.type == "validity-range"]
        if read is not None and asked:
            typed = _typed(view, forms.from_html(view.form, request.form)) | dict.fromkeys(asked, read)
            current.engine().desk.save(task_id, current.person(), typed, view.revision)
    except ElsewhereChanged:
        flash(ELSEWHERE, "warn")
    except (TaskGone, NotYours):
        return whereabouts(task_id)
    return redirect(url_for("tasks.show", task_id=task_id), 303)


@tasks.post("/<uuid:task_id>/code")
def send_code(task_id: UUID) -> Response | tuple[str, int] | str:
    """Send an SMS code to the new phone (R-121, R-125); what was typed stays on the page."""
    try:
        view = open_task(task_id)
    except (TaskGone, NotYours):
        return whereabouts(task_id)
    posted = forms.from_html(view.form, request.form)
    view = _keep(view, posted)
    try:
        sent = phone_codes.send(view, posted)
    except phone_codes.NotSent as not_sent:
        return page(view, [not_sent.problem], resend_in=not_sent.resend_in), not_sent.status
    return page(view, sent_to=sent.masked, resend_in=sent.resend_in)


def open_task(task_id: UUID) -> TaskView:
    """Return a task of whoever asks, with its form as the company shows it."""
    view = current.engine().cases.task(task_id, current.person())
    return replace(view, form=forms.for_company(view.form, view.context, view.answers))


def page(
    view: TaskView, problems: Iterable[forms.Problem] = (), *, sent_to: str = "", resend_in: int = 0
) -> str:
    """Return the page of a task.

    :param sent_to: masked number a code was just sent to; ``resend_in`` seconds until the next.
    """
    here = view.task_id
    why = naming.returned(view.data)
    video = video_shown.of_page(view)
    if video is not None:
        g.microphone = True
    return render_template(
        "task.html",
        view=view,
        steps=naming.steps(view.step, view.data),
        title_line=naming.title_line(view.case.type, view.case.number),
        problems=tuple(problems),
        action_url=url_for("tasks.answer", task_id=here),
        back_url=url_for("tasks.back", task_id=here) if view.can_back else "",
        draft_url=url_for("tasks.draft", task_id=here),
        upload_url=url_for("uploads.upload", task_id=here),
        code_url=url_for("tasks.send_code", task_id=here),
        reading_url=url_for("tasks.show", task_id=here) + "/agreements",
        photo_url=f"/me/cases/{view.case.id}/files",
        on_file_url="/me/on-file",
        read_url=url_for("tasks.use_read", task_id=here),
        handover_url=url_for("handover.offer", task_id=here),
        events_url="/rt/events",
        divisions_url="/divisions.json",
        returned=why.reasons,
        returned_by_agent=why.by_agent,
        note=why.note,
        signing=to_sign.offer(view),
        certificate={
            "url": url_for("installing.issue", task_id=here),
            "rule": current.parameters().certificate_pin,
        },
        video=video,
        autosaved_at=view.saved_at,
        sent_to=sent_to,
        resend_in=resend_in,
    )


def whereabouts(task_id: UUID) -> Response:
    """Lead to where the case of a finished task has got to; 404 when it is nobody's or another's."""
    try:
        case = current.engine().cases.of_task(task_id, current.person())
    except UnknownCase:
        abort(404)
    flash(MOVED, "info")
    return onward(case)


def onward(case: Case) -> Response:
    """Lead to the next page of a case."""
    if case.next_task is not None:
        return redirect(url_for("tasks.show", task_id=case.next_task), 303)
    return redirect(url_for("customer.submitted", case_id=case.id), 303)


def keep_typed(view: TaskView) -> None:
    """Lay what stands on the posted page onto the desk, for whoever goes on with it."""
    _keep(view, forms.from_html(view.form, request.form))


def _revision() -> int | None:
    given = request.form.get("revision", "")
    return int(given) if given.isdecimal() and len(given) < 10 else None


def _are_fields(fields: Any) -> bool:
    """Tell whether a draft is a list of names and short texts."""
    return (
        isinstance(fields, list)
        and len(fields) <= MOST_FIELDS
        and all(
            isinstance(f, list)
            and len(f) == 2
            and all(isinstance(part, str) and len(part) <= LONGEST_FIELD for part in f)
            for f in fields
        )
    )


def _typed(view: TaskView, posted: Mapping[str, Any]) -> dict[str, Any]:
    """Tidy what was typed for keeping: no codes, no keys the form never asked for."""
    try:
        return dict(forms.judge(view.form, posted, replace(view.context, mode="typed")).answers)
    except forms.AnswersRejected as rejected:
        return dict(rejected.answers)


def _keep(
    view: TaskView, posted: Mapping[str, Any], rejected: forms.AnswersRejected | None = None
) -> TaskView:
    """Lay what was typed onto the desk, so that a reload shows it again, and onto the page."""
    typed = _typed(view, posted)
    shown = {**view.answers, **(rejected.answers or posted if rejected else posted)}
    revision = view.revision
    try:
        revision, _ = current.engine().desk.save(view.task_id, current.person(), typed, view.revision)
    except (ElsewhereChanged, TaskGone, NotYours):
        log.info("draft not kept", task=str(view.task_id))
    return replace(view, answers=shown, revision=revision)
