"""协议下载: what a customer has signed here, as files that anybody can verify (R-082, R-212)."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, render_template, url_for
from werkzeug.wrappers import Response

from engine import Actor, Case
from handlers.signing import Signature
from web import current, naming
from web.uploads import sealed_off

downloads = Blueprint("downloads", __name__, url_prefix="/me")


@downloads.get("/agreements")
def signed() -> str:
    """List every agreement this customer signed, the newest application first."""
    person = current.person()
    found = [(one, signatures_of(one.id, person)) for one in current.engine().cases.of_owner(person.id)]
    return render_template(
        "downloads.html",
        cases=[
            {
                **_heading(case),
                "papers": papers(case.id, signed),
                "evidence_url": url_for("kits.evidence", case_id=case.id)
                if all(one.archived_at for one in signed)
                else "",
            }
            for case, signed in found
            if signed
        ],
    )


@downloads.get("/cases/<uuid:case_id>/papers/<uuid:signature_id>.pdf")
def paper(case_id: UUID, signature_id: UUID) -> Response:
    """Give out one signed agreement of an own case, as it stands now."""
    return signed_file(case_id, signature_id, current.person())


def signatures_of(case_id: UUID, person: Actor) -> list[Signature]:
    """Return the signatures of a case that still count, in the order of its documents; 404 for a stranger's.

    Of an agreement that was signed twice, after a return, the newer one counts.
    """
    _, _, data = current.engine().cases.data(case_id, person)
    with current.engine().database.reading() as session:
        every = current.web().signing.of(session, case_id)
    newest: dict[str, Signature] = {}
    for one in every:
        newest.setdefault(one.code, one)
    listed = [str(d.get("code")) for d in (data.get("agreements") or {}).get("documents") or ()]
    return sorted(
        newest.values(), key=lambda one: listed.index(one.code) if one.code in listed else len(listed)
    )


def papers(case_id: UUID, signed: list[Signature]) -> list[dict[str, Any]]:
    """Return what a page shows of signed agreements."""
    return [
        {
            "code": one.code,
            "title": one.title.strip("《》"),
            "version": one.version,
            "level": one.level,
            "signed_at": one.signed_at,
            "sha256": one.sha256,
            "serial": one.serial,
            "size": one.size,
            "url": url_for("downloads.paper", case_id=case_id, signature_id=one.id),
        }
        for one in signed
    ]


def signed_file(case_id: UUID, signature_id: UUID, person: Actor) -> Response:
    """Return a signed agreement as a file to keep; 404 when this person's case has none such."""
    engine, signing = current.engine(), current.web().signing
    facts, key, _ = engine.cases.data(case_id, person)
    with engine.database.reading() as session:
        found = next((one for one in signing.of(session, case_id) if one.id == signature_id), None)
        if found is None:
            abort(404)
        content = signing.file(session, key, found)
    answer = sealed_off(content, "application/pdf")
    name = f"{facts.number or 'kaihu'}-{found.code}.pdf"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _heading(case: Case) -> dict[str, Any]:
    return {
        "title": naming.subject(case.facts.type),
        "number": case.facts.number,
        "state": case.facts.state,
        "url": url_for("customer.case", case_id=case.id, progress=1),
    }
