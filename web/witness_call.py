"""视频见证 (K02): the agent's page of one call (R-164 to R-172).

Whatever a page sends carries the ticket's epoch. Once the call is somebody else's, or over, the answer is
409 with words that say what became of it; the page shows them and does nothing more.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any, cast
from uuid import UUID

import structlog
from flask import Blueprint, flash, g, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

import forms
from engine import EngineError, clock
from forms.rules.witnessed import unticked
from handlers.video.errors import VideoRefused
from handlers.video.sfu import SfuRefused
from handlers.video.snapshots import KINDS, Kind, Snapshot
from handlers.video.tables import Why
from handlers.video.witnessing import WitnessView
from web import comparison, current, naming, security, side_by_side, witness_words
from web.i18n import gettext
from web.shown import label_of
from web.witness_desk import WHY, Answer, epoch, member, sent
from web.witness_state import NOT_NOW, moved, say, seen_of, sit, view_of, whereabouts

log = structlog.get_logger("web")
witness_call = Blueprint("witness_call", __name__, url_prefix="/desk/video/tickets/<uuid:ticket_id>")

DONE = "已提交见证结果"
ENDED = "已结束通话"
TICKS_LEFT = "“%(label)s”还差%(n)s项"
NAMED = ("page", "alive", "tick", "snapshot", "verify", "decide", "end")
#: Results without a decision, and what they say to the agent.
UNFINISHED = frozenset({"no_show", "customer_left", "agent_left"})


@witness_call.get("")
def page(ticket_id: UUID) -> Response | str:
    """Show the call; who is not in it is told what became of it, on the desk."""
    try:
        return _page(view_of(ticket_id))
    except VideoRefused:
        flash(whereabouts(ticket_id), "warn")
        return redirect(url_for("witness_desk.page"), 303)


@witness_call.post("/alive")
def alive(ticket_id: UUID) -> Answer:
    """The page's sign of life: the call stays with this agent for a while longer; tells how it goes."""
    me, web = member(), current.web()
    try:
        view = view_of(ticket_id)
        web.queue.renew(ticket_id, epoch(), me.id)
        web.agents.beat(me.id)
        return jsonify(_told(view))
    except VideoRefused as refused:
        return moved(ticket_id, refused)


@witness_call.post("/ticks")
def tick(ticket_id: UUID) -> Answer:
    """Keep what is ticked, and what is written beside the result, as it is done."""
    answers, remarks = sent("answers"), sent("remarks")
    if not isinstance(answers, Mapping) or not isinstance(remarks, Mapping | None):
        raise BadRequest
    listed = {str(k)[:80]: [str(x)[:80] for x in v[:200]] for k, v in answers.items() if isinstance(v, list)}
    try:
        view_of(ticket_id)
        current.web().witnessing.note(ticket_id, epoch(), current.person(), listed, remarks)
        return jsonify(_told(view_of(ticket_id)))
    except VideoRefused as refused:
        return moved(ticket_id, refused)


