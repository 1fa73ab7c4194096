"""协议管理 (K06, R-220): versions of agreements, made by one member of staff and approved by another.

A text is tried out with a person who does not exist, as a page at once and as PDF by a job of its own.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import structlog
from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from engine import Actor, FourEyes, clock
from forms import Problem, dictionaries
from handlers import agreements, roles
from handlers.agreements import Document, Proposal, TemplateRefused, Version
from web import current, naming
from web.i18n import gettext, language
from web.uploads import sealed_off

log = structlog.get_logger("web")
agreements_desk = Blueprint("agreements_desk", __name__, url_prefix="/desk/agreements")

PROPOSED = "新版本已保存，等待另一位人员复核"
APPROVED, WITHDRAWN = "已复核通过", "已撤回该版本"
TWO_PEOPLE = "四眼原则：新版本须由另一位人员复核"
GONE = "该版本已被处理，请查看最新状态"
NO_DATE = "请选择生效日期"
#: What a state is called, its tone and its sign.
STATES: Mapping[str, tuple[str, str, str]] = {
    "in_force": ("生效中", "ok", "done"),
    "proposed": ("待复核", "warn", "clock"),
    "coming": ("待生效", "wait", "clock"),
    "replaced": ("已被替代", "quiet", "history"),
    "withdrawn": ("已撤回", "quiet", "minus"),
}
#: Lines shown round each difference.
AROUND = 2


@dataclass(frozen=True)
class Typed:
    """A version as it stands in the form."""

    title: str = ""
    html: str = ""
    effective_from: str = ""
    types: frozenset[str] = frozenset()
    account_types: frozenset[str] = frozenset()


@agreements_desk.get("")
def every() -> Response | str:
    """List every agreement, and what stands or waits of each."""
    if new := request.args.get("new", "").strip().lower():
        return redirect(url_for("agreements_desk.one", code=new[:40]), 303)
    on = clock.today()
    with current.engine().database.reading() as session:
        codes = current.web().agreements.codes(session, current.parameters())
        found = [(code, current.web().agreements.history(session, code, on)) for code in codes]
    return render_template(
        "agreements_desk.html",
        rows=[_row(code, versions) for code, versions in found if versions],
        list_url=url_for("agreements_desk.every"),
    )


@agreements_desk.get("/<code>")
def one(code: str) -> str:
    """Show an agreement with its versions, and a form for the next one that begins with what stands."""
    with current.engine().database.reading() as session:
        versions = current.web().agreements.history(session, code, clock.today())
    standing = _in_force(versions)
    typed = Typed(
        title=standing.title if standing else "",
        html=standing.html if standing else "",
        effective_from=clock.today().isoformat(),
    )
    return _page(code, versions, typed)


@agreements_desk.post("/<code>")
def propose(code: str) -> Response | tuple[str, int] | str:
    """Try out a text, or take it down as the next version."""
    typed = _typed()
    web, actor = current.web(), current.person()
    with current.engine().database.reading() as session:
        versions = web.agreements.history(session, code, clock.today())
    try:
        proposal = Proposal(
            code,
            typed.title,
            typed.html,
            _day(typed.effective_from),
            typed.types,
            typed.account_types,
        )
        if request.form.get("do") == "try":
            agreements.must_be_fit(code, typed.title, typed.html, proposal.effective_from)
            tried = _filled(Document(code, typed.title, "", "", typed.html))
            return _page(code, versions, typed, tried=tried)
        with current.engine().database.transaction() as session:
            made = web.agreements.propose(session, proposal, actor)
            current.engine().queue.defer(session, agreements.PREVIEW, version_id=str(made.id))
    except TemplateRefused as refused:
        said = refused.sentence_en if language() == "en" else refused.sentence_zh
        return _page(code, versions, typed, problems=[Problem("html", said)]), 422
    log.info("agreement proposed", code=code, version=made.document.version)
    flash(PROPOSED, "ok")
    return redirect(url_for("agreements_desk.version", code=code, version_id=made.id), 303)


@agreements_desk.get("/<code>/<uuid:version_id>")
def version(code: str, version_id: UUID) -> str:
    """Show one version: filled in for nobody, and how it differs from what stands."""
    with current.engine().database.reading() as session:
        versions = current.web().agreements.history(session, code, clock.today())
    shown = next((one for one in versions if one.id == version_id), None)
    if shown is None:
        abort(404)
    standing = _in_force([one for one in versions if one.id != version_id])
    return render_template(
        "agreement_version.html",
        code=code,
        version=_told(shown),
        body=_filled(shown.document),
        against=standing.version if standing else "",
        changes=list(_changes(standing.html if standing else "", shown.document.html)),
        may_approve=_may_approve(shown, current.person()),
        back_url=url_for("agreements_desk.one", code=code),
    )


@agreements_desk.get("/<code>/<uuid:version_id>/sample.pdf")
def sample(code: str, version_id: UUID) -> Response:
    """Give out a version as PDF with sample data; 404 while the job is at it."""
    with current.engine().database.reading() as session:
        pdf = current.web().agreements.preview(session, version_id)
    if pdf is None:
        abort(404)
    return sealed_off(pdf, "application/pdf")


@agreements_desk.post("/<code>/<uuid:version_id>/approve")
def approve(code: str, version_id: UUID) -> Response:
    """Let a version stand from its day on; never by whoever made it."""

    def act(session: Session, actor: Actor) -> None:
        current.web().agreements.approve(session, version_id, actor)

    return _act(code, version_id, act, APPROVED)


@agreements_desk.post("/<code>/<uuid:version_id>/withdraw")
def withdraw(code: str, version_id: UUID) -> Response:
    """Take back a version that nobody has approved."""

    def act(session: Session, actor: Actor) -> None:
        current.web().agreements.withdraw(session, version_id, actor)

    return _act(code, version_id, act, WITHDRAWN)


def _act(code: str, version_id: UUID, act: Any, done: str) -> Response:
    try:
        with current.engine().database.transaction() as session:
            act(session, current.person())
    except FourEyes:
        flash(TWO_PEOPLE, "warn")
    except agreements.ProposalGone:
        flash(GONE, "warn")
    except TemplateRefused as refused:
        flash(refused.sentence_en if language() == "en" else refused.sentence_zh, "warn")
    else:
        flash(done, "ok")
    return redirect(url_for("agreements_desk.version", code=code, version_id=version_id), 303)


def _page(
    code: str,
    versions: list[Version],
    typed: Typed,
    *,
    tried: Markup | None = None,
    problems: Iterable[Problem] = (),
) -> str:
    running = naming.release()
    return render_template(
        "agreement_desk.html",
        code=code,
        versions=[_told(one) for one in versions],
        typed=typed,
        tried=tried,
        problems=list(problems),
        variables=agreements.variables.variables(code),
        types=[(t, naming.business(t)) for t in (running.types if running else ())],
        account_types=[(one.code, one.label) for one in dictionaries.ACCOUNT_TYPES],
        may_propose=roles.may(current.person(), "agreements.propose"),
        list_url=url_for("agreements_desk.every"),
        propose_url=url_for("agreements_desk.propose", code=code),
    )


def _typed() -> Typed:
    sent = request.form
    return Typed(
        title=sent.get("title", "").strip(),
        # A browser ends the lines of a text area in two characters; texts are kept with one.
        html=sent.get("html", "").replace("\r\n", "\n"),
        effective_from=sent.get("effective_from", ""),
        types=frozenset(sent.getlist("types")),
        account_types=frozenset(sent.getlist("account_types")),
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise TemplateRefused(NO_DATE, "Please choose the day of effect") from None


def _row(code: str, versions: list[Version]) -> dict[str, Any]:
    """Return one line of the list of agreements."""
    shown = next((one for one in versions if one.state == "in_force"), versions[0])
    return {
        "code": code,
        "title": shown.document.title.strip("《》"),
        "version": _told(shown),
        "waiting": sum(one.state == "proposed" for one in versions),
        "coming": next((one.effective_from for one in versions if one.state == "coming"), None),
        "url": url_for("agreements_desk.one", code=code),
    }


def _told(one: Version) -> dict[str, Any]:
    """Return what a page shows of a version."""
    words, tone, sign = STATES[one.state]
    code = one.document.code
    return {
        "id": one.id,
        "title": one.document.title.strip("《》"),
        "name": one.document.version,
        "sha256": one.document.sha256,
        "state": one.state,
        "words": words,
        "tone": tone,
        "sign": sign,
        "types": _together(naming.business(t) for t in sorted(one.types)),
        "account_types": _together(
            dictionaries.label("account_type", kind) for kind in sorted(one.account_types)
        ),
        "effective_from": one.effective_from,
        "made_by": _name(one.made_by),
        "made_at": one.made_at,
        "approved_by": _name(one.approved_by),
        "approved_at": one.approved_at,
        "withdrawn_by": _name(one.withdrawn_by),
        "withdrawn_at": one.withdrawn_at,
        "previewed": one.previewed,
        "url": url_for("agreements_desk.version", code=code, version_id=one.id) if one.id else "",
        "pdf": url_for("agreements_desk.sample", code=code, version_id=one.id) if one.id else "",
    }


def _together(names: Iterable[str]) -> str:
    return "、".join(gettext(name) for name in names)


def _name(label: str | None) -> str:
    """Return what a member of staff is called."""
    if not label:
        return ""
    member = current.web().staff.get(label.removeprefix("staff:"))
    return member.name if member is not None else label


def _may_approve(version: Version, actor: Actor) -> bool:
    return version.made_by != actor.label and roles.may(actor, "agreements.approve")


def _in_force(versions: list[Version]) -> Document | None:
    """Return what stands for every business, or else for some."""
    standing = [one for one in versions if one.state == "in_force"]
    wide = [one for one in standing if not one.types and not one.account_types]
    return next((one.document for one in [*wide, *standing]), None)


def _filled(document: Document) -> Markup:
    """Return a document filled in for a person who does not exist."""
    values = agreements.variables.sample(document.code)
    # Filled in within a sandbox, and nothing but a few plain elements came through.
    return Markup(agreements.templates.render(document, values))  # noqa: S704  # nosec B704


def _changes(old: str, new: str) -> Iterable[tuple[str, str]]:
    """Yield how one text became another: ``added``, ``removed``, ``same`` or ``gap``, and the line."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=AROUND)
    for number, line in enumerate(lines):
        if number < 2:
            continue  # the two headings of the format
        if line.startswith("@@"):
            yield "gap", ""
        else:
            yield {"+": "added", "-": "removed"}.get(line[0], "same"), line[1:]
