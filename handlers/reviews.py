"""Reviews: what several people's decisions come to (R-204, R-206, A-20)."""

from typing import Any

from engine import Step, operator

#: A decision's keys (``forms.field_decision``), and the level that made it.
DECISION = ("decision", "level", "decided_at", "step", "opens", "reasons", "note", "flags")


@operator("review.automatic", gives=DECISION)
def automatic(step: Step) -> dict[str, Any]:
    """Approve where the company asks for no review (零级复核)."""
    return {"decision": "approve", "level": 0, "decided_at": step.now.isoformat()}


@operator("review.conclude", gives=DECISION)
def conclude(
    step: Step, *, first: dict[str, Any] | None, second: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the decision that counts: the later one where there are two.

    A decision of the counter's desk (``ops``) that sends the case back reads like a reviewer's.
    """
    last = second if second and second.get("decision") else first
    if not last or last.get("decision") not in {"approve", "return", "reject"}:
        raise ValueError("a review ended without a decision")
    kept = {k: v for k, v in last.items() if k != "internal_note" and v is not None}
    return {**kept, "decided_at": last.get("decided_at") or step.now.isoformat()}
