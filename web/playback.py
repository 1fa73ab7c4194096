"""The recording of a video witness on the reviewer's desk: both sides at once, moments to jump to, a proof.

Whoever may see the case may look; every look is written down. Browsers ask for pieces of a recording and get
only what they ask for, opened from its sealed file.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine import Actor, CaseFacts, UnknownCase
from engine.store import SealBroken
from handlers.recordings import NoRecording, Recorded
from handlers.recordings.sealed import Reader
from web import comparison, current, naming, side_by_side
from web.playback_words import OUTCOMES, PICTURES, ROLES, marker, words_of
from web.security import wants_json
from web.uploads import file_of, sealed_off

log = structlog.get_logger("web")
playback = Blueprint("playback", __name__, url_prefix="/desk/cases")

#: Most bytes of one answer: a player that pauses must not keep a thread, and asks for more by itself.
MOST_BYTES = 2 * 1024 * 1024
#: Who has opened which recording, as this process wrote down already.
_looked: set[tuple[str, str, UUID]] = set()
_MOST_LOOKED = 10_000


@playback.get("/<uuid:case_id>/video")
def page(case_id: UUID) -> str:
    """Show the recording of a call of the case; the last one that ended with a result, or ``?call=``."""
    facts, call = _call(case_id)
    _note(case_id, call.id, again=True)
    return _page(facts, call)


@playback.get("/<uuid:case_id>/video/<uuid:call_id>/<any(customer, agent):role>.webm")
def media(case_id: UUID, call_id: UUID, role: str) -> Response:
    """Give out a piece of a side's recording (RFC 9110 14)."""
    _mine(case_id, call_id)
    try:
        reader = current.web().recordings.open(call_id, role)
        _note(case_id, call_id)
        return _piece(reader)
    except NoRecording:
        abort(404)
    except SealBroken:
        log.error("a recording does not open", case=str(case_id), call=str(call_id), role=role)
        abort(500)


@playback.get("/<uuid:case_id>/video/<uuid:call_id>/stills/<uuid:file_id>")
def still(case_id: UUID, call_id: UUID, file_id: UUID) -> Response:
    """Show the small picture of a moment."""
    found = _mine(case_id, call_id)
    stills = found.report["stills"] if found.report else ()
    if not any(one["file"] == str(file_id) for one in stills):
        abort(404)
    _note(case_id, call_id)
    return file_of(case_id, file_id, current.person())


@playback.post("/<uuid:case_id>/video/<uuid:call_id>/verify")
def verify(case_id: UUID, call_id: UUID) -> AnyResponse | str:
    """验证: look at every byte; scripts get the verdict, a page without scripts itself with it."""
    facts, call = _facts(case_id), _mine(case_id, call_id)
    verdict = current.web().recordings.verify(call_id)
    codes = sorted({one.code for one in verdict.findings})
    current.engine().cases.note(
        case_id, current.person(), "video.verified", {"call": str(call_id), "findings": codes}
    )
    told = words_of(verdict)
    if wants_json():
        return jsonify(told)
    return _page(facts, call, told)


def witnessed(case_id: UUID, task_id: UUID) -> list[dict[str, Any]]:
    """Return what the review page of a task says of the case's calls, newest first."""
    calls = filter(_shown, current.web().recordings.of_case(case_id))
    return [_summary(case_id, one, task_id) for one in calls]


def _shown(call: Recorded) -> bool:
    """Tell whether there is anything to say of a call."""
    return call.outcome in ("passed", "sent_back", "refused") or bool(call.report and call.report["playback"])


def _summary(case_id: UUID, call: Recorded, task_id: UUID | None) -> dict[str, Any]:
    member = current.web().staff.get(str(call.agent))
    words, tone, sign = OUTCOMES.get(call.outcome or "", OUTCOMES[""])
    return {
        "call": call.id,
        "agent": member.name if member else "",
        "licence": member.licence if member else "",
        "words": words,
        "tone": tone,
        "sign": sign,
        "at": call.opened_at,
        "seconds": (call.report or {}).get("duration", 0) // 1000,
        "ready": call.report is not None,
        "damaged": call.damaged,
        "url": url_for("playback.page", case_id=case_id, call=call.id, task=task_id),
        "snapshots": list(_snapshots(case_id, call)),
    }


def _snapshots(case_id: UUID, call: Recorded) -> Iterator[dict[str, str]]:
    for one in call.snapshots:
        file = one.still or one.frame
        if file is not None:
            url = url_for("desk.photo", case_id=case_id, file_id=file)
            yield {"label": PICTURES.get(one.kind, one.kind), "url": url}


