"""The agent's side of the media: offers and relays (R-164). Media themselves go between browser and node.

One page of one agent speaks for the call; every word about it passes here first.
"""

from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, jsonify, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wrappers import Response

from handlers.video.errors import VideoRefused
from handlers.video.sfu import LONGEST_SDP, BadOffer, SfuRefused
from web import current
from web.witness_desk import Answer, sent
from web.witness_state import SDP, moved, say, view_of

log = structlog.get_logger("web")
witness_media = Blueprint("witness_media", __name__, url_prefix="/desk/video/tickets/<uuid:ticket_id>")

NO_NODE = "视频服务暂时无法连接，正在重试"
BAD_OFFER = "浏览器的视频连接请求无法识别，请更新浏览器后重试"


@witness_media.post("/call")
def join(ticket_id: UUID) -> Response | Answer:
    """Connect this page to the node that carries the call: an SDP offer in, its answer out."""
    if request.mimetype != SDP:
        raise UnsupportedMediaType
    offer = request.stream.read(LONGEST_SDP + 1)
    if len(offer) > LONGEST_SDP:
        raise RequestEntityTooLarge
    try:
        view = view_of(ticket_id)
        answer = current.web().calls.join(view.call, "agent", offer.decode("utf-8", "replace"))
    except VideoRefused as refused:
        return moved(ticket_id, refused)
    except BadOffer:
        return say(BAD_OFFER, "bad_offer", 422)
    except SfuRefused:
        return say(NO_NODE, "no_node", 503)
    said = Response(answer, 201, mimetype=SDP)
    named: Any = {name: sent(name) for name in ("epoch", "seat")}
    said.headers["Location"] = url_for("witness_media.hang_up", ticket_id=ticket_id, **named)
    return said


@witness_media.delete("/call")
def hang_up(ticket_id: UUID) -> Answer:
    """End this page's connection; the call goes on and the page may come back."""
    try:
        current.web().calls.hang_up(view_of(ticket_id).call, "agent")
    except (VideoRefused, SfuRefused):
        log.info("nothing to hang up", ticket=str(ticket_id))
    return Response(status=204)


@witness_media.get("/relays")
def relays(ticket_id: UUID) -> Answer:
    """The servers for relaying, with credentials of this moment; only for who is in the call."""
    try:
        view_of(ticket_id)
    except VideoRefused as refused:
        return moved(ticket_id, refused)
    return jsonify(list(current.web().calls.ice_servers()))
