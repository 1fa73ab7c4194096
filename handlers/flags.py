"""Flags: what the reviewer should know before looking closer (domain 3.10)."""

from datetime import date
from typing import Any

from engine import Step, clock, operator
from engine.steps import flags_in


@operator("flags.assess")
def assess(step: Step) -> dict[str, Any]:
    """Collect the flags of every answer and add what the stored values and the company's rules say."""
    flags = [f for f in flags_in({k: v for k, v in step.data.items() if k != "risk"}) if f not in _RAISED]
    settings = step.parameters
    until = (step.data.get("profile") or {}).get("valid_until")
    if until:
        expired = (clock.shanghai(step.now).date() - date.fromisoformat(until)).days
        if expired > settings.id_expired_video_days:
            flags.append("ID_LONG_EXPIRED")
    flags = list(dict.fromkeys(flags))
    levels = settings.review.levels.get(step.case.type, 1)
    return {
        "flags": flags,
        "levels": 2 if settings.review.two_for.intersection(flags) else levels,
        "video_due": step.case.type in settings.video.always_for,
    }


#: Flags that a later step raises anew each time round.
_RAISED = frozenset({"VIDEO_DUE", "CONSENT_ONLY", "CERTIFICATE_DUE", "ID_LONG_EXPIRED"})


@operator("flags.raise")
def raise_flag(step: Step, *, code: str) -> dict[str, Any]:
    """Put one flag on the case."""
    return {"flags": [code]}
