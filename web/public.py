"""Pages for everybody: home, help, privacy, what to do without the old phone."""

from datetime import timedelta

import orjson
import structlog
from flask import Blueprint, Response, abort, redirect, render_template, request
from markupsafe import Markup
from sqlalchemy import text
from werkzeug.wrappers import Response as AnyResponse

from engine import clock
from forms import divisions
from handlers import agreements, hours
from web import current

log = structlog.get_logger("web")
public = Blueprint("public", __name__)

#: Longest report of a browser that is read, in bytes.
LONGEST_REPORT = 8 * 1024
#: For how long a browser may keep the division names.
DAY = timedelta(days=1)
#: Where a case stands in the flow chart of 办理流程, by its state (R-043, A-38).
POSITIONS = {
    "started": "upload",
    "draft": "data",
    "await_video": "video",
    "queued": "video",
    "in_call": "video",
    "await_cert": "certificate",
    "await_sign": "sign",
    "submitted": "review",
    "in_review": "review",
    "returned_review": "data",
    "approved": "review",
    "update_failed": "review",
}


@public.get("/")
def home() -> str:
    """业务办理 (R-050, R-061, R-062)."""
    settings = current.parameters()
    return render_template("home.html", hours_open=hours.is_open(settings, clock.now()), banks=settings.banks)


@public.get("/help", endpoint="help")
def help_page() -> str:
    """开户帮助, with the customer's own place in the flow chart."""
    actor = current.actor()
    position = ""
    if actor is not None:
        position = "profile"
        cases = [c for c in current.engine().cases.of_owner(actor.id) if c.closed_at is None]
        if cases:
            position = POSITIONS.get(cases[0].facts.state, "profile")
    return render_template("help.html", position=position)


@public.get("/help/flow")
def flow() -> AnyResponse:
    """办理流程, under its own address."""
    return redirect("/help#flow", 302)


@public.get("/privacy")
def privacy() -> str:
    """《隐私政策》 in force."""
    today = clock.today()
    with current.engine().database.reading() as session:
        policy = current.web().agreements.in_force(session, agreements.PRIVACY, today)
    values = agreements.variables.of_company(current.parameters().company, today)
    # Filled in within a sandbox, and nothing but a few plain elements came through.
    body = Markup(agreements.templates.render(policy, values))  # noqa: S704  # nosec B704
    return render_template("privacy.html", title=policy.title, version=policy.version, body=body)


@public.get("/lost-phone")
def lost_phone() -> str:
    """原手机号已停用？ (R-065, A-09)."""
    return render_template("lost_phone.html", branches=current.parameters().company.branches)


@public.get("/divisions.json", endpoint="divisions")
def division_names() -> Response:
    """Provinces, cities and districts for the address fields: ``{province: {city: [district, …]}}``."""
    named = {
        one["name"]: {city["name"]: city["districts"] for city in one["cities"]}
        for one in divisions.load().tree()
    }
    answer = Response(orjson.dumps(named), mimetype="application/json")
    answer.cache_control.public = True
    answer.cache_control.max_age = int(DAY.total_seconds())
    return answer


@public.get("/healthz")
def healthz() -> Response:
    """Tell a supervisor that pages and database answer."""
    with current.engine().database.reading() as session:
        session.execute(text("select 1"))
    return Response("ok\n", mimetype="text/plain")


@public.post("/csp-report")
def csp_report() -> Response:
    """Note what a browser refused to run; only the rule and our own address are kept."""
    raw = request.get_data(cache=False)[:LONGEST_REPORT]
    try:
        report = orjson.loads(raw)["csp-report"]
        told = {k: str(report.get(k, ""))[:200] for k in ("violated-directive", "blocked-uri")}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        abort(400)
    log.warning("a browser refused content", rule=told["violated-directive"], blocked=told["blocked-uri"])
    return Response(status=204)
