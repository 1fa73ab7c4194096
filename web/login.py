"""A customer signs in: ID number, account type, captcha, then the SMS code (R-050 to R-065).

Whether somebody is a customer is told only after a right captcha, counted and in even time (R-056); the
second step knows the customer from the first, so that it tells nobody anything.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine import clock
from engine.store import JournalEntry
from forms import Problem
from forms.rules import id_number as id_numbers
from handlers import captchas, codes, hours
from handlers.codes import Ask
from handlers.counter import CounterCustomer
from handlers.customers import SignInRefused
from handlers.refused import CodeRefused
from handlers.sign_in_lock import SignInLocked, subject
from handlers.sms import SmsFault
from web import current, sessions
from web.security import local_path

log = structlog.get_logger("web.login")
login = Blueprint("login", __name__)

ACCOUNT_TYPES = ("futures", "asset_management")
CHOOSE_TYPE = "请选择账户类型"
ASK_FIRST = "请先获取短信验证码"
AGREE = "请阅读并同意《隐私政策》"
CLOSED = "当前为非服务时间，暂不能登录办理，请在服务时间内再来"
LONGEST = 60
#: Refusals that pass with time.
TOO_MANY = frozenset({"locked", "too_often"})


@login.get("/login")
def page() -> AnyResponse | str:
    """P02, the sign-in form of 我的基本资料."""
    if current.actor() is not None:
        return redirect(local_path(request.args.get("next"), "/me"), 303)
    return _page({"next": local_path(request.args.get("next"), "")})


@login.post("/login/captcha")
def other_captcha() -> str:
    """换一张, for pages without scripts."""
    _new_captcha()
    return _page(_typed())


@login.get("/captcha.png")
def captcha_png() -> Response:
    """Draw this browser's captcha; a fresh one when asked for, or when the last is used up."""
    if "new" in request.args:
        _new_captcha()
    return _captcha("image/png")


@login.get("/captcha.wav")
def captcha_wav() -> Response:
    """Speak this browser's captcha."""
    return _captcha("audio/wav")


@login.post("/login/code")
def send_code() -> tuple[str, int] | str:
    """Send the SMS code to the phone that the counter knows (R-053, R-054)."""
    typed, visit, now = _typed(), current.visit(), clock.now()
    problems = _identity_problems(typed)
    if not typed["captcha"]:
        problems.append(Problem("captcha", captchas.EMPTY, code="captcha_empty"))
    if problems:
        return _page(typed, problems), 422
    web, settings = current.web(), current.parameters()
    try:
        web.captchas.check(_captcha_id(), visit.stranger, typed["captcha"], now)
        found = web.customers.sign_in_lookup(
            typed["id_number"], typed["account_type"], settings, now, request.remote_addr or ""
        )
        issued = web.codes.issue(_ask(found, typed), settings, now)
    except SignInRefused as refused:
        listed = [Problem("id_number", refused.message, code=refused.code)]
        if refused.explanation:
            listed.append(Problem("", refused.explanation, code=refused.code))
        return _again(typed, listed, 503 if refused.code == "counter_down" else 422)
    except codes.NotYet as wait:
        problem = Problem("code", wait.message, code=wait.code)
        return _again(typed, [problem], 422, resend_in=wait.seconds)
    except CodeRefused as refused:
        key = "captcha" if refused.code.startswith("captcha") else "id_number"
        status = 429 if refused.code in TOO_MANY else 422
        return _again(typed, [Problem(key, refused.message, code=refused.code)], status)
    except SmsFault as fault:
        return _again(typed, [Problem("code", str(fault), code="sms")], 503)
    visit["found"] = found.model_dump(mode="json")
    visit["sent_to"] = issued.masked
    _new_captcha()
    return _page(typed, sent_to=issued.masked, resend_in=issued.resend_seconds)


