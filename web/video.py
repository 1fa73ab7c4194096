"""视频见证 on the customer's page (P12 to P14): consent, the queue, whose window the call belongs to."""

import re
from collections.abc import Callable
from uuid import UUID

import structlog
from flask import Blueprint, flash, jsonify, redirect, render_template, url_for

from engine import NotYours, TaskGone, TaskView, clock
from engine.desk import Held
from handlers.video.witnessing import CONSENT
from web import current, tasks
from web import video_shown as pages
from web.security import wants_json
from web.video_answers import CHANGED, NO_CONSENT, Answer, Refused, guarded, sent
from web.video_report import report

log = structlog.get_logger("web")
video = Blueprint("video", __name__, url_prefix="/me/tasks/<uuid:task_id>/video")

#: What a window may call itself.
SEAT = re.compile(r"[\w-]{1,64}", re.ASCII)


@video.get("")
def look(task_id: UUID) -> Answer:
    """Tell where the customer stands: a script gets figures, or the part of the page to show."""
    now = pages.state(task_id)
    if wants_json():
        return jsonify(pages.told(now))
    component = None
    if now.panel in {"consent", "check"}:
        try:
            component = pages.the_question(tasks.open_task(task_id))
        except (TaskGone, NotYours):
            now = pages.state(task_id)
    return render_template("video_panel.html", witness=pages.shown(now, task_id, component))


@video.post("/consent")
def consent(task_id: UUID) -> Answer:
    """Keep the separate consent with version and time (domain 3.13)."""
    agreed, version = sent("agreed"), sent("version")

    def agree(view: TaskView) -> None:
        component = pages.the_question(view)
        if agreed not in ("true", "on", True):
            raise Refused(NO_CONSENT, "no_consent", 422)
        if version != pages.version(component):
            raise Refused(CHANGED, "changed")
        kept = {"version": version, "sha256": pages.digest(component), "agreed_at": clock.now().isoformat()}
        current.engine().cases.note(view.case.id, current.person(), "video.consented", kept)

        def lay(desk: Held) -> None:
            desk.held[CONSENT] = kept

        current.engine().desk.hold(task_id, current.person(), lay)

    return _do(task_id, agree)


@video.post("/enter")
def enter(task_id: UUID) -> Answer:
    """开始视频通话: take a place in the queue (R-161)."""

    def queue(view: TaskView) -> None:
        component = pages.the_question(view)
        given = view.held.get(CONSENT)
        if not isinstance(given, dict) or given.get("version") != pages.version(component):
            raise Refused(NO_CONSENT, "no_consent")
        found = report(sent("report"))
        current.web().queue.enter(view.case, task_id, report=found)
        _sit(task_id)

    return _do(task_id, queue)


@video.post("/leave")
def leave(task_id: UUID) -> Answer:
    """取消排队, or 挂断."""
    now, web = pages.state(task_id), current.web()
    with web.engine.database.reading() as session:
        ticket = now.ticket
        call = (
            web.queue.call(session, ticket.id, ticket.epoch) if ticket is not None and ticket.open else None
        )
    web.queue.leave(now.case.id, current.person().id)
    if call is not None:
        web.calls.close(call.id)
    return _answer(task_id)


@video.post("/beat")
def beat(task_id: UUID) -> Answer:
    """A page's sign of life, every few seconds; tells whether there is something new to show."""
    case = current.engine().cases.of_task(task_id, current.person())
    ticket = current.web().queue.beat(case.id, current.person().id)
    if ticket is None or ticket.task_id != task_id:
        return jsonify({"mark": ""})
    return jsonify({"mark": pages.mark_of(ticket)})


@video.post("/seat")
def seat(task_id: UUID) -> Answer:
    """Let the call go on in this window: what another one sends from now on is refused."""
    pages.state(task_id)
    _sit(task_id)
    return _answer(task_id)


def _do(task_id: UUID, act: Callable[[TaskView], None]) -> Answer:
    """Do something at an open page, and show where the customer then stands."""

    def acted() -> Answer:
        act(tasks.open_task(task_id))
        return _answer(task_id)

    try:
        answer = guarded(acted)
    except (TaskGone, NotYours):
        return _answer(task_id)
    if isinstance(answer, tuple) and not wants_json():
        flash(str((answer[0].json or {})["message"]), "warn")  # type: ignore[union-attr]
        return redirect(url_for("tasks.show", task_id=task_id), 303)
    return answer


def _answer(task_id: UUID) -> Answer:
    if wants_json():
        return jsonify(pages.told(pages.state(task_id)))
    return redirect(url_for("tasks.show", task_id=task_id), 303)


def _sit(task_id: UUID) -> None:
    """Note which window the call belongs to from now on."""
    seat = sent("seat")

    def lay(desk: Held) -> None:
        desk.held[pages.SEAT] = seat if isinstance(seat, str) and SEAT.fullmatch(seat) else ""

    try:
        current.engine().desk.work(task_id, lay)
    except TaskGone:
        log.info("nobody sits at a page that is done", task=str(task_id))
