"""Whose call it is: what an agent's page may ask about a call, and what became of one that it lost."""

import secrets
from uuid import UUID

from flask import abort, flash, jsonify, redirect, request, url_for

from engine.desk import Held
from handlers.video.errors import VideoRefused
from handlers.video.witnessing import WitnessView
from handlers.video.workplace import Seen
from web import current, security, witness_words
from web.i18n import gettext
from web.witness_desk import Answer, refusal, sent

NOT_NOW = "该业务的状态已变化，通话不能继续，请返回坐席工作台"
ELSEWHERE = "该通话已在您的另一个窗口继续"
#: Where the customer's desk keeps which window of the agent the call belongs to: the one opened last.
SEAT = "witness_seat"
SDP = "application/sdp"


def whereabouts(ticket_id: UUID) -> str:
    """Return what became of a call that this person does not have (any more), in words."""
    seen = seen_of(ticket_id)
    if seen.agent is not None:
        return gettext("该客户正由其他坐席接听") if str(seen.agent) != current.person().id else NOT_NOW
    if seen.state == "waiting":
        return gettext("该通话已由系统收回，客户已回到排队，可由任一坐席继续")
    words = witness_words.OUTCOMES.get(seen.state) or gettext("客户已离开")
    return gettext("该通话已结束：%(outcome)s", outcome=gettext(words))


def seen_of(ticket_id: UUID) -> Seen:
    """Return a ticket of this person's branches; 404 for any other."""
    found = current.web().workplace.ticket(ticket_id, current.person())
    if found is None:
        abort(404)
    return found


def view_of(ticket_id: UUID) -> WitnessView:
    """Return the call as this agent sees it; epoch and window, where a page tells them, must still hold."""
    seen_of(ticket_id)
    view = current.web().witnessing.view(ticket_id, current.person())
    if (told := sent("epoch")) is not None and str(told) != str(view.epoch):
        raise VideoRefused(NOT_NOW, "video_moved")
    seat, last = sent("seat"), view.page.held.get(SEAT)
    if seat is not None and last is not None and seat != last:
        raise VideoRefused(ELSEWHERE, "video_elsewhere")
    return view


def sit(view: WitnessView) -> str:
    """Let the call go on in the window that is just being opened; return what it calls itself."""
    seat = secrets.token_urlsafe(9)

    def lay(desk: Held) -> None:
        desk.held[SEAT] = seat

    current.engine().desk.work(view.page.task_id, lay)
    return seat


def moved(ticket_id: UUID, refused: VideoRefused) -> Answer:
    """Answer a command that came to nothing: 409, and what became of the call."""
    elsewhere = refused.code == "video_elsewhere"
    return refusal(refused if elsewhere else VideoRefused(whereabouts(ticket_id), "video_moved"))


def say(words: str, code: str, status: int) -> Answer:
    """Refuse in words: to a script with a status, to a page on the desk."""
    if security.wants_json() or request.mimetype == SDP:
        return jsonify({"message": gettext(words), "code": code}), status
    flash(words, "warn")
    return redirect(url_for("witness_desk.page"), 303)
