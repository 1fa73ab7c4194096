"""What diagrams may name: the company's seal, after the review."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from engine import Step, operator
from handlers.signing.signing import JOB
from handlers.signing.tables import SignatureRow


@operator("signing.seal", gives=("papers",))
def seal(step: Step) -> dict[str, Any]:
    """Have the papers with which this case was accepted sealed and archived, by a job of its own.

    A case that signed nothing has nothing sealed.
    """
    content = str((step.data.get("agreements") or {}).get("content") or "")
    wanted = want(step.session, step.case.id, content, step.now)
    if wanted:
        step.defer(JOB, case_id=str(step.case.id))
    return {"papers": wanted}


def want(session: Session, case_id: UUID, content: str, now: datetime) -> int:
    """Note that what was signed last for ``content`` is to be sealed; return how many papers that is."""
    last = (
        select(SignatureRow.ticket)
        .where(SignatureRow.case_id == case_id, SignatureRow.content == content)
        .order_by(SignatureRow.signed_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    noted = session.execute(
        update(SignatureRow)
        .where(
            SignatureRow.case_id == case_id,
            SignatureRow.ticket == last,
            SignatureRow.seal_wanted_at.is_(None),
        )
        .values(seal_wanted_at=now)
        .execution_options(synchronize_session=False)
    )
    return cast("CursorResult[Any]", noted).rowcount