@witness_call.post("/snapshot")
def snapshot(ticket_id: UUID) -> Answer:
    """正脸 or 手持身份证: a picture of this moment, by the customer's camera and the server (R-170)."""
    kind = sent("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise BadRequest
    try:
        view_of(ticket_id)
        current.web().witnessing.snapshot(ticket_id, epoch(), current.person(), cast(Kind, kind))
        return jsonify(_told(view_of(ticket_id)))
    except VideoRefused as refused:
        return moved(ticket_id, refused)


@witness_call.post("/police")
def verify(ticket_id: UUID) -> Answer:
    """重试: ask the police data service again that did not answer (R-169)."""
    try:
        view = view_of(ticket_id)
        current.web().police_checks.again(view.ticket)
        if not security.wants_json():
            return redirect(url_for("witness_call.page", ticket_id=ticket_id), 303)
        return jsonify(_told(view_of(ticket_id)))
    except VideoRefused as refused:
        return moved(ticket_id, refused)


@witness_call.post("/decide")
def decide(ticket_id: UUID) -> Answer | tuple[str, int]:
    """通过, 打回 or 不通过; asked twice, the first result stands."""
    told_epoch, actor = epoch(), current.person()
    posted: Mapping[str, Any] = {}  # enough where the result was given before
    with contextlib.suppress(VideoRefused):
        posted = forms.from_html(view_of(ticket_id).page.form, request.form)
    try:
        current.web().witnessing.decide(ticket_id, told_epoch, actor, posted)
    except forms.AnswersRejected as rejected:
        return _rejected(ticket_id, posted, rejected.problems)
    except VideoRefused as refused:
        return moved(ticket_id, refused)
    except EngineError as changed:
        log.warning("decision refused", ticket=str(ticket_id), why=type(changed).__name__)
        return say(NOT_NOW, "changed", 409)
    return _over(DONE)


@witness_call.post("/end")
def end(ticket_id: UUID) -> Answer:
    """未接通, 客户中断 or 坐席中断: the call ends without a result and the customer keeps a place (R-171)."""
    me, queue, result, told_epoch = member(), current.web().queue, sent("result"), epoch()
    if not isinstance(result, str) or result not in UNFINISHED:
        raise BadRequest
    try:
        seen = seen_of(ticket_id)
        if result == "no_show":
            queue.no_show(ticket_id, told_epoch, me.id)
        else:
            queue.interrupt(
                ticket_id, told_epoch, "customer" if result == "customer_left" else "agent", me.id
            )
    except VideoRefused as refused:
        return moved(ticket_id, refused)
    if result == "agent_left":
        current.web().agents.set(me.id, "paused")
    if seen.call is not None:
        current.web().calls.close(seen.call)
    return _over(ENDED)


def _told(view: WitnessView) -> dict[str, Any]:
    """Return what a page follows: both legs, the snapshots, 公安核验, and what 通过 still waits for."""
    calls = current.web().calls
    try:
        legs = {role: asdict(leg) for role, leg in calls.legs(view.call).items()}
    except SfuRefused:
        legs = {}
    return {
        "epoch": view.epoch,
        "legs": legs,
        "pictures": {one.kind: _picture(one, view) for one in view.pictures},
        "missing": _missing(view),
        "police": view.police.result,
    }


def _picture(one: Snapshot, view: WitnessView) -> dict[str, Any]:
    urls = {
        name: url_for("desk.photo", case_id=view.page.case.id, file_id=file) if file else ""
        for name, file in (("still", one.still), ("frame", one.frame))
    }
    return {"id": str(one.id), **urls}


def _missing(view: WitnessView) -> list[str]:
    variables = view.page.context.variables()
    found = []
    for part in unticked(view.page.form, view.ticks, variables):
        left = {value.value for value in part.values} - set(view.ticks.get(part.key) or ())
        label = label_of(part)
        found.append(gettext(TICKS_LEFT, label=label, n=len(left)))
    with current.engine().database.reading() as session:
        more = current.web().witnessing.missing(session, view.ticket, view.call)
    return [*found, *(gettext(words) for words in more)]


def _page(
    view: WitnessView, problems: Iterable[forms.Problem] = (), typed: Mapping[str, Any] | None = None
) -> str:
    case, seen = view.page.case, seen_of(view.ticket)
    data = view.page.data
    profile = data.get("profile") or {}
    current.engine().cases.note(case.id, current.person(), "task.seen", {"element": view.page.element})
    of: Any = {"ticket_id": view.ticket}
    g.microphone = True
    addresses = {name: url_for(f"witness_call.{name}", **of) for name in NAMED}
    addresses |= {name: url_for(f"witness_media.{name}", **of) for name in ("join", "relays")}
    return render_template(
        "witness_call.html",
        view=replace(view.page, answers={**view.page.answers, **view.ticks, **view.remarks, **(typed or {})}),
        problems=tuple(problems),
        comparison=side_by_side.compared(view.page),
        photos=side_by_side.photos(case, data),
        returned=naming.returned(data),
        reasons=naming.reasons(),
        police=witness_words.POLICE,
        device=witness_words.device(view.report),
        earlier=_earlier(view),
        history=comparison.history(
            current.engine().cases.release_of(case.id), case, view.page.case_key, staff=True
        ),
        me=member(),
        head={
            "title": naming.subject(case.type),
            "number": case.number,
            "name": str(profile.get("name") or ""),
            "id_number": str(profile.get("id_number") or ""),
            "mobile": str(profile.get("mobile") or ""),
            "branch": case.branch,
            "why": WHY.get(cast(Why, seen.why), seen.why),
        },
        epoch=view.epoch,
        seat=sit(view),
        seconds=max(0, int((clock.now() - seen.accepted_at).total_seconds())) if seen.accepted_at else 0,
        call={**_told(view), "relays": list(current.web().calls.ice_servers())},
        urls=addresses | {"desk": url_for("witness_desk.page")},
    )


def _earlier(view: WitnessView) -> list[dict[str, Any]]:
    """Return the calls of this case before this one, oldest first."""
    found = current.web().workplace.calls(view.page.case.id)
    return [
        {
            "at": one.opened_at,
            "seconds": (one.closed_at - one.opened_at).total_seconds() if one.closed_at else 0,
            "agent": comparison.who_of(f"staff:{one.agent}"),
            "outcome": witness_words.OUTCOMES.get(one.outcome or "", ""),
        }
        for one in found
        if one.id != view.call
    ]


def _rejected(
    ticket_id: UUID, posted: Mapping[str, Any], problems: Iterable[forms.Problem]
) -> Answer | tuple[str, int]:
    """Say what is to be corrected: to a script, so that the call goes on; to a page, on the page."""
    found = list(problems)
    if security.wants_json():
        told = [
            {"key": p.key, "message": gettext(p.message), "level": p.level, "code": p.code} for p in found
        ]
        return jsonify({"problems": told}), 422
    return _page(view_of(ticket_id), found, posted), 422


def _over(words: str) -> Answer:
    flash(words, "ok")
    url = url_for("witness_desk.page")
    return jsonify({"url": url}) if security.wants_json() else redirect(url, 303)
