"""Media of the video witness, as far as pages say anything about them: offers, relays, pictures (P13, P14).

Media themselves go between browser and media node; every word about them passes here first: the case must be
this customer's, the call theirs, the epoch today's, and the window the one the call belongs to.
"""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid5

from flask import Blueprint, Response, jsonify, request, url_for

from engine import NotYours, TaskGone, clock
from handlers import limits
from handlers.photos import LIMIT_BYTES
from handlers.video.sfu import LONGEST_SDP
from handlers.video.tickets import Ticket
from web import current, tasks
from web import video_shown as pages
from web.video_answers import (
    BAD_OFFER,
    ELSEWHERE,
    NO_JPEG,
    OVER,
    Answer,
    Refused,
    body,
    guarded,
    say,
)

video_media = Blueprint("video_media", __name__, url_prefix="/me/tasks/<uuid:task_id>/video")

#: Device checks of one customer in one hour: each takes a place on a media node for some seconds.
MOST_CHECKS = 60


@video_media.post("/call")
def join(task_id: UUID) -> Answer:
    """Answer the browser's SDP offer, as WHIP does: 201, the answer, and where to end it."""

    def answer(offer: str) -> str:
        ticket = _in_call(task_id)
        web = current.web()
        with web.engine.database.reading() as session:
            call = web.queue.call(session, ticket.id, ticket.epoch)
        if call is None or call.closed_at is not None:
            raise Refused(OVER, "over")
        return web.calls.join(call.id, "customer", offer)

    epoch, seat = request.args.get("epoch", ""), request.args.get("seat", "")
    return _signalled(task_id, answer, url_for("video_media.end", task_id=task_id, epoch=epoch, seat=seat))


@video_media.delete("/call")
def end(task_id: UUID) -> Answer:
    """End this side's connection; the call itself goes on."""

    def hang_up() -> Answer:
        ticket = _in_call(task_id)
        web = current.web()
        with web.engine.database.reading() as session:
            call = web.queue.call(session, ticket.id, ticket.epoch)
        if call is not None:
            web.calls.hang_up(call.id, "customer")
        return Response(status=204)

    return guarded(hang_up)


@video_media.get("/ice")
def ice(task_id: UUID) -> Answer:
    """Give the browser the relays it may use; credentials are good for some minutes."""
    pages.state(task_id)
    return jsonify({"servers": [dict(one) for one in current.web().calls.ice_servers()]})


@video_media.post("/echo")
def echo(task_id: UUID) -> Answer:
    """Begin the short call of the device check, which sends back what it gets and is recorded nowhere."""

    def answer(offer: str) -> str:
        pages.the_question(tasks.open_task(task_id))
        web, person = current.web(), current.person()
        rule = limits.Rule("video.check", person.id, MOST_CHECKS, timedelta(hours=1))
        with web.engine.database.transaction() as session:
            limits.admit(session, web.engine.keyring, clock.now(), rule)
        return web.calls.echo(_check_of(task_id), offer)

    return _signalled(task_id, answer, url_for("video_media.echoed", task_id=task_id))


@video_media.get("/echo")
def echoed(task_id: UUID) -> Answer:
    """Tell how much of the device check arrives: kilobits a second, share lost, picture."""
    pages.state(task_id)
    leg = current.web().calls.echo_leg(_check_of(task_id))
    if leg is None:
        return jsonify({"there": False})
    picture = {"width": leg.width, "height": leg.height, "fps": round(leg.fps, 1)}
    return jsonify({"there": True, "kbps": round(leg.kbps), "loss": round(leg.loss, 4), **picture})


@video_media.delete("/echo")
def end_echo(task_id: UUID) -> Answer:
    """The check is over; its node ends it by itself."""
    pages.state(task_id)
    return Response(status=204)


@video_media.post("/stills/<uuid:snapshot_id>")
def still(task_id: UUID, snapshot_id: UUID) -> Answer:
    """Take in the picture of the customer's own camera that the agent asked for (R-170)."""

    def take() -> Answer:
        if request.mimetype != "image/jpeg":
            raise Refused(NO_JPEG, "type", 415)
        _in_call(task_id)
        current.web().witnessing.still(snapshot_id, current.person().id, body(LIMIT_BYTES))
        return Response(status=204)

    return guarded(take)


def _signalled(task_id: UUID, answer: Callable[[str], str], location: str) -> Answer:
    """Answer an offer that a script posted, or say why not."""

    def signalled() -> Answer:
        if request.mimetype != "application/sdp":
            raise Refused(BAD_OFFER, "type", 415)
        try:
            offer = body(LONGEST_SDP).decode()
        except UnicodeDecodeError:
            raise Refused(BAD_OFFER, "offer", 422) from None
        done = Response(answer(offer), 201, mimetype="application/sdp")
        done.headers["Location"] = location
        return done

    try:
        return guarded(signalled)
    except (TaskGone, NotYours):
        pages.state(task_id)  # another's page looks like none
        return say(Refused(OVER, "over"))


def _in_call(task_id: UUID) -> Ticket:
    """Return the ticket of the call that is going on, or refuse: another epoch or window is too late."""
    now = pages.state(task_id)
    if now.panel != "call" or now.ticket is None or request.args.get("epoch") != str(now.epoch):
        raise Refused(OVER, "over")
    if request.args.get("seat", "") != now.seat:
        raise Refused(ELSEWHERE, "elsewhere")
    return now.ticket


def _check_of(task_id: UUID) -> UUID:
    """Name the device check of this customer at this browser."""
    return uuid5(task_id, current.person().session)
