"""The API's own application, mounted beside the pages."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson
from apiflask import APIFlask
from flask import Flask
from flask.json.provider import JSONProvider
from flask_babel import Babel
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from web import i18n, security
from web.api import access, openapi, problems
from web.api.cases import cases
from web.api.tasks import tasks
from web.api.tokens import Tokens
from web.current import Web

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PREFIX = "/api/v1"
VERSION = "1.0"


class Json(JSONProvider):
    """JSON by orjson: strict (no NaN, no lone surrogates, bounded depth) when it reads."""

    def dumps(self, obj: Any, **_: Any) -> str:
        """Write JSON."""
        return orjson.dumps(obj, option=orjson.OPT_NON_STR_KEYS).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Read JSON, or raise ValueError."""
        return orjson.loads(s)


def make_api(web: Web) -> APIFlask:
    """Return the API of one product."""
    api = APIFlask(
        __name__,
        title="Kaihu",
        version=VERSION,
        spec_path="/openapi.json",
        docs_path=None,
        json_errors=False,
    )
    api.json = Json(api)
    api.servers = [{"url": PREFIX}]
    api.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    api.config["PROPAGATE_EXCEPTIONS"] = False
    api.extensions["kaihu"] = web
    security.trust_hosts(api, web.settings)
    # Labels and values of forms are translated; programs read Chinese, as the forms are written.
    Babel(api, default_locale=i18n.DEFAULT, default_domain="messages").domain_instance = i18n.Catalogues()
    api.before_request(security.name_request)
    access.install(api, web.settings, Tokens(web.engine, web.staff))
    problems.install(api)
    openapi.install(api)
    api.register_blueprint(cases)
    api.register_blueprint(tasks)
    return api


def mount(app: Flask, web: Web) -> None:
    """Answer everything under PREFIX by the API; call it before proxies are trusted (``web.security``)."""
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {PREFIX: _whole(make_api(web))})  # type: ignore[method-assign]


def _whole(api: "WSGIApplication") -> "WSGIApplication":
    """Let bodies be read that come in chunks, as many HTTP clients send them.

    Werkzeug takes a body without a length for none at all, unless the server promises that its stream
    ends where the body does; ours does, and MAX_CONTENT_LENGTH holds all the same.
    """

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
            environ["wsgi.input_terminated"] = True
        return api(environ, start)

    return answer
