"""Decisions on a case, and send-backs, as the case's data tell of them."""

from collections.abc import Mapping
from typing import Any

#: Where people's decisions lie: reviewers', the agent's, the counter desk's.
DECISIONS = ("review", "review2", "video", "ops")


def last_decision(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the newest decision that a person made about this case."""
    given = [one for one in map(data.get, DECISIONS) if isinstance(one, Mapping) and one.get("decision")]
    return max(given, key=lambda one: str(one.get("decided_at") or ""), default=None)


def last_return(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the newest decision by which a person sent this case back, if that was the last word."""
    newest = last_decision(data)
    return newest if newest is not None and newest["decision"] == "return" else None
