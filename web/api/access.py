"""Who asks, may they, and how often: before any route runs, for every address there is.

An address that is not in DOORS is closed to everybody. Whatever is wrong with a token (none, unknown,
expired, revoked, of somebody who has left), the answer is the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import structlog
from apiflask import APIFlask
from flask import Response, g, request
from flask_limiter import Limiter
from limits import parse
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge, UnsupportedMediaType

from engine import Actor
from handlers import roles
from web.api.problems import Refused
from web.api.tokens import PREFIX, Holder, Tokens
from web.security import FILE_POLICY, HEADERS, YEAR
from web.settings import Settings

log = structlog.get_logger("web.api")

#: No body is as large as this, in bytes: a decision with its notes is a few thousand.
TOO_LARGE_BODY = 64 * 1024
#: Longest token that is looked up, in characters.
LONGEST_TOKEN = 100
#: Wrong tokens from one address; more than these are told to wait. A right one always passes.
WRONG_TOKENS = parse("60/minute")
STARTS = "60/minute"


@dataclass(frozen=True)
class Door:
    """Who may use an address.

    :param permission: of ``handlers.roles``, for people; empty: none of them.
    :param machines: roles of machines that may.
    """

    permission: str = ""
    machines: frozenset[str] = frozenset()

    def lets(self, actor: Actor) -> bool:
        """Tell whether this one may."""
        return roles.may(actor, self.permission) or bool(self.machines & actor.roles)


#: By endpoint.
DOORS: Mapping[str, Door] = {
    "cases.start": Door(machines=frozenset({"integrator"})),
    "cases.show": Door("case.see", frozenset({"integrator", "auditor"})),
    "cases.journal": Door("journal.see", frozenset({"auditor"})),
    "tasks.inbox": Door("inbox.see"),
    "tasks.show": Door("inbox.see"),
    "tasks.claim": Door("inbox.see"),
    "tasks.release": Door("inbox.see"),
    "tasks.complete": Door("inbox.see"),
    "openapi.spec": Door("case.see", frozenset({"integrator", "auditor"})),
}
#: What a demonstration shows to everybody.
SHOWN_IN_DEMO = "openapi.spec"
WITH_BODY = frozenset({"cases.start", "tasks.complete"})


def install(api: APIFlask, settings: Settings, tokens: Tokens) -> None:
    """Guard ``api``."""
    limiter = Limiter(
        lambda: str(holder().token_id) if "holder" in g else request.remote_addr or "",
        default_limits=[
            lambda: STARTS if request.endpoint == "cases.start" else f"{settings.api_per_minute}/minute"
        ],
        storage_uri="memory://",
        headers_enabled=True,
    )

    def authenticate() -> None:
        if request.endpoint == SHOWN_IN_DEMO and settings.demo:
            return
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        bearer = kind.lower() == "bearer" and token.startswith(PREFIX) and len(token) <= LONGEST_TOKEN
        found = tokens.holder(token) if bearer else None
        if found is None:
            address = request.remote_addr or ""
            if not limiter.limiter.hit(WRONG_TOKENS, "wrong-token", address):
                raise Refused("too-many-requests", headers={"Retry-After": "60"})
            log.warning("token refused", path=request.path, address=address)
            raise Refused("unauthorized")
        g.holder = found
        structlog.contextvars.bind_contextvars(token=str(found.token_id), actor=found.actor.label)

    def pass_the_door() -> None:
        if request.endpoint is None or "holder" not in g:
            return  # no such address; its own error says so
        door = DOORS.get(request.endpoint)
        if door is None or not door.lets(actor()):
            log.warning("not in this role", endpoint=request.endpoint)
            raise Refused("forbidden")

    def look_at_body() -> None:
        if request.endpoint is None:
            return
        if (request.content_length or 0) >= TOO_LARGE_BODY:
            raise RequestEntityTooLarge
        body = request.get_data(cache=True)
        if len(body) >= TOO_LARGE_BODY:
            raise RequestEntityTooLarge  # of a body in chunks no more than this is read
        if request.endpoint not in WITH_BODY:
            if body:
                raise BadRequest
        elif request.mimetype != "application/json" or request.content_encoding not in {None, "identity"}:
            raise UnsupportedMediaType
        elif body.strip() == b"null":
            raise Refused("invalid")  # APIFlask would read an empty object

    def look_at_parameters() -> None:
        if any(len(values) > 1 for _, values in request.args.lists()):
            raise BadRequest  # one of the two would be forgotten silently

    api.config["MAX_CONTENT_LENGTH"] = TOO_LARGE_BODY
    api.before_request(authenticate)
    api.before_request(pass_the_door)
    # Before the limiter, whose header this one tidies: what is registered last runs first.
    api.after_request(_guard(settings))
    limiter.init_app(api)
    api.before_request(look_at_body)
    api.before_request(look_at_parameters)


def _guard(settings: Settings) -> Callable[[Response], Response]:
    def guard(answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers["Content-Security-Policy"] = FILE_POLICY
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Request-Id"] = g.get("request_id", "")
        if answer.status_code < 400:
            answer.headers.pop("Retry-After", None)
        if settings.https:
            answer.headers["Strict-Transport-Security"] = f"max-age={YEAR}; includeSubDomains"
        return answer

    return guard


def holder() -> Holder:
    """Return whose token this request came with."""
    return cast(Holder, g.holder)


def actor() -> Actor:
    """Return who asks, with the rights of this moment."""
    return holder().actor
