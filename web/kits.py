"""证据包: everything that proves a case's signatures, as one file that needs nothing of this product.

Compliance names a case by its 受理单号 and gets the kit; every look is written down. The customer gets the
evidence page, which says the same in plain words and names no member of staff.
"""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, request
from sqlalchemy import select
from werkzeug.wrappers import Response

from engine import UnknownCase
from engine.store.tables import CaseRow
from handlers.signing import NotSigned
from web import current
from web.uploads import sealed_off

kits = Blueprint("kits", __name__)

UNKNOWN = "没有这个受理单号，或不在您的营业部范围内"
NOT_YET = "该受理单还没有归档的签名；复核通过并盖章归档后才有证据包"


@kits.get("/desk/evidence")
def find() -> str:
    """Ask for the number of a case."""
    return _page()


@kits.post("/desk/evidence")
def give() -> Response | tuple[str, int]:
    """Give out the kit of a case."""
    engine, actor = current.engine(), current.person()
    number = request.form.get("number", "").strip()[:20]
    with engine.database.reading() as session:
        case_id = session.scalar(select(CaseRow.id).where(CaseRow.number == number)) if number else None
    try:
        if case_id is None:
            raise UnknownCase
        _, key, _ = engine.cases.data(case_id, actor)
        with engine.database.reading() as session:
            kit = current.web().signing.kit(session, key, case_id)
    except UnknownCase:
        return _page(number, UNKNOWN), 404
    except NotSigned:
        return _page(number, NOT_YET), 404
    engine.cases.note(case_id, actor, "kit.seen", {})
    return _attached(kit, "application/zip", f"{number}-evidence.zip")


@kits.get("/me/cases/<uuid:case_id>/evidence.pdf")
def evidence(case_id: UUID) -> Response:
    """Give the customer the evidence page of an own case; 404 while there is none."""
    engine = current.engine()
    facts, key, _ = engine.cases.data(case_id, current.person())
    try:
        with engine.database.reading() as session:
            page = current.web().signing.evidence(session, key, case_id)
    except NotSigned:
        abort(404)
    return _attached(page, "application/pdf", f"{facts.number or 'kaihu'}-evidence.pdf")


def _attached(content: bytes, media_type: str, name: str) -> Response:
    answer = sealed_off(content, media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _page(number: str = "", problem: str = "") -> str:
    problems: list[dict[str, Any]] = [{"key": "number", "message": problem}] if problem else []
    return render_template("kits.html", number=number, problems=problems)
