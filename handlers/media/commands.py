"""The node's commands over HTTP, each with a ticket.

    POST /calls/{call}/open                  a sealed plan
    POST /calls/{call}/{role}/answer         an SDP offer; the answer comes back
    POST /calls/{call}/{role}/still          a JPEG comes back
    POST /calls/{call}/{role}/hang-up
    POST /calls/{call}/mark                  an event as JSON
    POST /calls/{call}/legs                  both sides as JSON
    POST /calls/{call}/close
    GET  /healthz                            whether it is there, for anybody

What cannot be done is answered with the name of its error and the status of ``STATUS``.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import asdict
from typing import Any, get_args
from uuid import UUID

import orjson
import structlog

from handlers.media import tickets
from handlers.media.node import Node
from handlers.media.plans import read_plan
from handlers.video.sfu import (
    LONGEST_SDP,
    BadOffer,
    NoSuchCall,
    NotYet,
    SfuDown,
    SfuRefused,
)
from handlers.video.tables import Role

log = structlog.get_logger("media.commands")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Answer = tuple[int, bytes, list[tuple[bytes, bytes]]]

#: Status by what was refused.
STATUS: dict[type[SfuRefused], int] = {NoSuchCall: 404, BadOffer: 422, NotYet: 409, SfuDown: 503}
_LONGEST_BODY = LONGEST_SDP + 4096
_TEXT = [(b"content-type", b"text/plain; charset=utf-8")]
_JSON = [(b"content-type", b"application/json")]


class Commands:
    """The ASGI application of a node.

    :param secret: 32 bytes that the web process has as well.
    """

    def __init__(self, node: Node, secret: bytes) -> None:
        self._node, self._secret = node, secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        status, body, headers = await self._answer(scope, receive)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path, method = scope["path"], scope["method"]
        if path == "/healthz" and method == "GET":
            return 200, orjson.dumps({"calls": self._node.calls, "draining": self._node.draining}), _JSON
        body = await _read(receive)
        if body is None:
            return 413, b"too large", _TEXT
        shown = dict(scope["headers"]).get(tickets.HEADER.encode(), b"").decode("latin-1")
        try:
            tickets.check(self._secret, shown, path, body)
            return await self._command(path.split("/")[1:], body)
        except tickets.TicketRefused as refused:
            log.warning("command refused", path=path, why=str(refused))
            return 403, str(refused).encode(), _TEXT
        except SfuRefused as refused:
            status = next((STATUS[kind] for kind in type(refused).__mro__ if kind in STATUS), 409)
            return status, str(refused).encode(), _TEXT
        except ValueError:
            return 400, b"malformed", _TEXT

    async def _command(self, words: list[str], body: bytes) -> Answer:
        match words:
            case ["calls", call, "open"]:
                await self._node.open(read_plan(tickets.unseal(self._secret, body), UUID(call)))
            case ["calls", call, role, "answer"] if role in get_args(Role):
                answer = await self._node.answer(UUID(call), _role(role), body.decode("utf-8", "replace"))
                return 200, answer.encode(), [(b"content-type", b"application/sdp")]
            case ["calls", call, role, "still"] if role in get_args(Role):
                still = await self._node.still(UUID(call), _role(role))
                facts = f"{still.width} {still.height} {still.taken_at.isoformat()}"
                return 200, still.jpeg, [(b"content-type", b"image/jpeg"), (b"x-still", facts.encode())]
            case ["calls", call, role, "hang-up"] if role in get_args(Role):
                await self._node.hang_up(UUID(call), _role(role))
            case ["calls", call, "mark"]:
                self._node.mark(UUID(call), orjson.loads(body))
            case ["calls", call, "legs"]:
                legs = {role: asdict(leg) for role, leg in self._node.legs(UUID(call)).items()}
                return 200, orjson.dumps(legs), _JSON
            case ["calls", call, "close"]:
                await self._node.close(UUID(call))
            case _:
                return 404, b"no such command", _TEXT
        return 204, b"", []


def _role(text: str) -> Role:
    return "customer" if text == "customer" else "agent"


async def _read(receive: Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > _LONGEST_BODY:
            return None
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            return bytes(body)
