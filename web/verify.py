"""/verify 协议文件验证: anybody gives a file and reads who signed it, when, and whether it was changed since.

The file is read by a bounded child, shown to nobody and kept nowhere; the page tells only what it holds.
"""

import structlog
from flask import Blueprint, abort, current_app, render_template, request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from handlers.verifier import Busy, Verdict
from web import current

log = structlog.get_logger("web")
verify = Blueprint("verify", __name__)

#: Largest file, in bytes; an archived agreement has 0.4 million. Less than the request limit of the site.
LARGEST = 10 * 1024 * 1024
#: Findings about files that are none of ours, rather than changed ones.
UNKNOWN = frozenset(
    {"not_pdf", "no_signature", "no_customer", "too_large", "encrypted", "too_much", "broken"}
)


@verify.get("/verify")
def page() -> str:
    """Ask for a file."""
    return _page()


@verify.post("/verify")
def judge() -> tuple[str, int]:
    """Say what is to be thought of a file."""
    limiter = current_app.extensions.setdefault("kaihu.verify", FixedWindowRateLimiter(MemoryStorage()))
    most = RateLimitItemPerMinute(current.web().settings.verify_per_minute)
    if not limiter.hit(most, request.remote_addr or ""):
        abort(429)
    given = request.files.get("file")
    pdf = given.read(LARGEST + 1) if given is not None else b""
    if not pdf:
        return _page(problem="请选择要验证的PDF文件"), 422
    if len(pdf) > LARGEST:
        return _page(problem="文件不能超过10M"), 422
    try:
        verdict = current.web().verifier.verify(pdf)
    except Busy:
        return _page(problem="验证的人较多，请稍后再试"), 503
    log.info("a file was verified", intact=verdict.intact, codes=[one.code for one in verdict.findings])
    return _page(verdict=verdict, name=(given.filename or "") if given is not None else ""), 200


def _page(verdict: Verdict | None = None, name: str = "", problem: str = "") -> str:
    kind = ""
    if verdict is not None:
        codes = {one.code for one in verdict.findings}
        kind = "intact" if verdict.intact else "foreign" if "foreign" in codes else "changed"
        if codes & UNKNOWN:
            kind = "unknown"
    return render_template(
        "verify.html", verdict=verdict, kind=kind, name=name, problem=problem, most=LARGEST >> 20
    )
