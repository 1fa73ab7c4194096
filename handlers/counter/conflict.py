"""Values that changed at the counter since the customer saw them (R-208): somebody must choose."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from engine import CheckQuery, Verdict, check
from handlers.counter.protocol import Counter, CounterDown, UnknownCustomer
from handlers.counter.update import CHOSEN, changes_of, same

ASK = "柜台资料在客户填写之后已经变更，请核对柜台现值；通过则以客户填写的为准"


def conflicts(counter: Counter, data: Mapping[str, Any], kind: str, parameters: Any) -> dict[str, Any]:
    """Return the values, by name, that this case changes and that are no longer what the customer saw.

    :raises CounterDown: nothing can be said now.
    """
    before = data.get("profile") or {}
    try:
        now = counter.profile(str(before.get("customer_no") or "")).model_dump(mode="json")
    except UnknownCustomer:
        return {}
    changed = changes_of(kind, data, parameters)
    return {name: now.get(name) for name in changed if not same(now.get(name), before.get(name))}


def checks(counter: Counter) -> SimpleNamespace:
    """Return the check a review asks, for a Catalogue."""

    @check("counter.unchanged")
    def unchanged(query: CheckQuery) -> Verdict:
        """Let an approval over changed values be confirmed; a counter that is down is asked again later."""
        if query.answers.get("decision") != "approve":
            return Verdict(True)
        try:
            found = conflicts(counter, query.data, query.case.category, query.around.parameters)
        except CounterDown:
            return Verdict(True)
        return Verdict(False, "decision", ASK, CHOSEN, level="warning") if found else Verdict(True)

    return SimpleNamespace(unchanged=unchanged)
