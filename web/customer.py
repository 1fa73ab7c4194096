"""A customer's own pages: the profile, its applications, and what may be done with them (P04, P18)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from engine import Case, MessageRefused, UnknownProcess, clock
from engine.store import JournalEntry
from forms import field_photo, wording
from handlers import agreements
from handlers.counter import CounterDown
from handlers.customers import DOWN, Customer, SeenProfile
from web import comparison, current, downloads, naming, problems, reading, starting
from web import profile as contents
from web.uploads import file_of, sealed_off

log = structlog.get_logger("web")
customer = Blueprint("customer", __name__, url_prefix="/me")

#: A case that waits for the customer to go on after somebody sent it back.
RETURNED = frozenset({"returned_review", "returned_video"})
#: States in which nothing was submitted yet: the customer may give up.
UNSENT = frozenset({"started", "draft", "await_sign", "await_video", "await_cert", *RETURNED})
TOO_LATE = "当前状态不能撤回或放弃，请查看办理进度"
WITHDRAWN, ABANDONED = "申请已撤回", "申请已放弃"


@dataclass(frozen=True)
class Action:
    """Something the customer may do next."""

    label: str
    url: str
    post: bool = False
    style: str = ""


@customer.get("")
def profile() -> Response | AnyResponse | str:
    """基本资料, read at the counter at each visit (R-070 to R-082)."""
    return _profile("")


@customer.post("/reveal")
def reveal() -> Response | AnyResponse | str:
    """Show one value in full; each look is written down (R-078)."""
    field = request.form.get("field", "")[:60]
    engine, person = current.engine(), current.person()
    with engine.database.transaction() as session:
        entry = JournalEntry("profile.revealed", person.label, {"field": field})
        engine.journal.write_outside(session, person.label, entry, clock.now())
    return _profile(field)


@customer.post("/start/<type>")
def start(type: str) -> AnyResponse:
    """Begin a change, or go on with the one that is open (R-211)."""
    try:
        case = starting.begin(type, _customer(), current.person())
    except UnknownProcess:
        abort(404)
    except CounterDown:
        flash(DOWN, "warn")
        return redirect(url_for("customer.profile"), 303)
    except starting.CardFirst:
        flash("请先更新身份证有效期，再办理其他修改", "warn")
        return redirect(url_for("customer.profile"), 303)
    log.info("change begun", case=str(case.id), type=type)
    return _to(case)


@customer.get("/cases/<uuid:case_id>")
def case(case_id: UUID) -> AnyResponse | str:
    """Lead to the page the customer can go on with, or show how the application stands."""
    found = current.engine().cases.of(case_id, current.person())
    if found.next_task is not None and "progress" not in request.args:
        return _to(found)
    _, key, data = current.engine().cases.data(case_id, current.person())
    release = current.engine().cases.release_of(case_id)
    agreed = (data.get("consents") or {}).get("documents") or []
    papers = downloads.papers(case_id, downloads.signatures_of(case_id, current.person()))
    signed = {one["code"] for one in papers}
    standing = _standing(found, data)
    here = url_for("customer.case", case_id=case_id)
    actions = [one for one in standing["actions"] if one["url"] != here]  # not a link to this very page
    return render_template(
        "case.html",
        case={"title": naming.subject(found.facts.type), **standing, "actions": actions},
        comparison=[],
        trail=comparison.history(release, found.facts, key, staff=False),
        documents=papers
        + [
            {
                "title": str(d.get("title") or d.get("code")),
                "version": d.get("version"),
                "url": url_for("customer.agreed", case_id=case_id, code=d.get("code")),
            }
            for d in agreed
            if d.get("code") not in signed
        ],
    )


@customer.get("/cases/<uuid:case_id>/submitted")
def submitted(case_id: UUID) -> AnyResponse | str:
    """P18 申请提交: only shows what 下一步 has recorded (A-15), so a reload does nothing."""
    found = current.engine().cases.of(case_id, current.person())
    if found.next_task is not None:
        return _to(found)
    if found.facts.state not in {"submitted", "in_review"}:
        return redirect(url_for("customer.case", case_id=case_id), 303)
    _, _, data = current.engine().cases.data(case_id, current.person())
    profile = data.get("profile") or {}
    business = str(data.get("business") or "")
    text = wording.submitted(str(profile.get("name") or ""), str(profile.get("id_number") or ""), business)
    if business not in wording.CHANGES:
        text = text.replace(f"您的{wording.change(business)}已", f"您的{naming.subject(found.facts.type)}已")
    return render_template(
        "submitted.html",
        text=text,
        number=found.facts.number,
        title_line=naming.title_line(found.facts.type, found.facts.number),
        steps=naming.steps("submit"),
        home_url="/me",
    )


@customer.post("/cases/<uuid:case_id>/withdraw")
def withdraw(case_id: UUID) -> AnyResponse:
    """撤回: until somebody has begun to review (R-210)."""
    return _message(case_id, "withdraw", WITHDRAWN)


@customer.post("/cases/<uuid:case_id>/abandon")
def abandon(case_id: UUID) -> AnyResponse:
    """放弃: a draft, at any time (R-210)."""
    return _message(case_id, "abandon", ABANDONED)


@customer.get("/cases/<uuid:case_id>/files/<uuid:file_id>")
def photo(case_id: UUID, file_id: UUID) -> Response:
    """Show the customer a picture of an own case."""
    return file_of(case_id, file_id, current.person())


@customer.get("/on-file/<role>")
def on_file(role: str) -> Response:
    """Show the customer an own picture that the counter has (R-101)."""
    if role not in field_photo.NAMES:
        abort(404)
    try:
        jpeg = current.web().customers.photo_on_file(_customer(), role)  # type: ignore[arg-type]
    except CounterDown:
        abort(503)
    if jpeg is None:
        abort(404)
    return sealed_off(jpeg, "image/jpeg")


@customer.get("/cases/<uuid:case_id>/agreements/<code>")
def agreed(case_id: UUID, code: str) -> str:
    """Show a document the customer has agreed to in this case (R-082)."""
    facts, _, data = current.engine().cases.data(case_id, current.person())
    listed = (data.get("consents") or {}).get("documents") or []
    there = next((d for d in listed if d.get("code") == code), None)
    if there is None:
        abort(404)
    web = current.web()
    with current.engine().database.reading() as session:
        try:
            version, digest = str(there.get("version")), str(there.get("sha256"))
            document = web.agreements.exact(session, code, version, digest)
        except agreements.UnknownDocument:
            abort(404)
        content = str((data.get("agreements") or {}).get("content") or "")
        paper = web.papers.of(session, case_id, content).get(code)
    at = datetime.fromisoformat(there["agreed_at"]) if there.get("agreed_at") else None
    return render_template(
        "agreement.html",
        agreement=reading.shown(facts, data, document, paper, at),
        read=True,
        back_url=url_for("customer.case", case_id=case_id, progress=1),
    )


def _customer() -> Customer:
    """Return whoever is signed in, as a customer."""
    found = current.web().customers.get(current.person().id)
    if found is None:
        abort(404)
    return found


def _profile(revealed: str) -> AnyResponse | str:
    who, settings, today = _customer(), current.parameters(), clock.today()
    try:
        seen = current.web().customers.profile_of(who, clock.now())
    except CounterDown:
        return problems.message(DOWN, "请稍后刷新页面重试。", status=503, symbol="warn")
    cases = current.engine().cases.of_owner(current.person().id)
    lines = contents.facts(seen.data, settings)
    sections = [_section(key, lines[key], cases, seen, revealed) for key in contents.TYPES]
    sections += _further(cases, seen)
    notices = []
    ends = contents.expiry(seen.data, today, settings)
    if ends is not None:
        tone = "danger" if ends.days < 0 else "warn"
        notices.append({"tone": tone, "text": ends.message, "url": "#identity", "label": "修改身份证有效期"})
    return render_template(
        "profile.html",
        sections=sections,
        notices=notices,
        checkup=[
            {**one, "url": f"#{one['section']}"} for one in contents.checkup(seen.data, today, settings)
        ],
        history=[_past(one) for one in cases if one.closed_at is not None],
        read_at=seen.read_at,
        stale=seen.stale,
    )


def _section(
    key: str, lines: list[contents.Fact], cases: list[Case], seen: SeenProfile, revealed: str
) -> dict[str, Any]:
    return {
        "key": key,
        "title": contents.TITLES[key],
        "hint": contents.HINTS[key],
        "rows": [line.row(revealed) for line in lines],
        **_change(contents.TYPES[key], cases, seen),
    }


def _further(cases: list[Case], seen: SeenProfile) -> list[dict[str, Any]]:
    """Return a section for every other change that analysts have published."""
    release = naming.release()
    return [
        {"key": one, "title": naming.business(one), "hint": "", "rows": [], **_change(one, cases, seen)}
        for one in (release.types if release is not None else ())
        if one not in contents.TYPES.values()
    ]


def _change(type: str, cases: list[Case], seen: SeenProfile) -> dict[str, Any]:
    """Return what a section says of its change: the open or last application, and whether one may begin."""
    own = [one for one in cases if one.facts.type == type]
    open_one = next((one for one in own if one.closed_at is None), None)
    last = open_one or (own[0] if own else None)
    told = None
    if last is not None and last.facts.state != "abandoned":
        _, _, data = current.engine().cases.data(last.id, current.person())
        told = _standing(last, data)
    return {
        "can_change": open_one is None and not seen.stale,
        "start_url": url_for("customer.start", type=type),
        "case": told,
    }


def _standing(case: Case, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return state, number, reasons and next actions of an application (R-079)."""
    state, why = case.facts.state, naming.returned(data, refused=True)
    shown = why if state in RETURNED or state == "rejected" else naming.Returned([], "")
    return {
        "state": state,
        "number": case.facts.number,
        "at": case.changed_at,
        "reasons": shown.reasons,
        "note": shown.note,
        "actions": [vars(one) for one in _actions(case)],
    }


