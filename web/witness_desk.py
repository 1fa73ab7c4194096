"""坐席工作台 (K01): the agent's own state, who waits in the branches, and the customer who is offered.

The page asks for the next customer by itself while its person is ready; nobody is pushed at a page that
does not live. What the page shows is always what the server holds, so that a reload or a second tab shows
the same (R-173).
"""

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from flask import Blueprint, flash, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from engine import clock
from handlers import roles
from handlers.staff import StaffMember
from handlers.video.agents import Agent, Wish, lines
from handlers.video.errors import VideoRefused
from handlers.video.tables import State, Why
from handlers.video.workplace import Mine, Waiting
from web import comparison, current, naming, security, witness_words
from web.i18n import gettext
from web.rendering import span

witness_desk = Blueprint("witness_desk", __name__, url_prefix="/desk/video")

Answer = Response | tuple[Response, int]
#: Why a customer waits, and what an agent's state is called.
WHY: Mapping[Why, str] = {
    "first": "首次排队",
    "sent_back": "打回后重新排队",
    "interrupted": "通话中断，优先接回",
    "resumed": "离开后返回",
}
STATES: Mapping[Wish, str] = {"ready": "就绪", "paused": "暂停", "offline": "离线"}
#: What a customer of the list is doing.
DOING: Mapping[State, str] = {"waiting": "等待中", "offered": "振铃中", "in_call": "通话中"}


@witness_desk.get("")
def page() -> str:
    """Show the desk."""
    me = member()
    return render_template(
        "witness_desk.html",
        me=me,
        desk=_told(current.web().agents.get(me.id)),
        rows=_rows(),
        today=_today(me.id),
        states=STATES,
        urls={
            name: url_for(f"witness_desk.{name}")
            for name in ("choose", "beat", "claim_next", "waiting", "page")
        },
        monitor_url=url_for("queue_monitor.page") if roles.may(current.person(), "queue.watch") else "",
    )


@witness_desk.get("/waiting")
def waiting() -> str:
    """The list alone, for a page that follows the queue."""
    return render_template("witness_rows.html", rows=_rows())


@witness_desk.post("/state")
def choose() -> Answer:
    """就绪, 暂停 or 离线."""
    me, wanted = member(), sent("state")
    if not isinstance(wanted, str) or wanted not in STATES:
        raise BadRequest
    return _answer(_told(current.web().agents.set(me.id, cast(Wish, wanted))))


@witness_desk.post("/beat")
def beat() -> Answer:
    """The page's sign of life, every few seconds; tells what the server holds."""
    return jsonify(_told(current.web().agents.beat(member().id)))


@witness_desk.post("/next")
def claim_next() -> Answer:
    """Give whoever is ready the customer who has waited longest, if there is one.

    After a result the page pauses for a while, so that notes can be finished; ``{"now": true}`` ends that.
    """
    me, web = member(), current.web()
    agent = web.agents.beat(me.id)
    rested = sent("now") is True or current.web().workplace.wrap_up(me.id) <= 0
    if agent.state == "ready" and rested:
        # Refused: another page of this person was faster; the answer shows whom they have.
        with contextlib.suppress(VideoRefused):
            web.queue.claim(me.id, lines(current.parameters(), me.branches), me.company)
    return jsonify(_told(agent))


@witness_desk.post("/tickets/<uuid:ticket_id>/accept")
def accept(ticket_id: UUID) -> Answer:
    """接听."""
    me = member()
    try:
        current.web().queue.accept(ticket_id, epoch(), me.id)
    except VideoRefused as refused:
        return refusal(refused)
    url = url_for("witness_call.page", ticket_id=ticket_id)
    return jsonify({"url": url}) if security.wants_json() else redirect(url, 303)


@witness_desk.post("/tickets/<uuid:ticket_id>/decline")
def decline(ticket_id: UUID) -> Answer:
    """暂不接听: the customer keeps the place, the agent pauses."""
    me = member()
    try:
        current.web().queue.decline(ticket_id, epoch(), me.id)
    except VideoRefused as refused:
        return refusal(refused)
    return _answer(_told(current.web().agents.get(me.id)))