def _page(facts: CaseFacts, call: Recorded, verdict: Mapping[str, Any] | None = None) -> str:
    release = current.engine().cases.release_of(facts.id)
    task_id = request.args.get("task", type=UUID)
    calls = [one for one in current.web().recordings.of_case(facts.id) if _shown(one)]
    report = call.report or {"playback": {}, "timeline": [], "stills": [], "duration": 0, "begin": None}
    then = current.web().recordings.data_then(call.id)
    return render_template(
        "playback.html",
        head={
            "title": naming.subject(facts.type),
            "number": facts.number,
            "name": str((then.get("profile") or {}).get("name") or ""),
            "branch": facts.branch,
        },
        here=_summary(facts.id, call, task_id),
        calls=[_summary(facts.id, one, task_id) for one in calls],
        sides=[
            {
                "role": role,
                "label": label,
                "url": url_for("playback.media", case_id=facts.id, call_id=call.id, role=role),
                "video": report["playback"][role]["video"],
            }
            for role, label in ROLES.items()
            if role in report["playback"]
        ],
        seconds=report["duration"] / 1000,
        markers=_markers(facts, call, report),
        comparison=comparison.rows(release, facts, then),
        photos=side_by_side.photos(facts, {**then, "photos": _portrait(then)}),
        verdict=verdict,
        verify_url=url_for("playback.verify", case_id=facts.id, call_id=call.id, task=task_id),
        back_url=url_for("desk.show", task_id=task_id) if task_id else url_for("desk.inbox"),
    )


def _portrait(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the side of the ID card with the portrait, as the case had it."""
    return {side: held for side, held in (data.get("photos") or {}).items() if side == "front"}


def _markers(facts: CaseFacts, call: Recorded, report: Mapping[str, Any]) -> list[dict[str, Any]]:
    release = current.engine().cases.release_of(facts.id)
    stills = {one["ms"]: one["file"] for one in report["stills"]}
    begin = datetime.fromisoformat(report["begin"]) if report["begin"] else None
    listed = []
    for event in report["timeline"]:
        words, sign = marker(release, event)
        file = stills.get(event["ms"])
        listed.append(
            {
                "at": event["ms"] / 1000,
                "until": event.get("until", event["ms"]) / 1000,
                "kind": event["kind"],
                "words": words,
                "sign": sign,
                "clock": begin + timedelta(milliseconds=event["ms"]) if begin else None,
                "still": url_for("playback.still", case_id=facts.id, call_id=call.id, file_id=file)
                if file
                else "",
            }
        )
    return listed


def _piece(reader: Reader) -> Response:
    """Answer with what the browser asks for, or the beginning of it; 416 when there is no such piece."""
    asked, size = request.range, reader.size
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        answer = sealed_off(b"", "video/webm")
        answer.response = reader.pieces(0, size)
        answer.content_length = size
    else:
        span = asked.range_for_length(size)
        if span is None:
            answer = sealed_off(b"", "video/webm")
            answer.status_code = 416
            answer.headers["Content-Range"] = f"bytes */{size}"
        else:
            start, end = span[0], min(span[1], span[0] + MOST_BYTES)
            answer = sealed_off(reader.read(start, end - start), "video/webm")
            answer.status_code = 206
            answer.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    answer.headers["Accept-Ranges"] = "bytes"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _facts(case_id: UUID) -> CaseFacts:
    """Return a case this person may see; 404 for any other."""
    try:
        return current.engine().cases.of(case_id, current.person()).facts
    except UnknownCase:
        abort(404)


def _mine(case_id: UUID, call_id: UUID) -> Recorded:
    """Return a call of a case this person may see; 404 for any other."""
    _facts(case_id)
    found = [one for one in current.web().recordings.of_case(case_id) if one.id == call_id]
    return found[0] if found else abort(404)


def _call(case_id: UUID) -> tuple[CaseFacts, Recorded]:
    facts = _facts(case_id)
    calls: Sequence[Recorded] = current.web().recordings.of_case(case_id)
    asked = request.args.get("call", "")
    if asked:
        found = [one for one in calls if str(one.id) == asked]
    else:
        decided = [one for one in calls if one.outcome in ("passed", "sent_back", "refused")]
        found = decided or list(calls)
    if not found:
        abort(404)
    return facts, found[0]


def _note(case_id: UUID, call_id: UUID, *, again: bool = False) -> None:
    """Write down that somebody looks; a player's many pieces are one look of a session."""
    actor: Actor = current.person()
    look = (actor.label, actor.session, call_id)
    if again or look not in _looked:
        if len(_looked) > _MOST_LOOKED:
            _looked.clear()
        current.engine().cases.note(case_id, actor, "video.seen", {"call": str(call_id)})
        _looked.add(look)