def _actions(case: Case) -> list[Action]:
    state, found = case.facts.state, []
    if case.closed_at is not None:
        return [Action("查看进度", url_for("customer.case", case_id=case.id))]
    if case.next_task is not None:
        label = "立即处理" if state in RETURNED else "继续办理"
        found.append(Action(label, url_for("tasks.show", task_id=case.next_task)))
    else:
        found.append(Action("查看进度", url_for("customer.case", case_id=case.id)))
    if state == "submitted":
        found.append(Action("撤回", url_for("customer.withdraw", case_id=case.id), post=True, style="second"))
    elif state in UNSENT:
        found.append(Action("放弃", url_for("customer.abandon", case_id=case.id), post=True, style="second"))
    return found


def _past(case: Case) -> dict[str, Any]:
    return {
        "title": naming.subject(case.facts.type),
        "at": case.changed_at,
        "number": case.facts.number,
        "state": case.facts.state,
        "url": url_for("customer.case", case_id=case.id),
    }


def _message(case_id: UUID, name: str, done: str) -> AnyResponse:
    try:
        current.engine().cases.message(case_id, name, current.person())
    except MessageRefused:
        flash(TOO_LATE, "warn")
    else:
        flash(done, "ok")
    return redirect(url_for("customer.profile"), 303)


def _to(case: Case) -> AnyResponse:
    """Lead to the page a case waits on."""
    if case.next_task is None:
        return redirect(url_for("customer.case", case_id=case.id), 303)
    return redirect(url_for("tasks.show", task_id=case.next_task), 303)