def member() -> StaffMember:
    """Return who sits at this desk."""
    found = current.web().staff.get(current.person().id)
    if found is None:
        raise LookupError("a desk without a person")
    return found


def epoch() -> int:
    """Return the epoch a command carries: it fences commands of pages that were overtaken."""
    told = sent("epoch")
    if isinstance(told, str) and told.isdecimal() and len(told) < 10:
        return int(told)
    if isinstance(told, int) and not isinstance(told, bool):
        return told
    raise BadRequest


def refusal(refused: VideoRefused) -> Answer:
    """Say why a command came to nothing: 409 to scripts, the desk with the words to a page."""
    words = gettext(str(refused.message))
    if security.wants_json():
        return jsonify({"message": words, "code": refused.code}), 409
    flash(words, "warn")
    return redirect(url_for("witness_desk.page"), 303)


def sent(name: str) -> Any:
    """Return one value of a command, from a script's JSON, a form or the address."""
    if request.is_json:
        told = request.get_json(silent=True)
        return told.get(name) if isinstance(told, Mapping) else None
    return request.form.get(name, request.args.get(name))


def _answer(told: Mapping[str, Any]) -> Answer:
    return jsonify(told) if security.wants_json() else redirect(url_for("witness_desk.page"), 303)


def _told(agent: Agent) -> dict[str, Any]:
    """Return what the server holds of this agent."""
    place, now = current.web().workplace, clock.now()
    mine = place.mine(agent.staff_id)
    return {
        # Busy follows from the customer; what the person chose is what the buttons show.
        "state": "ready" if agent.state == "busy" else agent.state,
        "since": max(0, int((now - agent.since).total_seconds())),
        "wrap_up": 0 if mine else round(place.wrap_up(agent.staff_id)),
        "ticket": None if mine is None else _offer(mine, now),
    }


def _offer(mine: Mine, now: datetime) -> dict[str, Any]:
    of: Any = {"ticket_id": mine.ticket}
    left = max(0.0, (mine.until - now).total_seconds()) if mine.until else 0.0
    return {
        "id": str(mine.ticket),
        "epoch": mine.epoch,
        "state": mine.state,
        "name": mine.name,
        "business": gettext(naming.subject(mine.type)),
        "number": mine.number or "",
        "branch": mine.branch,
        "why": gettext(WHY.get(cast(Why, mine.why), "")),
        "flags": [witness_words.flag(code) for code in mine.flags],
        "left": round(left, 1),
        "seconds": current.parameters().video.offer_seconds,
        "call_url": url_for("witness_call.page", **of),
        "accept_url": url_for("witness_desk.accept", **of),
        "decline_url": url_for("witness_desk.decline", **of),
    }


def _rows() -> list[dict[str, Any]]:
    now, names = clock.now(), dict[str, str]()
    return [_row(one, now, names) for one in current.web().workplace.waiting(current.person())]


def _row(one: Waiting, now: datetime, names: dict[str, str]) -> dict[str, Any]:
    mine = one.agent == current.person().id
    if one.agent and not mine and one.agent not in names:
        names[one.agent] = comparison.who_of(f"staff:{one.agent}")
    waited = (now - one.entered_at).total_seconds()
    return {
        "name": one.name,
        "business": naming.subject(one.type),
        "number": one.number,
        "branch": one.branch,
        "state": one.state,
        "doing": DOING[cast(State, one.state)],
        "why": WHY.get(cast(Why, one.why), one.why),
        "urgent": one.why == "interrupted",
        "flags": one.flags,
        "waited": span(waited),
        "since": one.entered_at,
        "here": one.here,
        "who": "" if mine or not one.agent else names[one.agent],
        "mine": mine,
        "preferred": one.preferred,
    }


def _today(staff_id: UUID) -> list[dict[str, Any]]:
    """Return this agent's calls of today, by outcome."""
    morning = clock.shanghai(clock.now()).replace(hour=0, minute=0, second=0, microsecond=0)
    counted = current.web().workplace.today([staff_id], morning)
    return [
        {"words": words, "count": counted[code]}
        for code, words in witness_words.OUTCOMES.items()
        if counted.get(code)
    ]
