"""What guards every answer and every request: headers, same origin, forged requests, who may ask.

Nothing inline runs on our pages and nothing from elsewhere; the only place where text becomes markup is
the Trusted Types policy ``kaihu`` of our own scripts.
"""

import secrets
from urllib.parse import quote, urlsplit

import structlog
from flask import Flask, Response, abort, flash, g, jsonify, redirect, request, session
from flask_wtf.csrf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as AnyResponse

from web import current, policy
from web.sessions import kind_of
from web.settings import Settings

log = structlog.get_logger("web")

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types kaihu",
        "report-uri /csp-report",
    )
)
#: For files that people uploaded: nothing in them may do anything.
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
}
#: Steps of a customer may take pictures; no other page may ask for the camera. One that speaks sets
#: ``g.microphone``.
WITH_CAMERA = frozenset({"tasks.show", "tasks.answer", "witness_call.page", "witness_call.decide"})
#: One year, in seconds.
YEAR = 365 * 24 * 3600
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: What a browser says of a request that our own page, or the person, made.
OWN_SITES = frozenset({"same-origin", "none"})

LOST = "登录超时，请重新登录！"
FORGED = "页面已过期，请刷新后重试"

csrf = CSRFProtect()


def install(app: Flask, settings: Settings) -> None:
    """Guard ``app``."""
    if settings.trusted_proxies:
        near = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=near, x_proto=near, x_host=near)  # type: ignore[method-assign]
    trust_hosts(app, settings)
    app.before_request(name_request)
    app.before_request(same_origin)
    # Before the token is asked for: somebody whose session ended shall read that, not of a token.
    app.before_request(may_ask)
    # A page may lie open as long as its session lasts; the token is worth nothing without the session.
    app.config.update(WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_SSL_STRICT=False)
    csrf.init_app(app)
    app.after_request(guard_answer)
    app.teardown_request(_forget_request)


def trust_hosts(app: Flask, settings: Settings) -> None:
    """Answer only under the public address; a demonstration answers under whatever leads to it."""
    if not settings.demo:
        app.config["TRUSTED_HOSTS"] = [urlsplit(settings.address).hostname]


def name_request() -> None:
    """Give the request an id that log lines and error pages carry; it is ours, not the client's."""
    g.request_id = secrets.token_hex(8)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)
    if getattr(session, "unavailable", False):
        abort(503)


def _forget_request(_: BaseException | None) -> None:
    structlog.contextvars.clear_contextvars()


def same_origin() -> None:
    """Refuse what another site's page made the browser send."""
    if request.method in SAFE or _by_token():
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    ours = {request.host_url.rstrip("/"), current.web().settings.address}
    if (site is not None and site not in OWN_SITES) or (origin is not None and origin not in ours):
        log.warning("request of another site refused", path=request.path, site=site)
        abort(403, FORGED)


def _by_token() -> bool:
    found = policy.policy(request.endpoint or "")
    return found is not None and found.who == "token"


def may_ask() -> AnyResponse | None:
    """Let in whom the table lets in, and nobody else."""
    if request.endpoint is None:
        return None  # an address that does not exist; its own error says so
    found = policy.policy(request.endpoint)
    if found is None:
        log.error("address without a policy", endpoint=request.endpoint)
        abort(403)
    if found.who == "demo" and not current.web().settings.demo:
        abort(404)
    if found.who in policy.OPEN:
        return None
    actor = current.actor()
    if found.allows(actor):
        return None
    if actor is not None:
        log.warning("not in this role", endpoint=request.endpoint, actor=actor.label)
        abort(403)
    return to_sign_in()


def to_sign_in() -> AnyResponse:
    """Send somebody without a session to sign in, and back here afterwards (R-039)."""
    staff = kind_of(request.path) == "staff"
    lost = getattr(session, "lost", False)
    if wants_json():
        answer = jsonify({"message": LOST})
        answer.status_code = 401
        return answer
    if lost:
        flash(LOST, "warn")
    login = "/desk/login" if staff else "/login"
    back = request.full_path.rstrip("?") if request.method == "GET" else _page_of(request.path)
    home = "/desk" if staff else "/me"
    return redirect(login if back == home else f"{login}?next={quote(back)}", 303)


def _page_of(path: str) -> str:
    """Return the page a posted address belongs to."""
    parts = path.split("/")
    if parts[1:3] in (["me", "tasks"], ["me", "cases"], ["desk", "tasks"]):
        return "/".join(parts[:4])
    return "/".join(parts[:3]) if parts[1] == "desk" else "/me"


def wants_json() -> bool:
    """Tell whether a script asks, and not a person."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], "text/html")
    return request.is_json or best == "application/json"


def local_path(target: str | None, default: str) -> str:
    """Return ``target`` when it is a path of this site, else ``default``: no open redirect."""
    if not target or not target.startswith("/") or target[1:2] in ("/", "\\") or "\\" in target:
        return default
    parts = urlsplit(target)
    plain = not parts.scheme and not parts.netloc and target.isprintable()
    return target if plain else default


def guard_answer(answer: Response) -> Response:
    """Put the headers on; a page's own go before them."""
    if request.endpoint in WITH_CAMERA:
        asked = HEADERS["Permissions-Policy"].replace("camera=()", "camera=(self)")
        if "microphone" in g:
            asked = asked.replace("microphone=()", "microphone=(self)")
        answer.headers.setdefault("Permissions-Policy", asked)
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if request.endpoint == "static" and answer.status_code in {200, 304}:
        if "v" in request.args:
            answer.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    elif "Cache-Control" not in answer.headers or not answer.cache_control.public:
        answer.headers["Cache-Control"] = "no-store"
    if current.web().settings.https:
        answer.headers["Strict-Transport-Security"] = f"max-age={YEAR}; includeSubDomains"
    return answer
