"""What diagrams ask of agreements: the list for a case, and a note of what was signed.

agreements.list      the list for this case, and whether anything is to be signed (again)
agreements.record    writes down what was signed, or in older diagrams agreed to
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select

from engine import Step, clock, operator
from engine.store.tables import CaseRow
from handlers.agreements.documents import content_hash
from handlers.agreements.papers import JOB
from handlers.agreements.versions import Agreements
from handlers.signing.tables import SignatureRow

#: The job that verifies what was signed (``handlers.inspection``).
INSPECT = "signatures.inspect"


def operators(agreements: Agreements) -> SimpleNamespace:
    """Return the operators that need to know which versions stand, for a Catalogue."""

    @operator("agreements.list")
    def listing(step: Step, *, type: str, content: str) -> dict[str, Any]:
        """Return the documents of this case, and whether the customer has to sign (again).

        Their papers are written by a job of the same transaction, so that they are there when the customer
        has opened the first one.

        :param type: the list the decision table names.
        :param content: the category of what is agreed to.
        """
        account_type = str(
            (step.data.get("profile") or {}).get("account_type") or step.data.get("account_type") or ""
        )
        today = clock.shanghai(step.now).date()
        listed = agreements.documents(
            step.session, step.parameters, step.case.type, account_type, today, data=step.data
        )
        listed = [d for d in listed if not _left_out(step, d.code, d.version)]
        digest = content_hash(step.data, listed)
        needed = _asked_again(step.data) or (step.data.get("consented") or {}).get("content") != digest
        if needed:
            step.defer(JOB, case_id=str(step.case.id))
        return {
            "list": type,
            "content": digest,
            "needed": needed,
            "how": "certificate",
            "documents": [
                {
                    "code": d.code,
                    "title": d.title,
                    "version": d.version,
                    "sha256": d.sha256,
                    "needed": needed,
                }
                for d in listed
            ],
        }

    @operator("agreements.record")
    def record(step: Step) -> dict[str, Any]:
        """Write down for which content the documents were signed.

        :raises ValueError: the case says signed, and a signature is not there.
        """
        listed = step.data.get("agreements") or {}
        consents = step.data.get("consents") or {}
        content = listed.get("content")
        if consents.get("how") == "certificate":
            rows = select(SignatureRow.code, SignatureRow.serial).where(
                SignatureRow.case_id == step.case.id, SignatureRow.content == content
            )
            signed = {row.code: row.serial for row in step.session.execute(rows)}
            missing = [d["code"] for d in listed.get("documents") or () if d["code"] not in signed]
            if missing or not signed:
                raise ValueError(f"not signed: {', '.join(missing)}")
            step.defer(INSPECT, case_id=str(step.case.id))
        return {"content": content, "how": consents.get("how") or "consent", "at": step.now.isoformat()}

    return SimpleNamespace(listing=listing, record=record)


def _asked_again(data: Mapping[str, Any]) -> bool:
    """Whether a reviewer sent the case back to be signed anew."""
    review = data.get("review") or {}
    return review.get("decision") == "return" and "sign" in (review.get("steps") or [review.get("step")])


def _left_out(step: Step, code: str, version: str) -> bool:
    """Whether the company leaves an agreement out because its customer signed this very version (R-159)."""
    need = next((one for one in step.parameters.agreements if one.code == code), None)
    if need is None or not need.only_if_newer:
        return False
    signed = (
        select(SignatureRow.id)
        .join(CaseRow, CaseRow.id == SignatureRow.case_id)
        .where(
            CaseRow.owner == step.case.owner,
            CaseRow.state == "in_effect",
            SignatureRow.code == code,
            SignatureRow.version == version,
        )
    )
    return step.session.scalar(signed.limit(1)) is not None
