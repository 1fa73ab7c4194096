"""Who may see a case, and who may act on one of its tasks."""

from engine.errors import AlreadyClaimed, NotClaimed, NotYours
from engine.operators import Actor
from engine.store.tables import CaseRow, WorkItemRow

#: Lanes whose tasks are taken from a common inbox and must be claimed before they are done.
STAFF_LANES = frozenset({"reviewer", "compliance", "operator", "agent"})


def may_see_case(row: CaseRow, actor: Actor) -> bool:
    """Whether a case is this customer's own, or in the branches of this member of staff."""
    if actor.kind == "customer":
        return row.owner == actor.id
    if actor.kind == "staff":
        return row.company == actor.company and (not actor.branches or row.branch in actor.branches)
    return actor.kind == "system"


def must_see(item: WorkItemRow, row: CaseRow, actor: Actor) -> None:
    """Raise NotYours unless a task waits for this person or for the role of this member of staff."""
    if item.lane not in STAFF_LANES:
        allowed = item.owner == actor.id
    else:
        allowed = actor.kind == "staff" and may_see_case(row, actor)
    if item.lane not in actor.roles or not allowed:
        raise NotYours()


def must_act(item: WorkItemRow, row: CaseRow, actor: Actor) -> None:
    """Raise unless this person may work on a task now: staff claim it first."""
    must_see(item, row, actor)
    if item.lane in STAFF_LANES and item.claimed_by != actor.label:
        raise AlreadyClaimed() if item.claimed_by else NotClaimed()
