"""Every refusal of the API: a problem detail (RFC 9457) in English and Chinese, with the request's id.

No traceback leaves the house: what nobody expected is "internal", and the log knows the rest.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, g, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

import forms
from engine import (
    AlreadyClaimed,
    ElsewhereChanged,
    EngineError,
    FourEyes,
    NotClaimed,
    NotYours,
    TaskGone,
    UnknownCase,
)
from handlers.counter import CounterFault
from handlers.limits import TooOften
from web.api.kinds import KINDS, MEDIA_TYPE, TYPE
from web.api.models import ErrorAt, Problem

log = structlog.get_logger("web.api")

_BY_STATUS = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    429: "too-many-requests",
    503: "unavailable",
}
_BY_ENGINE: Mapping[type[EngineError], str] = {
    UnknownCase: "not-found",
    NotYours: "not-found",
    TaskGone: "task-gone",
    AlreadyClaimed: "already-claimed",
    NotClaimed: "not-claimed",
    FourEyes: "four-eyes",
    ElsewhereChanged: "elsewhere-changed",
}


class Refused(Exception):
    """A route refuses.

    :param code: one of KINDS.
    """

    def __init__(
        self, code: str, errors: Iterable[ErrorAt] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.kind = KINDS[code]
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


def install(api: APIFlask) -> None:
    """Answer every error of ``api`` with a problem."""
    api.error_processor(_input_refused)
    api.register_error_handler(Refused, _refused)
    api.register_error_handler(forms.AnswersRejected, _answers_rejected)
    api.register_error_handler(EngineError, _engine_refused)
    api.register_error_handler(CounterFault, _counter_down)
    api.register_error_handler(TooOften, _too_often)
    api.register_error_handler(OperationalError, _no_database)
    api.register_error_handler(HTTPException, _http)
    api.register_error_handler(Exception, _broken)


def answer(code: str, errors: Iterable[ErrorAt] = (), headers: Mapping[str, str] | None = None) -> Response:
    """Return a problem."""
    kind = KINDS[code]
    body = Problem(
        type=TYPE + kind.code,
        title=kind.title,
        status=kind.status,
        detail=kind.detail,
        detail_zh=kind.detail_zh,
        request_id=g.get("request_id", ""),
        errors=tuple(errors),
    )
    said = Response(body.model_dump_json(), kind.status, mimetype=MEDIA_TYPE)
    if kind.status == 401:
        said.headers["WWW-Authenticate"] = 'Bearer realm="kaihu"'
    for name, value in (headers or {}).items():
        said.headers[name] = value
    return said


def pointer(name: str) -> str:
    """Return a question's name, such as ``tax.residences.0.tin``, as a JSON pointer (RFC 6901)."""
    parts = [p.replace("~", "~0").replace("/", "~1") for p in name.split(".")] if name else []
    return "".join(f"/{p}" for p in parts)


def _refused(error: Refused) -> Response:
    return answer(error.kind.code, error.errors, error.headers)


def _answers_rejected(error: forms.AnswersRejected) -> Response:
    return answer(
        "invalid",
        [
            ErrorAt(
                pointer=pointer(p.key), field=p.key, message=p.message, code=p.code or p.level, level=p.level
            )
            for p in error.problems
        ],
    )


def _engine_refused(error: EngineError) -> Response:
    code = _BY_ENGINE.get(type(error), "conflict")
    log.info("engine refused", why=type(error).__name__, path=request.path)
    return answer(code)


def _counter_down(error: CounterFault) -> Response:
    log.warning("counter refused", why=type(error).__name__, path=request.path)
    return answer("counter-down", headers={"Retry-After": "30"})


def _too_often(error: TooOften) -> Response:
    return answer("too-many-requests", headers={"Retry-After": "3600"})


def _no_database(error: OperationalError) -> Response:
    log.error("database unreachable", path=request.path)
    return answer("unavailable", headers={"Retry-After": "10"})


def _input_refused(error: HTTPError) -> Any:
    """APIFlask's own refusals: what a model did not accept, by place and field."""
    places: Any = error.detail if isinstance(error.detail, Mapping) else {}
    errors = [
        ErrorAt(
            pointer=_place(place, field),
            field=_own(field),
            message=str(message),
            code="invalid",
            level="error",
        )
        for place, fields in places.items()
        for field, messages in fields.items()
        for message in messages
    ]
    return answer(_BY_STATUS.get(error.status_code, "internal"), errors)


def _place(place: str, field: str) -> str:
    """Return where in the body; a parameter is no part of it and has no pointer."""
    return pointer(_own(field)) if place == "json" else ""


def _own(field: str) -> str:
    return "" if field == "_schema" else field


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    code = _BY_STATUS.get(status, "malformed" if status < 500 else "internal")
    kept = {k: v for k, v in error.get_headers() if k in {"Allow", "Retry-After"}}
    if status >= 500:
        log.error("request failed", path=request.path, status=status)
    return answer(code, headers=kept)


def _broken(error: Exception) -> Response:
    log.exception("request broke", path=request.path, method=request.method)
    return answer("internal")
