"""Staff sign in: password and one-time number, both at once, and no word on which was wrong."""

import structlog
from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from engine import clock
from engine.store import JournalEntry
from forms import Problem
from handlers.staff import StaffRefused
from web import current, sessions
from web.security import local_path

log = structlog.get_logger("web.login")
desk_login = Blueprint("desk_login", __name__, url_prefix="/desk")

#: Longest login and code that are read, in characters; a password may be longer.
LONGEST, LONGEST_PASSWORD = 60, 200


@desk_login.get("/login")
def page() -> Response | str:
    """The sign-in form of the desk."""
    if current.actor() is not None:
        return redirect("/desk", 303)
    return _page("", local_path(request.args.get("next"), ""))


@desk_login.post("/login")
def enter() -> Response | tuple[str, int]:
    """Sign a member of staff in."""
    web, now = current.web(), clock.now()
    name = request.form.get("username", "").strip()[:LONGEST]
    password = request.form.get("password", "")[:LONGEST_PASSWORD]
    code = request.form.get("code", "").strip()[:LONGEST]
    goal = local_path(request.form.get("next"), "")
    missing = [
        Problem(key, words)
        for key, value, words in (
            ("username", name, "请输入用户名"),
            ("password", password, "请输入密码"),
            ("code", code, "请输入动态验证码"),
        )
        if not value
    ]
    if missing:
        return _page(name, goal, missing), 422
    try:
        member = web.staff.verify(
            name,
            password,
            code,
            rules=current.parameters().limits,
            now=now,
            address=request.remote_addr or "",
        )
    except StaffRefused as refused:
        log.warning("staff sign-in refused", why=refused.code)
        return _page(name, goal, [Problem("username", refused.message, code=refused.code)]), 422
    with web.engine.database.transaction() as session:
        entry = JournalEntry("staff.signed_in", f"staff:{member.id}", {}, {"address": request.remote_addr})
        web.engine.journal.write_staff(session, str(member.id), entry, now)
    known = sessions.sign_in(web.sessions, current.visit(), "staff", str(member.id), {})
    log.info("staff signed in", staff=str(member.id), session=known.name)
    return redirect(goal if goal.startswith("/desk") else "/desk", 303)


@desk_login.post("/logout")
def leave() -> Response:
    """End the session at once."""
    sessions.sign_out(current.web().sessions, current.visit())
    return redirect("/desk/login", 303)


def _page(name: str, goal: str, problems: list[Problem] | None = None) -> str:
    return render_template("staff_login.html", form={"username": name, "next": goal}, problems=problems or [])
