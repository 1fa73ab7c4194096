"""Send-backs, as the case's data tell of them."""

from collections.abc import Mapping
from typing import Any


def last_return(data: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the newest decision by which a person sent this case back, if that was the last word."""
    decisions = [data.get(name) for name in ("review", "review2", "video", "ops")]
    given = [one for one in decisions if isinstance(one, Mapping) and one.get("decision")]
    newest = max(given, key=lambda one: str(one.get("decided_at") or ""), default=None)
    return newest if newest is not None and newest["decision"] == "return" else None
