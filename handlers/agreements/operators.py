"""What diagrams ask of agreements: the list for a case, and a note of what was agreed to.

agreements.list      the list for this case, and whether consent is needed (again)
agreements.record    writes down what was agreed to

Until a certificate signs, consent is all there is, and the case says so to the reviewer (CONSENT_ONLY).
"""

from typing import Any

from engine import Step, operator
from handlers.agreements.documents import content_hash, documents


@operator("agreements.list")
def listing(step: Step, *, type: str, content: str) -> dict[str, Any]:
    """Return the documents of this case, and whether the customer has to agree (again).

    :param type: the list the decision table names.
    :param content: the category of what is agreed to.
    """
    account_type = str(
        (step.data.get("profile") or {}).get("account_type") or step.data.get("account_type") or ""
    )
    listed = documents(step.parameters, step.case.type, account_type)
    digest = content_hash(step.data, listed)
    review = step.data.get("review") or {}
    again = review.get("decision") == "return" and "sign" in (review.get("steps") or [review.get("step")])
    needed = again or (step.data.get("consented") or {}).get("content") != digest
    return {
        "list": type,
        "content": digest,
        "needed": needed,
        "how": "consent",
        "documents": [
            {"code": d.code, "title": d.title, "version": d.version, "sha256": d.sha256, "needed": needed}
            for d in listed
        ],
    }


@operator("agreements.record")
def record(step: Step) -> dict[str, Any]:
    """Write down which documents were agreed to for which content."""
    agreements = step.data.get("agreements") or {}
    return {"content": agreements.get("content"), "how": "consent", "at": step.now.isoformat()}
