"""Signed papers on the reviewer's desk: each with what the verifier says of it (R-203)."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, url_for
from werkzeug.wrappers import Response

from engine import UnknownCase
from web import current, downloads

desk_papers = Blueprint("desk_papers", __name__, url_prefix="/desk/cases")


@desk_papers.get("/<uuid:case_id>/papers/<uuid:signature_id>.pdf")
def paper(case_id: UUID, signature_id: UUID) -> Response:
    """Give out one signed agreement; every look is written down."""
    actor = current.person()
    try:
        answer = downloads.signed_file(case_id, signature_id, actor)
    except UnknownCase:
        abort(404)
    current.engine().cases.note(case_id, actor, "paper.seen", {"signature": str(signature_id)})
    return answer


def papers(case_id: UUID) -> list[dict[str, Any]]:
    """Return what the reviewer's page shows of signed agreements."""
    signed = downloads.signatures_of(case_id, current.person())
    with current.engine().database.reading() as session:
        verdicts = current.web().inspection.of(session, case_id)
    return [
        {
            **told,
            "url": url_for("desk_papers.paper", case_id=case_id, signature_id=one.id),
            "verdict": verdicts.get(one.id),
        }
        for told, one in zip(downloads.papers(case_id, signed), signed, strict=True)
    ]