@login.post("/login")
def enter() -> AnyResponse | tuple[str, int]:
    """Sign in with the code."""
    typed, visit, now = _typed(), current.visit(), clock.now()
    web, settings = current.web(), current.parameters()
    problems = _identity_problems(typed)
    found = _found(typed) if not problems else None
    sent_to = str(visit.get("sent_to") or "") if found is not None else ""
    if found is None and not problems:
        if not typed["captcha"]:
            problems.append(Problem("captcha", captchas.EMPTY, code="captcha_empty"))
        problems.append(Problem("code", ASK_FIRST if typed["code"] else codes.EMPTY, code="code_empty"))
    elif not typed["code"]:
        problems.append(Problem("code", codes.EMPTY, code="code_empty"))
    if not typed["privacy"]:
        problems.append(Problem("privacy", AGREE, code="privacy"))
    if settings.enforce_hours == "all" and not hours.is_open(settings, now):
        problems.append(Problem("", CLOSED, code="closed"))
    if problems or found is None:
        return _page(typed, problems, sent_to=sent_to), 422
    ask = _ask(found, typed)
    try:
        judged = web.codes.check(ask, typed["code"], settings, now)
        if not judged.ok or judged.code_id is None:
            return _again(typed, [Problem("code", judged.message, code="code")], 422, sent_to=sent_to)
        with web.engine.database.transaction() as session:
            web.codes.sign_in(session, judged.code_id, ask.subject, now)
            customer = web.customers.enter(session, found, settings, now)
            entry = JournalEntry(
                "customer.signed_in", f"customer:{customer.id}", {}, {"address": request.remote_addr}
            )
            web.engine.journal.write_outside(session, entry.actor, entry, now)
    except SignInLocked as locked:
        return _again(typed, [Problem("code", locked.message, code=locked.code)], 429)
    except CodeRefused as refused:
        return _again(typed, [Problem("code", refused.message, code=refused.code)], 422, sent_to=sent_to)
    known = sessions.sign_in(web.sessions, visit, "customer", str(customer.id), {})
    log.info("customer signed in", customer=str(customer.id), session=known.name)
    return redirect(local_path(typed["next"], "/me"), 303)


@login.post("/logout")
def leave() -> AnyResponse:
    """退出登录: at once, on this device; drafts stay (R-042)."""
    sessions.sign_out(current.web().sessions, current.visit())
    answer = redirect(url_for("public.home"), 303)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def _typed() -> dict[str, Any]:
    """Return what the form holds, tidied and cut short."""
    form = request.form
    return {
        "id_number": id_numbers.normalise(form.get("id_number", "")[:LONGEST]),
        "account_type": form.get("account_type", "")[:LONGEST],
        "captcha": form.get("captcha", "").strip()[:LONGEST],
        "code": form.get("code", "").strip()[:LONGEST],
        "privacy": form.get("privacy") == "yes",
        "next": local_path(form.get("next"), ""),
    }


def _identity_problems(typed: dict[str, Any]) -> list[Problem]:
    """Judge what needs nobody to be asked (G-03, G-04)."""
    problems = []
    if said := id_numbers.complaint(typed["id_number"], clock.today()):
        problems.append(Problem("id_number", said, code="id_number"))
    if typed["account_type"] not in ACCOUNT_TYPES:
        problems.append(Problem("account_type", CHOOSE_TYPE, code="account_type"))
    return problems


def _found(typed: dict[str, Any]) -> CounterCustomer | None:
    """Return whom this browser asked a code for, if it is still the same person and account."""
    stored = current.visit().get("found")
    if not stored:
        return None
    found = CounterCustomer.model_validate(stored)
    same = (found.id_number, found.account.type) == (typed["id_number"], typed["account_type"])
    return found if same else None


def _ask(found: CounterCustomer, typed: dict[str, Any]) -> Ask:
    whose = subject(found.id_number, typed["account_type"])
    return Ask("login", whose, found.mobile, current.visit().stranger, request.remote_addr or "")


def _captcha_id() -> UUID | None:
    given = current.visit().get("captcha")
    return UUID(given) if given else None


def _new_captcha() -> UUID:
    visit = current.visit()
    made = current.web().captchas.issue(visit.stranger, current.parameters().limits, clock.now())
    visit["captcha"] = str(made)
    return made


def _captcha(media_type: str) -> Response:
    made, visit, now = current.web().captchas, current.visit(), clock.now()
    make = made.png if media_type == "image/png" else made.wav
    wanted = _captcha_id()
    content = make(wanted, visit.stranger, now) if wanted else None
    if content is None:
        content = make(_new_captcha(), visit.stranger, now)
    if content is None:
        abort(503)
    return Response(content, mimetype=media_type)


def _again(
    typed: dict[str, Any], problems: Sequence[Problem], status: int, *, sent_to: str = "", resend_in: int = 0
) -> tuple[str, int]:
    """Show the form again with another captcha (R-064)."""
    _new_captcha()
    return _page(typed, problems, sent_to=sent_to, resend_in=resend_in), status


def _page(
    typed: dict[str, Any], problems: Sequence[Problem] = (), *, sent_to: str = "", resend_in: int = 0
) -> str:
    if _captcha_id() is None:
        _new_captcha()
    return render_template(
        "login.html", form=typed, problems=list(problems), sent_to=sent_to, resend_in=resend_in
    )
